import { SingleBar } from 'cli-progress';

/** What stdout is for: lines for people, lines of JSON, or nothing, because a file goes there: lines then go to stderr. */
export type Results = 'text' | 'jsonl' | 'file';

/** What the user sees while images are fitted: results on stdout; progress and failures on stderr. */
export interface Reporter {
  /** An image begins; `position` as in `2/5`. */
  begin(image: string, position: string): void;
  /** @param fraction of this image's work done, 0..1 */
  progress(stage: string, fraction: number): void;
  done(line: string): void;
  /** A result for programs; shown with `jsonl` alone. */
  record(value: unknown): void;
  warn(line: string): void;
  fail(line: string): void;
  /** Clears the bar, if one is shown. */
  close(): void;
}

function plainReporter(quiet: boolean, results: Results): Reporter {
  return {
    begin() {},
    progress() {},
    done(line) {
      if (!quiet && results !== 'jsonl') (results === 'file' ? process.stderr : process.stdout).write(`${line}\n`);
    },
    record(value) {
      if (results === 'jsonl') process.stdout.write(`${JSON.stringify(value)}\n`);
    },
    warn(line) {
      if (!quiet) process.stderr.write(`${line}\n`);
    },
    fail(line) {
      process.stderr.write(`${line}\n`);
    },
    close() {},
  };
}

function barReporter(results: Results): Reporter {
  const plain = plainReporter(false, results);
  const bar = new SingleBar({
    stream: process.stderr,
    format: '{position} {image} [{bar}] {percentage}% {stage}',
    barsize: 30,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    hideCursor: true,
    clearOnComplete: true,
    // It would end the process on its own at SIGINT; the command stops the fit first.
    gracefulExit: false,
  });
  return {
    begin(image, position) {
      bar.start(100, 0, { image, position, stage: '' });
    },
    progress(stage, fraction) {
      bar.update(100 * fraction, { stage });
    },
    done(line) {
      bar.stop();
      plain.done(line);
    },
    record(value) {
      bar.stop();
      plain.record(value);
    },
    warn(line) {
      bar.stop();
      plain.warn(line);
    },
    fail(line) {
      bar.stop();
      plain.fail(line);
    },
    close() {
      bar.stop();
    },
  };
}

/** A bar on a terminal, plain lines elsewhere, only failures with `quiet`. */
export function createReporter(quiet: boolean, results: Results = 'text'): Reporter {
  return process.stderr.isTTY && !quiet ? barReporter(results) : plainReporter(quiet, results);
}

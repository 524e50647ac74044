// Runs steps in order until the time is over, keeps what each left as soon as it ends, and goes on where a run before
// this one stopped.
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Figure, isMet, type Output, type Step } from './step.js';

export interface Result {
  name: string;
  /** `stopped`: its time was over; what it had measured by then is in `figures`. */
  state: 'done' | 'failed' | 'stopped' | 'skipped' | 'not reached';
  seconds: number;
  figures: Figure[];
  /** Why it failed, was skipped or not reached. */
  reason?: string;
}

export interface Document {
  /** Of the machine: GPU, driver, processor. */
  machine: Record<string, string | number>;
  results: Result[];
}

/** Of a step that failed, the last characters of what it said are printed too. */
const TAIL = 1500;
/** While a step runs, the copy of the log is this old at most. */
const COPY_MS = 5000;

/**
 * Kept in `folder`: gpu.json (a Document), gpu.csv, and log.txt with what every command printed, as it comes; all of it
 * also in `copy`, if named, after every step.
 */
export class Schedule {
  readonly #folder: string;
  readonly #document: Document;
  readonly #copy: string | undefined;
  readonly #now: () => number;

  constructor(
    folder: string,
    machine: Document['machine'],
    options: { resume: boolean; copy?: string | undefined; now?: () => number },
  ) {
    this.#folder = folder;
    this.#copy = options.copy;
    this.#now = options.now ?? (() => performance.now());
    const kept = join(folder, 'gpu.json');
    const before =
      options.resume && existsSync(kept) ? (JSON.parse(readFileSync(kept, 'utf8')) as Document) : undefined;
    if (!before) rmSync(folder, { recursive: true, force: true });
    for (const each of [folder, options.copy]) if (each) mkdirSync(each, { recursive: true });
    this.#document = { machine, results: before?.results ?? [] };
  }

  get document(): Document {
    return this.#document;
  }

  /** A step that is done is not run again; all others are, as far as the seconds reach. */
  async run(steps: readonly Step[], seconds: number): Promise<void> {
    const end = this.#now() + 1000 * seconds;
    for (const step of steps) {
      const before = this.#document.results.find(({ name }) => name === step.name);
      if (before?.state === 'done') continue;
      this.#keep(await this.#runOne(step, (end - this.#now()) / 1000));
    }
  }

  async #runOne(step: Step, left: number): Promise<Result> {
    const nothing = { name: step.name, seconds: 0, figures: [] };
    if (!step.command) return { ...nothing, state: 'skipped', reason: step.reason ?? '' };
    if (left < step.leastS)
      return { ...nothing, state: 'not reached', reason: `${Math.max(0, left).toFixed(0)} s left` };
    const limit = Math.min(step.limitS, left);
    console.log(`--- ${step.name} (at most ${limit.toFixed(0)} s)`);
    const start = this.#now();
    const log = (text: string) => appendFileSync(join(this.#folder, 'log.txt'), text);
    log(`--- ${step.name}: ${step.command.join(' ')}\n`);
    const copying = setInterval(() => this.#copyAll(), COPY_MS);
    const output = await execute(step.command, limit, step.env, log);
    clearInterval(copying);
    const seconds = (this.#now() - start) / 1000;
    log(
      `\n--- ${step.name}: ${output.stopped ? 'stopped' : `status ${output.status}`} after ${seconds.toFixed(1)} s\n\n`,
    );
    let { figures, failure } = { figures: [] as Figure[], failure: undefined as string | undefined };
    try {
      ({ figures, failure } = { failure: undefined, ...step.read(output) });
    } catch (error) {
      failure = `its output was not understood: ${String(error)}`;
    }
    if (!output.stopped && output.status !== 0) failure ??= `ended with status ${output.status}`;
    const state = failure ? 'failed' : output.stopped ? 'stopped' : 'done';
    if (state === 'failed') console.log(`${output.text.slice(-TAIL).trimEnd()}\n`);
    return { name: step.name, state, seconds, figures, ...(failure && { reason: failure }) };
  }

  #keep(result: Result): void {
    const { results } = this.#document;
    const at = results.findIndex(({ name }) => name === result.name);
    // What a run before this one measured is better than nothing.
    if (at >= 0 && result.figures.length === 0 && results[at]!.figures.length > 0) return;
    if (at >= 0) results[at] = result;
    else results.push(result);
    print(result);
    writeFileSync(join(this.#folder, 'gpu.json'), `${JSON.stringify(this.#document, null, 1)}\n`);
    writeFileSync(join(this.#folder, 'gpu.csv'), csv(results));
    this.#copyAll();
  }

  #copyAll(): void {
    if (!this.#copy) return;
    for (const name of readdirSync(this.#folder)) {
      const file = join(this.#folder, name);
      if (statSync(file).isFile()) copyFileSync(file, join(this.#copy, name));
    }
  }
}

function csv(results: readonly Result[]): string {
  const rows = results.flatMap(({ name, figures }) =>
    figures.map((f) => [name, f.name, f.value, f.unit, f.at ? `at ${f.at}` : '', f.limit ?? '', isMet(f) ?? '']),
  );
  const head = ['step', 'figure', 'value', 'unit', 'wanted', 'limit', 'met'];
  return [head, ...rows].map((row) => `${row.map((cell) => JSON.stringify(cell)).join(',')}\n`).join('');
}

export function print({ name, state, seconds, figures, reason }: Result): void {
  console.log(`${name}: ${state} in ${seconds.toFixed(1)} s${reason ? ` (${reason})` : ''}`);
  for (const figure of figures) {
    const { value, unit, limit, at } = figure;
    const wanted = limit === undefined ? '' : `  (at ${at} ${limit}${isMet(figure) ? '' : ': MISSED'})`;
    const digits = Math.abs(value) < 10 ? 4 : 1;
    console.log(`  ${figure.name.padEnd(56)} ${value.toFixed(digits).padStart(10)} ${unit}${wanted}`);
  }
}

/** Runs a command, and ends it with all that it started when the seconds are over. */
function execute(
  command: readonly string[],
  seconds: number,
  env: Record<string, string> = {},
  heard: (text: string) => void = () => {},
): Promise<Output> {
  return new Promise((resolve) => {
    let [text, stopped] = ['', false];
    const [program, ...args] = command as [string, ...string[]];
    const child = spawn(program, args, {
      detached: true,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = (signal: NodeJS.Signals) => {
      try {
        process.kill(-child.pid!, signal);
      } catch {
        // It has ended.
      }
    };
    const timer = setTimeout(() => {
      stopped = true;
      end('SIGKILL');
    }, 1000 * seconds);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        heard(part);
      });
    }
    child.on('error', (error) => {
      text += String(error);
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ text, status, stopped });
    });
  });
}

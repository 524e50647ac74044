import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { MAIN } from './cli-process.js';

export interface RunningService {
  url: string;
  child: ChildProcess;
  /** What it wrote so far. */
  readonly log: string;
  /** Exit code, or the signal that ended it. */
  ended: Promise<number | string>;
  /** Ends it and waits. */
  stop: (signal?: NodeJS.Signals) => Promise<number | string>;
}

/** Starts the built `hrn serve` on a free port. */
export async function startService(
  args: readonly string[] = [],
  wrap: readonly string[] = [],
): Promise<RunningService> {
  const [program, ...rest] = [...wrap, process.execPath, MAIN, 'serve', '--port', '0', ...args];
  const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'));
  });
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    return ended;
  };
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      log += chunk;
      const found = /the page is at (http:\S+),/.exec(log)?.[1];
      if (found) resolve(found);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    ended.then((how) => reject(new Error(`hrn serve ended (${how}): ${log}`)));
  });
  return {
    url,
    child,
    get log() {
      return log;
    },
    ended,
    stop,
  };
}

/** Processes that a process started (Linux). */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

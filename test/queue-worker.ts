import { type ChildProcess, spawn } from 'node:child_process';
import { MAIN } from './cli-process.js';

interface Line {
  type: string;
  id?: string;
  known?: boolean;
}

export interface WorkerProcess {
  child: ChildProcess;
  /** What it logged so far. */
  lines: Line[];
  /** Exit code, or the signal that ended it. */
  ended: Promise<number | string>;
  /** Resolves once it has logged a line of that type. */
  has: (type: string) => Promise<void>;
}

/** Starts the built `hrn worker`. */
export function startWorkerProcess(args: readonly string[], env: Record<string, string> = {}): WorkerProcess {
  const child = spawn(process.execPath, [MAIN, 'worker', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const lines: Line[] = [];
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal!));
  });
  let notify: () => void = () => {};
  let rest = '';
  child.stdout!.on('data', (chunk) => {
    const found = (rest + chunk).split('\n');
    rest = found.pop()!;
    lines.push(...found.map((line) => JSON.parse(line) as Line));
    notify();
  });
  const has = async (type: string) => {
    while (!lines.some((line) => line.type === type)) {
      await new Promise<void>((resolve) => {
        notify = resolve;
      });
    }
  };
  return { child, lines, ended, has };
}

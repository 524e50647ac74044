import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The built program. */
export const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  /** Besides this process's own. */
  env?: Readonly<Record<string, string>>;
  /** Sent after that many milliseconds. */
  interruptAfterMs?: number;
}

/** Runs the built CLI as a user would, with neither stdout nor stderr a terminal. */
export function runCli(args: readonly string[], { cwd, env, interruptAfterMs }: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const finished: Finished = { code: null, stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      finished.stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      finished.stderr += chunk;
    });
    const timer = interruptAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGINT'), interruptAfterMs);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ ...finished, code });
    });
  });
}

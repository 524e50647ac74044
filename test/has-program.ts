import { execFileSync } from 'node:child_process';

/** Whether a program is on the PATH and can be started so. */
export function hasProgram(name: string, args: readonly string[]): boolean {
  try {
    execFileSync(name, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

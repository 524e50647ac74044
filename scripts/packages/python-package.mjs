// Files of Python packages: some tools come in no other way. Only pip and python3 are needed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const python = (...args) => execFileSync('python3', ['-m', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });

/**
 * @param {string} requirement such as `ziglang==0.17.1`
 * @param {string} folder to unpack into; made if missing
 * @returns {string} folder
 */
export function unpackWheel(requirement, folder) {
  mkdirSync(folder, { recursive: true });
  python('pip', 'download', '-q', '--no-deps', '--only-binary=:all:', '-d', folder, requirement);
  const wheel = join(
    folder,
    readdirSync(folder).find((file) => file.endsWith('.whl')),
  );
  python('zipfile', '-e', wheel, folder);
  rmSync(wheel);
  return folder;
}

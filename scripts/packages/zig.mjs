// The compiler that builds for every platform on one machine: zig, from the Python package ziglang, unpacked into .cache.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const VERSION = '0.17.1';
/** What cmake/zig.cmake names as tools: programs of one word, which ccache understands. */
const TOOLS = ['cc', 'c++', 'ar', 'ranlib', 'dlltool'];

/**
 * Fetches zig once (with pip) and writes a program for each of its tools.
 *
 * @param {string} cache folder to keep it in
 * @returns {string} folder with zig-cc, zig-c++, zig-ar, zig-ranlib and zig-dlltool
 */
export function zigTools(cache) {
  const folder = join(cache, `zig-${VERSION}`);
  if (existsSync(folder)) return join(folder, 'tools');
  const partial = `${folder}.${process.pid}`;
  mkdirSync(join(partial, 'tools'), { recursive: true });
  const python = (...args) => execFileSync('python3', ['-m', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  python('pip', 'download', '-q', '--no-deps', '--only-binary=:all:', '-d', partial, `ziglang==${VERSION}`);
  const wheel = readdirSync(partial).find((file) => file.endsWith('.whl'));
  python('zipfile', '-e', join(partial, wheel), partial);
  rmSync(join(partial, wheel));
  chmodSync(join(partial, 'ziglang', 'zig'), 0o755);
  for (const tool of TOOLS) {
    const path = join(partial, 'tools', `zig-${tool}`);
    writeFileSync(path, `#!/bin/sh\nexec "$(dirname "$0")/../ziglang/zig" ${tool} "$@"\n`, { mode: 0o755 });
  }
  renameSync(partial, folder);
  return join(folder, 'tools');
}

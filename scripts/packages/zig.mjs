// The compiler that builds for every platform on one machine: zig, from the Python package ziglang, unpacked into .cache.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unpackWheel } from './python-package.mjs';

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
  unpackWheel(`ziglang==${VERSION}`, partial);
  chmodSync(join(partial, 'ziglang', 'zig'), 0o755);
  for (const tool of TOOLS) {
    const path = join(partial, 'tools', `zig-${tool}`);
    writeFileSync(path, `#!/bin/sh\nexec "$(dirname "$0")/../ziglang/zig" ${tool} "$@"\n`, { mode: 0o755 });
  }
  renameSync(partial, folder);
  return join(folder, 'tools');
}

/**
 * Stand-ins for the libraries of an old glibc: linked against them, a program can take no newer symbol. zig makes them for
 * whatever it links.
 *
 * @param {string} tools of zigTools
 * @param {string} target such as x86_64-linux-gnu.2.28
 * @returns {string} folder with libc.so.6, libm.so.6, ...
 */
export function glibcStubs(tools, target) {
  const cache = join(dirname(tools), `stubs-${target}`);
  const find = () => {
    const made = existsSync(join(cache, 'o')) ? readdirSync(join(cache, 'o')) : [];
    return made.map((name) => join(cache, 'o', name)).find((folder) => existsSync(join(folder, 'libc.so.6')));
  };
  if (!find()) {
    mkdirSync(cache, { recursive: true });
    writeFileSync(join(cache, 'empty.c'), '');
    execFileSync(
      join(tools, 'zig-cc'),
      ['-target', target, '-shared', '-o', join(cache, 'empty.so'), join(cache, 'empty.c')],
      {
        env: { ...process.env, ZIG_GLOBAL_CACHE_DIR: cache },
        stdio: 'inherit',
      },
    );
  }
  const stubs = find();
  if (!stubs) throw new Error(`zig left no libc.so.6 in ${cache}`);
  return stubs;
}

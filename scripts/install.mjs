#!/usr/bin/env node
// Part of `npm install` in a checkout: compiles the addon (what changed). Published packages come with theirs.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const build = fileURLToPath(new URL('build-native.mjs', import.meta.url));
const { status } = spawnSync(process.execPath, [build], { stdio: 'inherit' });
if (status !== 0) {
  console.error('hrn: building the addon failed (see above).');
  console.error('hrn: it needs a C++20 compiler and CMake 3.25 or newer: on Debian, apt-get install g++ cmake make');
  process.exit(1);
}

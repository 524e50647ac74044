#!/usr/bin/env node
// The package's install script: keeps the prebuilt addon if it loads here, else compiles the addon. In a checkout it
// always compiles (what changed), since a prebuilt addon left there may be older than the sources.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

function prebuiltLoads() {
  if (!existsSync(join(root, 'prebuilds')) || existsSync(join(root, 'test'))) return false;
  try {
    const { resolve } = createRequire(import.meta.url)('node-gyp-build/node-gyp-build.js');
    // In a process of its own: a binary that does not fit may end the process instead of throwing.
    return spawnSync(process.execPath, ['-e', `require(${JSON.stringify(resolve(root))})`]).status === 0;
  } catch {
    return false;
  }
}

function builds(environment = {}) {
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'build-native.mjs')], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  return status === 0;
}

// A user's installation does not fail for an nvcc that hrn was not tried with; a checkout's does.
const withoutCuda = () => {
  if (existsSync(join(root, 'test')) || process.env.HRN_CUDA) return false;
  console.error('hrn: the build failed (see above); trying again without CUDA');
  return builds({ HRN_CUDA: 'OFF' });
};

if (!prebuiltLoads()) {
  if (!builds() && !withoutCuda()) {
    console.error('hrn: no prebuilt addon fits this machine and building one failed (see above).');
    console.error(
      'hrn: a build needs a C++20 compiler and CMake 3.25 or newer: on Debian, apt-get install g++ cmake make',
    );
    process.exit(1);
  }
}

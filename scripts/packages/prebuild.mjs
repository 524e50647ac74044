#!/usr/bin/env node
// `npm run prebuild [-- NAME...]` builds the addon for this machine's platform or those named, `npm run prebuild:all` for
// every one, into the folders of their packages (npm/hrn-face-NAME), and checks what came out.
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkAddon } from './check-addon.mjs';
import { nvcc } from './cuda-toolkit.mjs';
import { platformPackage, root } from './manifests.mjs';
import { addonPath, PLATFORMS, platformNamed } from './platforms.mjs';
import { glibcStubs, zigTools } from './zig.mjs';

const names = process.argv.slice(2);
const platforms = names.includes('--all') ? PLATFORMS : names.length > 0 ? names.map(platformNamed) : [platformNamed()];
const tools = zigTools(join(root, '.cache'));

const build = join(root, 'scripts', 'build-native.mjs');

/** What scripts/build-native.mjs is told by the environment. */
function compilers({ cuda, target }) {
  if (!cuda) return { HRN_ZIG_TARGET: target, HRN_ZIG_TOOLS: tools, HRN_CUDA: 'OFF' };
  return {
    HRN_GLIBC_STUBS: glibcStubs(tools, target),
    HRN_CUDA: 'ON',
    HRN_CUDA_ARCHITECTURES: 'PREBUILD',
    CUDACXX: process.env.CUDACXX ?? nvcc(join(root, '.cache')),
  };
}

for (const platform of platforms) {
  const folder = join(root, 'npm', platformPackage(platform));
  mkdirSync(folder, { recursive: true });
  // prebuildify calls what it takes for node-gyp in that folder, and moves build/Release/*.node into prebuilds/.
  const args = ['--napi', '-t', '20.17.0', '--name', 'hrn', '--platform', platform.os, '--arch', platform.cpu];
  if (platform.libc) args.push('--tag-libc', platform.libc);
  execFileSync(join(root, 'node_modules', '.bin', 'prebuildify'), args, {
    cwd: folder,
    stdio: 'inherit',
    env: { ...process.env, PREBUILD_NODE_GYP: build, HRN_TARGET: platform.name, ...compilers(platform) },
  });
  const addon = join(folder, addonPath(platform));
  const facts = checkAddon(addon, platform);
  console.log(`${platform.name}: ${(statSync(addon).size / 1e6).toFixed(1)} MB, ${facts}`);
}

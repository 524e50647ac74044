#!/usr/bin/env node
// `npm run prebuild [-- NAME...]` builds the addon for this machine's platform or those named, `npm run prebuild:all` for
// every one, into the folders of their packages (npm/hrn-face-NAME), and checks what came out.
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkAddon } from './check-addon.mjs';
import { compilers } from './compilers.mjs';
import { platformPackage, root } from './manifests.mjs';
import { addonPath, PLATFORMS, platformNamed } from './platforms.mjs';

const names = process.argv.slice(2);
const platforms = names.includes('--all') ? PLATFORMS : names.length > 0 ? names.map(platformNamed) : [platformNamed()];
const build = join(root, 'scripts', 'build-native.mjs');

for (const platform of platforms) {
  const folder = join(root, 'npm', platformPackage(platform));
  mkdirSync(folder, { recursive: true });
  // prebuildify calls what it takes for node-gyp in that folder, and moves build/Release/*.node into prebuilds/.
  const args = ['--napi', '-t', '20.17.0', '--name', 'hrn', '--platform', platform.os, '--arch', platform.cpu];
  if (platform.libc) args.push('--tag-libc', platform.libc);
  execFileSync(join(root, 'node_modules', '.bin', 'prebuildify'), args, {
    cwd: folder,
    stdio: 'inherit',
    env: { ...process.env, PREBUILD_NODE_GYP: build, ...compilers(platform) },
  });
  const addon = join(folder, addonPath(platform));
  const facts = checkAddon(addon, platform);
  console.log(`${platform.name}: ${(statSync(addon).size / 1e6).toFixed(1)} MB, ${facts}`);
}

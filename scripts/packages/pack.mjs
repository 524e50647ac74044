#!/usr/bin/env node
// `npm run pack`: archives of hrn-face and of each platform whose addon `npm run prebuild` has made, in npm/archives.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { platformPackage, root } from './manifests.mjs';
import { addonPath, PLATFORMS } from './platforms.mjs';
import { packToPublish, stageMain, stagePlatform } from './stage.mjs';

const folder = join(root, 'npm');
const archives = join(folder, 'archives');
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const report = (name, { size, unpackedSize }) =>
  console.log(`${name}: ${megabytes(size)}, unpacked ${megabytes(unpackedSize)}`);

report('hrn-face', await packToPublish(stageMain(folder), archives));
for (const platform of PLATFORMS) {
  const name = platformPackage(platform);
  if (existsSync(join(folder, name, addonPath(platform)))) {
    report(name, await packToPublish(stagePlatform(folder, platform), archives));
  } else {
    console.log(`${name}: not built`);
  }
}

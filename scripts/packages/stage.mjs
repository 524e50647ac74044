// Lays out the packages as they are published, each in a folder of its own.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  checkoutManifest,
  platformManifest,
  platformPackage,
  publishedManifest,
  root,
  writeManifest,
} from './manifests.mjs';
import { addonPath } from './platforms.mjs';

const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
/** In the builds of ONNX Runtime that send events to Microsoft (1.29 and later). */
const TELEMETRY = 'events.data.microsoft.com';
const copy = (from, to) => {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
};

/**
 * hrn-face into FOLDER/hrn-face; dist/ must have been built.
 *
 * @param {string} folder
 */
export function stageMain(folder) {
  const stage = join(folder, 'hrn-face');
  rmSync(stage, { recursive: true, force: true });
  const listing = execFileSync(npm, ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const { path } of JSON.parse(listing)[0].files) copy(join(root, path), join(stage, path));
  writeManifest(stage, publishedManifest(checkoutManifest()));
  return stage;
}

/**
 * ONNX Runtime's library for a platform, as onnxruntime-node brings it; what must not be in it is looked for.
 *
 * @param {import('./platforms.mjs').Platform} platform
 * @returns {string} path
 */
export function onnxRuntimeOf({ os, cpu, library }) {
  const peer = join(root, 'node_modules', 'onnxruntime-node');
  const { version } = JSON.parse(readFileSync(join(peer, 'package.json'), 'utf8'));
  const name = os === 'darwin' ? `libonnxruntime.${version}.dylib` : library;
  const path = join(peer, 'bin', 'napi-v3', os, cpu, name);
  if (readFileSync(path).includes(TELEMETRY)) throw new Error(`${path} sends telemetry`);
  return path;
}

/**
 * A platform's package into FOLDER/hrn-face-NAME, around an addon that is there or given.
 *
 * @param {string} folder
 * @param {import('./platforms.mjs').Platform} platform
 * @param {string} [addon] path of the platform's addon; by default what a prebuild has left in the folder
 */
export function stagePlatform(folder, platform, addon) {
  const stage = join(folder, platformPackage(platform));
  if (addon) copy(addon, join(stage, addonPath(platform)));
  copy(onnxRuntimeOf(platform), join(stage, 'onnxruntime', platform.library));
  for (const notice of ['LICENSE', 'ThirdPartyNotices.txt'])
    copy(join(root, 'third_party', 'onnxruntime', notice), join(stage, 'onnxruntime', notice));
  copy(join(root, 'LICENSE'), join(stage, 'LICENSE'));
  const manifest = platformManifest(checkoutManifest(), platform);
  writeManifest(stage, manifest);
  writeFileSync(join(stage, 'README.md'), `# ${manifest.name}\n\n${manifest.description}\n`);
  return stage;
}

/**
 * Packs a staged folder.
 *
 * @param {string} stage
 * @param {string} destination folder
 * @returns {{ path: string, size: number, unpackedSize: number, files: string[] }} path of the archive, its size and that
 *   of its files in bytes, and the paths in it
 */
export function pack(stage, destination) {
  mkdirSync(destination, { recursive: true });
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination];
  const [{ filename, size, unpackedSize, files }] = JSON.parse(
    execFileSync(npm, args, { cwd: stage, encoding: 'utf8' }),
  );
  return { path: join(destination, filename), size, unpackedSize, files: files.map(({ path }) => path) };
}

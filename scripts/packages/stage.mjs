// Lays out the packages as they are published, each in a folder of its own.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import zopfli from '@gfx/zopfli';
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
/** 1.21 to 1.24 end the process on arm64 boards some of whose cores are off (onnxruntime's issues 24092, 24221). */
const OTHER_RELEASES = { 'linux-arm64': '1.27.0' };
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
export function onnxRuntimeOf({ name, os, cpu, library }) {
  const peer = name in OTHER_RELEASES ? fetched(OTHER_RELEASES[name]) : join(root, 'node_modules', 'onnxruntime-node');
  const { version } = JSON.parse(readFileSync(join(peer, 'package.json'), 'utf8'));
  const file = os === 'darwin' ? `libonnxruntime.${version}.dylib` : library;
  const places = ['napi-v6', 'napi-v3'].map((folder) => join(peer, 'bin', folder, os, cpu, file));
  const path = places.find((place) => existsSync(place));
  if (!path) throw new Error(`there is none of ${places.join(', ')}`);
  if (readFileSync(path).includes(TELEMETRY)) throw new Error(`${path} sends telemetry`);
  return path;
}

/** Folder of another release of onnxruntime-node, unpacked into .cache once. */
function fetched(version) {
  const folder = join(root, '.cache', `onnxruntime-node-${version}`);
  if (!existsSync(folder)) {
    const partial = `${folder}.${process.pid}`;
    mkdirSync(partial, { recursive: true });
    const args = ['pack', '--silent', `onnxruntime-node@${version}`];
    const archive = execFileSync(npm, args, { cwd: partial, encoding: 'utf8' }).trim();
    execFileSync('tar', ['xzf', archive], { cwd: partial });
    rmSync(join(partial, archive));
    renameSync(partial, folder);
  }
  return join(folder, 'package');
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

/**
 * Packs a staged folder as it is published: npm's archive, compressed by Zopfli, 1 % smaller for hrn-face and 5 % for a
 * platform's package. Takes about a minute.
 *
 * @param {string} stage
 * @param {string} destination folder
 * @returns {Promise<ReturnType<typeof pack>>}
 */
export async function packToPublish(stage, destination) {
  const packed = pack(stage, destination);
  const files = gunzipSync(readFileSync(packed.path));
  // More than one of its iterations takes half as long again for another 0.1 %.
  const archive = await zopfli.gzipAsync(files, { numiterations: 1 });
  if (!gunzipSync(archive).equals(files)) throw new Error(`${packed.path}: Zopfli changed what is in it`);
  writeFileSync(packed.path, archive);
  return { ...packed, size: archive.length };
}

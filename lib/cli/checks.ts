import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { deviceText, pick } from '../device.js';
import { loadSharp } from '../image/sharp.js';
import { locateModels } from '../models/locate.js';
import { type ModelEntry, readManifest, readModel } from '../models/manifest.js';
import type { CudaDevice, CudaStatus } from '../native/binding.js';
import { native, nativePath, packageRoot } from '../native/load.js';
import { onnxRuntime } from '../native/onnx-runtime.js';
import { VERSION } from '../version.js';

/** One thing that hrn needs, and whether it is in place. */
export interface Check {
  name: string;
  ok: boolean;
  /** What was found, or what is wrong and what to do. */
  detail: string;
}

/** Runs a check; what it throws is its failure. */
async function check(name: string, examine: () => Promise<string> | string): Promise<Check> {
  try {
    return { name, ok: true, detail: await examine() };
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

function nodeVersion(): string {
  const { engines } = createRequire(import.meta.url)('../../package.json') as { engines: { node: string } };
  const least = engines.node.replace('>=', '').split('.').map(Number);
  const here = process.versions.node.split('.').map(Number);
  const firstDifference = least.findIndex((part, i) => part !== here[i]);
  if (firstDifference >= 0 && (here[firstDifference] ?? 0) < (least[firstDifference] ?? 0)) {
    throw new Error(`${process.version}, but hrn needs ${engines.node}: install a newer node`);
  }
  return `${process.version} on ${process.platform}-${process.arch}, ${availableParallelism()} cores`;
}

/**
 * Opens the network for real: a file can be whole and the runtime still unable to use it.
 *
 * @returns why the CUDA provider cannot run it, if that was asked for
 */
async function openNetwork(model: Uint8Array, place: { cudaDevice?: number } = {}): Promise<string> {
  const session = new (native().Session)();
  try {
    return await session.open({
      library: onnxRuntime(place.cudaDevice === undefined ? 'cpu' : 'cuda').library,
      model,
      ...place,
    }).promise;
  } finally {
    session.dispose();
  }
}

function onnxRuntimeFound(): string {
  const { library, source } = onnxRuntime();
  return `${source}, ${library}`;
}

/** Writes and reads an image for real. */
async function sharpFound(): Promise<string> {
  const sharp = await loadSharp();
  const size = 8;
  const png = await sharp({ create: { width: size, height: size, channels: 3, background: 'white' } })
    .png()
    .toBuffer();
  const { width } = await sharp(png).metadata();
  if (width !== size) throw new Error(`sharp read ${width} pixels where it wrote ${size}`);
  return `${sharp.versions.sharp}, libvips ${sharp.versions.vips}`;
}

async function model(folder: string, { file, name, licence, bytes }: ModelEntry): Promise<string> {
  const content = await readModel(folder, file);
  if (file.endsWith('.onnx')) await openNetwork(content);
  return `${name}, ${(bytes / 1024).toFixed(0)} KiB, ${licence}, hash as in the manifest`;
}

function gpu({ name, computeCapability, totalBytes, freeBytes, reason }: CudaDevice): string {
  const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;
  const free = freeBytes > 0 ? `, ${megabytes(freeBytes)} free` : '';
  return `${name}, compute capability ${computeCapability}, ${megabytes(totalBytes)}${free}: ${reason ? `not usable: ${reason}` : 'usable'}`;
}

function cudaVersions({ runtimeVersion, driverVersion, driverName, targets }: CudaStatus): string {
  const text = (version: number) => `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;
  if (runtimeVersion === 0) return 'not in this addon';
  const driver = driverVersion === 0 ? 'none' : `${driverName || 'unknown'}, for CUDA up to ${text(driverVersion)}`;
  return `runtime ${text(runtimeVersion)}, compiled for ${targets}; driver: ${driver}`;
}

/** A device that cannot be used breaks nothing: its line says why, and the last one what is used instead. */
async function devices(): Promise<Check[]> {
  let status: CudaStatus | undefined;
  const cuda = await check('cuda', async () => {
    status = await native().probeCuda().promise;
    return cudaVersions(status);
  });
  if (status === undefined) return [cuda];
  const { devices: found, reason } = status;
  const auto = pick('auto', status);
  return [
    cuda,
    { name: 'device cpu', ok: true, detail: `usable, ${native().isa()}` },
    ...found.map((device) => ({ name: `device cuda:${device.index}`, ok: true, detail: gpu(device) })),
    ...(reason === '' ? [] : [{ name: 'device cuda', ok: true, detail: `not usable: ${reason}` }]),
    { name: 'device auto', ok: true, detail: `picks ${deviceText(auto)}` },
  ];
}

/**
 * Everything that `hrn doctor` looks at, in the order in which one thing needs another.
 *
 * @param models folder of models, in place of the embedded ones
 */
export async function runChecks(models?: string): Promise<Check[]> {
  const folder = locateModels(models);
  const checks = [
    await check('hrn', () => `${VERSION}, ${packageRoot}`),
    await check('node', nodeVersion),
    await check('addon', nativePath),
    await check('backends', () => native().backends().join(', ')),
    ...(await devices()),
    await check('onnxruntime', onnxRuntimeFound),
    await check('sharp', sharpFound),
  ];
  let entries: ModelEntry[] = [];
  checks.push(
    await check('models', async () => {
      entries = await readManifest(folder);
      return `${entries.length} files in ${folder}`;
    }),
  );
  const network = entries.find(({ file }) => file.endsWith('.onnx'));
  if (network !== undefined) {
    checks.push(
      await check('inference cuda', async () => {
        const reason = await openNetwork(await readModel(folder, network.file), { cudaDevice: 0 });
        return reason === '' ? 'usable' : `not usable: ${reason}`;
      }),
    );
  }
  for (const entry of entries) checks.push(await check(entry.file, () => model(folder, entry)));
  return checks;
}

/**
 * Summarises how the landmark network errs on the training portraits of models/train/generate.ts and writes
 * models/landmark-noise.safetensors, which the landmark fit uses as its noise model:
 *
 *     npx tsx models/build/landmark-noise/build.ts FOLDER
 *
 * Run it again whenever the head model or the landmark network changes.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFilesAtomically } from '../../../lib/atomic-write.js';
import { encodeHalfs } from '../../../lib/half-float.js';
import { loadHead } from '../../../lib/models/head.js';
import { readModel } from '../../../lib/models/manifest.js';
import { MIRROR } from '../../../lib/stages/mesh-points.js';
import { type NoiseSample, type NoiseStatistics, noiseStatistics } from './statistics.js';

const FILE = 'landmark-noise.safetensors';
const MODELS = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const MODES = 24;
/** Beyond it the errors no longer follow the square of the turn. */
const LARGEST_YAW = 45;
/**
 * Photos are not renders: only this part of the measured bias is believed, and the rest is added to the independent
 * error, like a floor for what renders do not show at all.
 */
const BIAS_SHARE = 0.7;
const SIGMA_FLOOR_MM = 0.35;
/** More change nothing that can be seen. */
const MOST_PORTRAITS = 2500;

const folder = process.argv[2];
if (!folder) throw new Error('a folder of models/train/generate.ts is needed');
const model = await loadHead(await readModel(MODELS, 'head.safetensors'));
const accepted = await measurements(folder);
process.stdout.write(`${accepted.length} portraits turned by at most ${LARGEST_YAW} degrees\n`);

const fixed = model.dense.dynamic.map((dynamic) => (dynamic ? 0 : 1));
const statistics = noiseStatistics(accepted, MIRROR, fixed, MODES);
report(statistics);
await write(statistics);

/** The errors that the generator wrote beside its portraits. */
async function measurements(from: string): Promise<NoiseSample[]> {
  const layout = JSON.parse(await readFile(path.join(from, 'layout.json'), 'utf8')) as {
    name: string;
    length: number;
  }[];
  const width = layout.reduce((sum, { length }) => sum + length, 0);
  const start = (name: string): number => {
    const before = layout.findIndex((field) => field.name === name);
    return layout.slice(0, before).reduce((sum, { length }) => sum + length, 0);
  };
  const [error, view] = [start('error'), start('view')];
  const samples: NoiseSample[] = [];
  for (const file of (await readdir(from)).filter((name) => name.endsWith('.f32')).sort()) {
    const bytes = await readFile(path.join(from, file));
    const rows = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    for (let o = 0; o < rows.length && samples.length < MOST_PORTRAITS; o += width) {
      const yawDegrees = rows[o + view]!;
      if (Math.abs(yawDegrees) > LARGEST_YAW) continue;
      samples.push({
        error: Float64Array.from(rows.subarray(o + error, o + error + 2 * model.dense.count)),
        yawDegrees,
      });
    }
  }
  return samples;
}

/** Prints means over the fixed points, and the bias by turn of the head. */
function report({ bias, modes, sigma }: NoiseStatistics): void {
  const points = [...fixed.keys()].filter((p) => fixed[p]);
  const rms = (value: (i: number) => number): string =>
    Math.sqrt(points.reduce((sum, p) => sum + value(2 * p) ** 2 + value(2 * p + 1) ** 2, 0) / points.length).toFixed(2);
  const modesAt = (i: number): number => Math.hypot(...modes.map((mode) => mode[i]!));
  const share = [0, 1, 2].map((k) => rms((i) => bias[k]![i]!));
  process.stdout.write(
    `rms over ${points.length} fixed points, mm: bias ${share[0]}, per sine ${share[1]}, squared ${share[2]}, `,
  );
  process.stdout.write(`modes ${rms(modesAt)}, rest ${rms((i) => sigma[i >> 1]!)}\n`);
  process.stdout.write(`modes, rms a point: ${modes.map((m) => rms((i) => m[i]!)).join(' ')}\n`);
  for (const [low, high] of [
    [-40, -20],
    [-20, -7],
    [-7, 7],
    [7, 20],
    [20, 40],
  ] as const) {
    const bin = accepted.filter(({ yawDegrees }) => yawDegrees >= low && yawDegrees < high);
    if (bin.length === 0) continue;
    const mean = (i: number): number => bin.reduce((sum, { error }) => sum + error[i]!, 0) / bin.length;
    const s = bin.reduce((sum, { yawDegrees }) => sum + Math.sin((yawDegrees * Math.PI) / 180), 0) / bin.length;
    const apart = rms((i) => mean(i) - bias[0]![i]! - s * bias[1]![i]! - s * s * bias[2]![i]!);
    process.stdout.write(
      `yaw ${low} to ${high}: ${bin.length} portraits, bias ${rms(mean)}, beyond the table ${apart}\n`,
    );
  }
}

async function write({ bias, modes, sigma }: NoiseStatistics): Promise<void> {
  const size = bias[0]!.length;
  const believed = Float32Array.from(
    { length: 3 * size },
    (_, i) => BIAS_SHARE * bias[Math.floor(i / size)]![i % size]!,
  );
  const sigmas = Float32Array.from(sigma, (s, p) =>
    Math.hypot(s, SIGMA_FLOOR_MM, (1 - BIAS_SHARE) * Math.hypot(bias[0]![2 * p]!, bias[0]![2 * p + 1]!)),
  );
  const halfs = new Uint16Array(modes.length * size);
  for (const [k, mode] of modes.entries()) encodeHalfs(Float32Array.from(mode), halfs, k * size);
  const points = size / 2;
  const bytes = safetensors(
    [
      { name: 'biasMm', dtype: 'F32', shape: [3, points, 2], data: believed },
      { name: 'sigmaMm', dtype: 'F32', shape: [points], data: sigmas },
      { name: 'modesMm', dtype: 'F16', shape: [modes.length, points, 2], data: halfs },
    ],
    { portraits: String(accepted.length) },
  );
  await writeFilesAtomically([
    { path: path.join(MODELS, FILE), bytes },
    { path: path.join(MODELS, 'manifest.json'), bytes: await manifestWith(bytes) },
  ]);
}

interface Tensor {
  name: string;
  dtype: 'F32' | 'F16';
  shape: number[];
  data: Float32Array | Uint16Array;
}

function safetensors(tensors: readonly Tensor[], metadata: Record<string, string>): Buffer {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const { name, dtype, shape, data } of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(8 * Math.ceil(text.length / 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const data = tensors.map(({ data: d }) => Buffer.from(d.buffer, d.byteOffset, d.byteLength));
  return Buffer.concat([length, json, ...data]);
}

async function manifestWith(bytes: Buffer): Promise<Buffer> {
  const manifest = JSON.parse(await readFile(path.join(MODELS, 'manifest.json'), 'utf8')) as { file: string }[];
  const entry = {
    file: FILE,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    bytes: bytes.length,
    name: 'Error statistics of the landmark network on heads of the embedded model',
    source: { package: 'hrn-face', version: 'measured', file: 'head.safetensors and face-landmarks.onnx' },
    licence: 'MIT',
    builtBy: 'models/build/landmark-noise/build.ts',
  };
  const others = manifest.filter(({ file }) => file !== FILE);
  return Buffer.from(`${JSON.stringify([...others, entry], null, 2)}\n`);
}

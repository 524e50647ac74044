/**
 * Summarises how the landmark network errs on the training portraits of models/train/generate.ts and writes
 * models/landmark-noise.safetensors, which the landmark fit uses as its noise model:
 *
 *     npx tsx models/build/landmark-noise/build.ts FOLDER...
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
import { type HeadView, PATTERN_STEPS, viewTerms } from '../../../lib/models/landmark-noise.js';
import { readModel } from '../../../lib/models/manifest.js';
import { MIRROR } from '../../../lib/stages/mesh-points.js';
import { identityMirror } from './mirror.js';
import { type NoiseSample, type NoiseStatistics, noiseStatistics } from './statistics.js';

const FILE = 'landmark-noise.safetensors';
const MODELS = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const MODES = 24;
/** Of how the errors go with the identity: nine tenths of it. */
const RESPONSE_RANK = 36;
/** Beyond it hardly any head is followed. */
const LARGEST_TURN = 60;
/**
 * Photos are not renders: only this part of the measured bias is believed, and the rest is added to the independent
 * error, like a floor for what renders do not show at all. How it goes with the view is seen in photos as well: heads
 * whose pose is known come out as short there.
 */
const BIAS_SHARE = 0.7;
const VIEW_SHARE = 0.85;
const SIGMA_FLOOR_MM = 0.35;
/** Farther off, the network looked at something else. */
const LARGEST_ERROR_MM = 40;

const folders = process.argv.slice(2);
if (folders.length === 0) throw new Error('a folder of models/train/generate.ts is needed');
const model = await loadHead(await readModel(MODELS, 'head.safetensors'));
const accepted = (await Promise.all(folders.map(measurements))).flat();
process.stdout.write(`${accepted.length} portraits turned by at most ${LARGEST_TURN} degrees\n`);

const fixed = model.dense.dynamic.map((dynamic) => (dynamic ? 0 : 1));
const statistics = noiseStatistics(accepted, { points: MIRROR, identity: identityMirror(model) }, fixed, {
  modes: MODES,
  rank: RESPONSE_RANK,
});
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
  const [error, pose, identity] = [start('error'), start('pose'), start('identity')];
  const samples: NoiseSample[] = [];
  for (const file of (await readdir(from)).filter((name) => name.endsWith('.f32')).sort()) {
    const bytes = await readFile(path.join(from, file));
    const rows = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    for (let o = 0; o < rows.length; o += width) {
      const view = viewOf(rows.subarray(o + pose, o + pose + 6));
      if (Math.abs(degreesOf(view.turn)) > LARGEST_TURN) continue;
      const errors = Float64Array.from(rows.subarray(o + error, o + error + 2 * model.dense.count));
      if (errors.some((mm) => Math.abs(mm) > LARGEST_ERROR_MM)) continue;
      samples.push({
        error: errors,
        view,
        identity: Float64Array.from(rows.subarray(o + identity, o + identity + model.identity.count)),
      });
    }
  }
  return samples;
}

/** By a head's x and z axes as a camera that looks at the face sees them: right, down, away. */
function viewOf([rightX, downX, awayX, rightZ, downZ, awayZ]: ArrayLike<number> & Iterable<number>): HeadView {
  const awayY = rightZ! * downX! - downZ! * rightX!;
  return { turn: awayX! / Math.hypot(awayX!, awayZ!), nod: -awayY };
}

function degreesOf(sine: number): number {
  return (Math.asin(sine) * 180) / Math.PI;
}

/** Prints means over the fixed points, and the bias by turn of the head. */
function report({ bias, modes, sigma, patterns, gains }: NoiseStatistics): void {
  const points = [...fixed.keys()].filter((p) => fixed[p]);
  const rms = (value: (i: number) => number): string =>
    Math.sqrt(points.reduce((sum, p) => sum + value(2 * p) ** 2 + value(2 * p + 1) ** 2, 0) / points.length).toFixed(2);
  const modesAt = (i: number): number => Math.hypot(...modes.map((mode) => mode[i]!));
  const share = bias.map((term) => rms((at) => term[at]!));
  process.stdout.write(`rms over ${points.length} fixed points, mm: terms of the bias ${share.join(' ')}, `);
  process.stdout.write(`modes ${rms(modesAt)}, rest ${rms((i) => sigma[i >> 1]!)}\n`);
  const responding = (i: number): number =>
    Math.hypot(
      ...Array.from({ length: model.identity.count }, (_, k) =>
        patterns.reduce((sum, pattern, r) => sum + gains[0]![r]![k]! * pattern[i]!, 0),
      ),
    );
  process.stdout.write(`response to the identity, ahead: ${rms(responding)}\n`);
  process.stdout.write(`modes, rms a point: ${modes.map((m) => rms((i) => m[i]!)).join(' ')}\n`);
  for (const axis of ['turn', 'nod'] as const) {
    for (let low = -60; low < 60; low += 15) {
      const bin = accepted.filter(({ view }) => degreesOf(view[axis]) >= low && degreesOf(view[axis]) < low + 15);
      if (bin.length === 0) continue;
      const mean = (i: number): number => bin.reduce((sum, { error }) => sum + error[i]!, 0) / bin.length;
      const told = (i: number): number =>
        bin.reduce((sum, { view }) => sum + viewTerms(view).reduce((all, t, k) => all + t * bias[k]![i]!, 0), 0) /
        bin.length;
      process.stdout.write(
        `${axis} ${low} to ${low + 15}: ${bin.length} portraits, bias ${rms(mean)}, beyond the terms ${rms((i) => mean(i) - told(i))}\n`,
      );
    }
  }
}

async function write({ bias, modes, sigma, patterns, gains }: NoiseStatistics): Promise<void> {
  const size = bias[0]!.length;
  const believed = Float32Array.from(
    { length: bias.length * size },
    (_, i) => (i < size ? BIAS_SHARE : VIEW_SHARE) * bias[Math.floor(i / size)]![i % size]!,
  );
  const sigmas = Float32Array.from(sigma, (s, p) =>
    Math.hypot(s, SIGMA_FLOOR_MM, (1 - BIAS_SHARE) * Math.hypot(bias[0]![2 * p]!, bias[0]![2 * p + 1]!)),
  );
  const points = size / 2;
  const allGains = Float32Array.from(gains.flatMap((half) => half.flatMap((g) => Array.from(g))));
  const bytes = safetensors(
    [
      { name: 'sigmaMm', dtype: 'F32', shape: [points], data: sigmas },
      ...patternTensors('modes', modes),
      ...patternTensors('responsePatterns', patterns),
      { name: 'biasMm', dtype: 'F16', shape: [bias.length, points, 2], data: halfs(believed) },
      {
        name: 'responseGains',
        dtype: 'F16',
        shape: [2, patterns.length, model.identity.count],
        data: halfs(allGains),
      },
    ],
    { portraits: String(accepted.length) },
  );
  await writeFilesAtomically([
    { path: path.join(MODELS, FILE), bytes },
    { path: path.join(MODELS, 'manifest.json'), bytes: await manifestWith(bytes) },
  ]);
}

/** In steps up to each one's largest value; those first, so that every tensor begins where its elements may. */
function patternTensors(name: string, patterns: readonly Float64Array[]): Tensor[] {
  const largest = patterns.map((pattern) => pattern.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-9));
  const steps = patterns.flatMap((pattern, p) =>
    Array.from(pattern, (x) => Math.round((PATTERN_STEPS * x) / largest[p]!)),
  );
  return [
    { name: `${name}LargestMm`, dtype: 'F32', shape: [patterns.length], data: Float32Array.from(largest) },
    { name, dtype: 'I8', shape: [patterns.length, patterns[0]!.length / 2, 2], data: Int8Array.from(steps) },
  ];
}

function halfs(values: Float32Array): Uint16Array {
  const out = new Uint16Array(values.length);
  encodeHalfs(values, out);
  return out;
}

interface Tensor {
  name: string;
  dtype: 'F32' | 'F16' | 'I8';
  shape: number[];
  data: Float32Array | Uint16Array | Int8Array;
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

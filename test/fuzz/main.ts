// main.ts FILE: throws mutated input at the addon's entry points and at the decoders, with a fixed seed. Writes the case
// it is about to try to FILE, so that a crash leaves it there, and prints how many were refused and how many accepted.
import { openSync, writeSync } from 'node:fs';
import fc from 'fast-check';
import sharp from 'sharp';
import { HrnError } from '../../lib/errors.js';
import { decodeImage } from '../../lib/image.js';
import { parseSafetensors } from '../../lib/models/safetensors.js';
import { resolveFitOptions } from '../../lib/options.js';
import { ENTRY_POINTS, isJob } from './entry-points.js';
import { MARKER, type Mutation, mutate, mutateBytes } from './mutate.js';

const SEED = 20_261_122;
const NATIVE_RUNS = Number(process.env.HRN_FUZZ_RUNS ?? 9000);
const IMAGE_RUNS = Math.ceil(NATIVE_RUNS / 4);
/** A job that a mutation made long is cut short: that it can be is part of the test. */
const PATIENCE_MS = 40;

const file = openSync(process.argv[2]!, 'w');
const counts = { refused: 0, accepted: 0 };
const natural = fc.nat({ max: 0x7fffffff });
const mutations = fc.array(fc.record<Mutation>({ node: natural, kind: natural, value: natural, element: natural }), {
  minLength: 1,
  maxLength: 4,
});

/** Runs one case; anything but success, an HrnError that is not INTERNAL, or the fuzzer's own error is a failure. */
async function attempt(label: string, run: () => unknown): Promise<void> {
  writeSync(file, `${label.padEnd(400)}\n`, 0);
  try {
    const result = run();
    if (isJob(result)) {
      const timer = setTimeout(() => result.cancel(), PATIENCE_MS);
      await result.promise.finally(() => clearTimeout(timer));
    } else {
      await result;
    }
    ++counts.accepted;
  } catch (error) {
    if (error !== MARKER && !(error instanceof HrnError && error.code !== 'INTERNAL')) {
      throw new Error(`${label}: ${error}`, { cause: error });
    }
    ++counts.refused;
  }
}

for (const { name, args, call } of ENTRY_POINTS) {
  // Unchanged, it is taken, or the changes would test nothing.
  if (!/^(Session.open|setErrorClass)$/.test(name)) {
    const result = call(...args);
    if (isJob(result)) await result.promise;
  }
  const numRuns = Math.ceil(NATIVE_RUNS / ENTRY_POINTS.length);
  await fc.assert(
    fc.asyncProperty(mutations, (list) =>
      attempt(`${name} ${JSON.stringify(list)}`, () => call(...mutate(args, list))),
    ),
    { seed: SEED, numRuns },
  );
}

const pixels = Buffer.from(Array.from({ length: 48 * 40 * 3 }, (_, i) => (i * i) >> 5));
const picture = () =>
  sharp(pixels, { raw: { width: 48, height: 40, channels: 3 } }).withExif({ IFD2: { FocalLengthIn35mmFilm: '50' } });
const limits = { maxPixels: 1_000_000, maxSide: 4096 };
for (const format of ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const) {
  const bytes = await picture().toFormat(format).toBuffer();
  const numRuns = Math.ceil(IMAGE_RUNS / (format === 'avif' ? 24 : 6));
  await fc.assert(
    fc.asyncProperty(mutations, (list) =>
      attempt(`${format} ${JSON.stringify(list)}`, () => decodeImage(mutateBytes(bytes, list), limits)),
    ),
    { seed: SEED, numRuns },
  );
}

const raw = [{ data: new Uint8Array(40 * 40 * 3), width: 40, height: 40, channels: 3 }];
await fc.assert(
  fc.asyncProperty(mutations, (list) =>
    attempt(`raw ${JSON.stringify(list)}`, () => decodeImage(mutate(raw, list)[0] as never, limits)),
  ),
  { seed: SEED, numRuns: IMAGE_RUNS },
);

const options = [
  { detail: 'coarse', face: 0, focalLengthPx: 900, textureSize: 512, minFacePx: 50, maxPixels: 1e6, maxSide: 4096 },
];
await fc.assert(
  fc.asyncProperty(mutations, (list) =>
    attempt(`options ${JSON.stringify(list)}`, () => resolveFitOptions(mutate(options, list)[0] as never)),
  ),
  { seed: SEED, numRuns: IMAGE_RUNS },
);

const header = JSON.stringify({ mean: { dtype: 'F32', shape: [4, 3], data_offsets: [0, 48] } });
const tensors = Buffer.concat([Buffer.alloc(8), Buffer.from(header), Buffer.alloc(48)]);
tensors.writeBigUInt64LE(BigInt(header.length));
await fc.assert(
  fc.asyncProperty(mutations, (list) =>
    attempt(`safetensors ${JSON.stringify(list)}`, () =>
      parseSafetensors(mutateBytes(tensors, list)).tensor('mean', 'F32', [null, 3]),
    ),
  ),
  { seed: SEED, numRuns: IMAGE_RUNS },
);

console.log(JSON.stringify(counts));

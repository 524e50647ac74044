/**
 * Whether the map has only what its photo shows: wrinkled heads, each sharp, blurred, small, in black and white and in
 * other lights. Energy must fall with resolution, and folds agree between lights.
 * `npm run bench:detail:sanity [-- --first N --heads N --out FOLDER]`; constants are chosen on heads from seed 100.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { writeFilesAtomically } from '../../lib/atomic-write.js';
import * as hrn from '../../lib/index.js';
import { loadHead } from '../../lib/models/head.js';
import { locateModels } from '../../lib/models/locate.js';
import { readModel } from '../../lib/models/manifest.js';
import { native } from '../../lib/native/load.js';
import type { Raster } from '../../lib/result-data.js';
import { type Agreement, agreement } from './agreement.js';
import { modelHead } from './heads.js';
import { fittedNormals } from './metrics.js';
import { drawDetailPortrait } from './portrait.js';

const root = path.join(import.meta.dirname, '..', '..');
const { values: flags } = parseArgs({
  options: {
    first: { type: 'string', default: '11' },
    heads: { type: 'string', default: '3' },
    out: { type: 'string', default: path.join(root, 'bench', 'results') },
  },
});
const SIZE_PX = 1024;
/** Small enough that the face, a third of the picture, is 200 px wide. */
const SMALL_PX = 600;

const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
const context = new (native().Context)({ threads: 2 });
const reconstructor = await hrn.create();
const sums = new Map<string, Agreement & { count: number }>();
try {
  for (let seed = Number(flags.first); seed < Number(flags.first) + Number(flags.heads); seed++) await look(seed);
} finally {
  context.dispose();
  await reconstructor.dispose();
}
const lines = [
  '# The same person in other photos',
  '',
  `Model heads ${flags.first} to ${Number(flags.first) + Number(flags.heads) - 1} with wrinkles (\`npm run bench:detail:sanity\`), ` +
    'each beside its sharp photo of 1024 px. Energy:',
  'root mean square of the differences of heights over 1.2 mm. Folds: heights less their mean over 5 mm, smoothed by',
  '1.2 mm. Surface: the finer part of the normals of the whole detailed head, per pixel.',
  '',
  '| photo | texels a side solved for | energy, mm | of the sharp one | correlation of the map | of folds | of the surface |',
  '| --- | --- | --- | --- | --- | --- | --- |',
];
const sharpEnergy = sums.get('sharp')!.energy;
for (const [name, { count, solvedSize, energy, map, folds, surface }] of sums) {
  const shown = [map, folds, surface].map((sum) => (Number.isNaN(sum) ? '-' : (sum / count).toFixed(3)));
  lines.push(
    `| ${name} | ${(solvedSize / count).toFixed(0)} | ${(energy / count).toFixed(4)} | ` +
      `${(energy / sharpEnergy).toFixed(2)} | ${shown.join(' | ')} |`,
  );
}
process.stdout.write(`${lines.join('\n')}\n`);
await mkdir(flags.out, { recursive: true });
await writeFilesAtomically([
  { path: path.join(flags.out, 'detail-sanity.md'), bytes: Buffer.from(`${lines.join('\n')}\n`) },
]);

async function look(seed: number): Promise<void> {
  const head = modelHead(model, seed);
  const options = { sizePx: SIZE_PX, yawDegrees: 0, seed, age: 0.8 };
  const draw = (other: object) => drawDetailPortrait(context, head, { ...options, ...other });
  const portrait = await draw({});
  const open = ({ data, width, height, channels }: Raster) => sharp(data, { raw: { width, height, channels } });
  const small = await open(portrait.image).resize(SMALL_PX).png().toBuffer();
  const variants: [name: string, image: () => Promise<Raster | Buffer>][] = [
    ['sharp', async () => portrait.image],
    ['out of focus by 2 px', async () => (await draw({ blurPx: 2 })).image],
    ['out of focus by 4 px', async () => (await draw({ blurPx: 4 })).image],
    ['blurred afterwards by 2 px', () => open(portrait.image).blur(2).png().toBuffer()],
    ['blurred afterwards by 4 px', () => open(portrait.image).blur(4).png().toBuffer()],
    ['face of 200 px', async () => small],
    ['the same enlarged', () => sharp(small).resize(SIZE_PX).png().toBuffer()],
    ['black and white', () => open(portrait.image).greyscale().toColourspace('srgb').png().toBuffer()],
    ['a second light', async () => (await draw({ lightSeed: seed + 1 })).image],
    ['a third light', async () => (await draw({ lightSeed: seed + 2 })).image],
  ];
  let first: Parameters<typeof agreement>[1] | undefined;
  for (const [name, image] of variants) {
    const face = await reconstructor.fit(await image(), { detail: 'high' });
    const map = face.displacementMap!;
    const normals = face.input.width === SIZE_PX ? await fittedNormals(context, face, map) : undefined;
    const pixelsPerMm = face.camera.focalLengthPx / face.pose.translation[2]!;
    const own = { map, normals, pixelsPerMm };
    first ??= own;
    const found = agreement(own, first, portrait);
    const sum = sums.get(name);
    if (!sum) sums.set(name, { ...found, count: 1 });
    else {
      sum.count++;
      for (const key of ['solvedSize', 'energy', 'map', 'folds', 'surface'] as const) sum[key] += found[key];
    }
    process.stderr.write(
      `${seed} ${name}: ${found.energy.toFixed(4)} ${found.map.toFixed(3)} ${found.folds.toFixed(3)} ${found.surface.toFixed(3)}\n`,
    );
  }
}

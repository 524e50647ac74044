/**
 * Whether the map has only what its photo shows: one wrinkled head, sharp, blurred, small, black and white and in a second
 * light. Energy must fall with resolution, and folds agree between lights. `npm run bench:detail:sanity [-- --seed N]`.
 */
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import * as hrn from '../../lib/index.js';
import { loadHead } from '../../lib/models/head.js';
import { locateModels } from '../../lib/models/locate.js';
import { readModel } from '../../lib/models/manifest.js';
import { native } from '../../lib/native/load.js';
import type { DisplacementMap, Raster } from '../../lib/result-data.js';
import { modelHead } from './heads.js';
import { drawDetailPortrait } from './portrait.js';

const { values: flags } = parseArgs({ options: { seed: { type: 'string', default: '11' } } });
const seed = Number(flags.seed);
const SIZE_PX = 1024;
/** Small enough that the face, a third of the picture, is 200 px wide. */
const SMALL_PX = 600;

const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
const context = new (native().Context)({ threads: 2 });
const reconstructor = await hrn.create();
const head = modelHead(model, seed);
const options = { sizePx: SIZE_PX, yawDegrees: 0, seed, age: 0.8 };
const { image } = await drawDetailPortrait(context, head, options);
const { image: otherLight } = await drawDetailPortrait(context, head, { ...options, lightSeed: seed + 1 });
const open = ({ data, width, height, channels }: Raster) => sharp(data, { raw: { width, height, channels } });
const variants: [name: string, image: Raster | Buffer][] = [
  ['sharp', image],
  ['blurred by 2 px', await open(image).blur(2).png().toBuffer()],
  ['blurred by 4 px', await open(image).blur(4).png().toBuffer()],
  ['200 px', await open(image).resize(SMALL_PX).png().toBuffer()],
  ['black and white', await open(image).greyscale().toColourspace('srgb').png().toBuffer()],
  ['another light', otherLight],
];
process.stdout.write(
  '| photo | texels a side solved for | rms difference over 4 texels, mm | correlation with the sharp one |\n',
);
process.stdout.write('| --- | --- | --- | --- |\n');
let first: DisplacementMap | undefined;
for (const [name, photo] of variants) {
  const { displacementMap } = await reconstructor.fit(photo, { detail: 'high' });
  const map = displacementMap!;
  first ??= map;
  const { energy, correlation } = compared(map, first);
  process.stdout.write(`| ${name} | ${map.solvedSize} | ${energy.toFixed(4)} | ${correlation.toFixed(3)} |\n`);
}
context.dispose();
await reconstructor.dispose();

/** Of heights' differences over 4 texels, where both photos decided; the first alone for the energy. */
function compared(map: DisplacementMap, other: DisplacementMap) {
  const { data, seen, size } = map;
  const step = 4;
  let [aa, ab, bb, count] = [0, 0, 0, 0];
  for (let i = 0; i + step * size + step < data.length; i++) {
    if (seen[i]! < 0.9 || other.seen[i]! < 0.9) continue;
    for (const to of [i + step, i + step * size]) {
      const [a, b] = [data[to]! - data[i]!, other.data[to]! - other.data[i]!];
      aa += a * a;
      ab += a * b;
      bb += b * b;
      count++;
    }
  }
  return { energy: Math.sqrt(aa / Math.max(1, count)), correlation: ab / Math.sqrt(aa * bb || 1) };
}

/**
 * How far textures are from the true albedo of samples, in linear RGB over the face: as the photo shows it and without
 * light. `npm run bench:albedo [-- --seeds 1,2,3]`
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sampleTexture } from '../../lib/exporters/ply.js';
import * as hrn from '../../lib/index.js';
import type { Raster } from '../../lib/result-data.js';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: flags } = parseArgs({ options: { seeds: { type: 'string', default: '1,2,3,4,5,6' } } });
/** Of the weight of the deformation map: the face. */
const FACE = 0.9;

/** sRGB-encoded 0..1 to linear. */
const linear = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

function meanError(texture: Raster, sample: hrn.Sample): number {
  const { model, head } = sample;
  let [sum, count] = [0, 0];
  for (let v = 0; v < model.vertexCount; v++) {
    if (model.deformable[v]! < FACE) continue;
    for (let k = 0; k < 3; k++) {
      const got = sampleTexture(texture, model.uvs[2 * v]!, model.uvs[2 * v + 1]!, k) / 255;
      sum += Math.abs(linear(got) - linear(head.colours[3 * v + k]!));
      count++;
    }
  }
  return sum / count;
}

const rows = ['seed,photo,albedo,share'];
const sums = [0, 0];
const seeds = flags.seeds.split(',').map(Number);
for (const seed of seeds) {
  const sample = await hrn.sample({ seed });
  const face = await hrn.fit(sample.image, { texture: 'both', textureSize: 1024 });
  const [photo, albedo] = [meanError(face.texture, sample), meanError(face.albedo!, sample)];
  sums[0]! += photo;
  sums[1]! += albedo;
  rows.push([seed, photo.toFixed(4), albedo.toFixed(4), (albedo / photo).toFixed(2)].join(','));
  process.stdout.write(`${rows.at(-1)}\n`);
}
rows.push(['mean', ...sums.map((sum) => (sum / seeds.length).toFixed(4)), (sums[1]! / sums[0]!).toFixed(2)].join(','));
process.stdout.write(`${rows.at(-1)}\n`);
await writeFile(path.join(root, 'bench', 'results', 'albedo.csv'), `${rows.join('\n')}\n`);
process.exit(0);

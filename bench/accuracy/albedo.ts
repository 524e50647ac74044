/**
 * How far textures are from the true albedo of samples, in linear RGB over the face: as the photo shows it and without
 * light; and how far the heads are from the true ones once the light has gone a quarter of a turn around them.
 * `npm run bench:albedo [-- --seeds 1,2,3]`
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sampleTexture } from '../../lib/exporters/ply.js';
import * as hrn from '../../lib/index.js';
import type { Raster } from '../../lib/result-data.js';
import { irradiance } from '../../lib/sample/lighting.js';
import { addNormals } from '../../lib/sample/normal-sums.js';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: flags } = parseArgs({ options: { seeds: { type: 'string', default: '1,2,3,4,5,6' } } });
/** Of the weight of the deformation map: the face. */
const FACE = 0.9;

/** sRGB-encoded to linear. */
const linear = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

/** Normals in the frame of the light: x right, y up, z towards the camera; of a surface and its row-major rotation. */
function lightNormals(positions: Float32Array, triangles: Uint32Array, r: ArrayLike<number>): Float64Array {
  const sums = addNormals(positions, triangles, new Float64Array(positions.length));
  for (let i = 0; i < sums.length; i += 3) {
    const [x, y, z] = [sums[i]!, sums[i + 1]!, sums[i + 2]!];
    const length = Math.hypot(x, y, z) || 1;
    for (let k = 0; k < 3; k++) {
      const turned = (r[3 * k]! * x + r[3 * k + 1]! * y + r[3 * k + 2]! * z) / length;
      sums[i + k] = k === 0 ? turned : -turned;
    }
  }
  return sums;
}

/** Light at a vertex after a quarter of a turn about the vertical axis, to either side. */
function turnedLight(lighting: Float32Array, normals: Float64Array, v: number, side: number, channel: number): number {
  const [x, y, z] = [normals[3 * v]!, normals[3 * v + 1]!, normals[3 * v + 2]!];
  return Math.max(0, irradiance(lighting, 9 * channel, side * z, y, -side * x));
}

interface Errors {
  /** To the true albedo, */
  plain: number;
  /** and to the true head in turned light. */
  relit: number;
}

function meanErrors(texture: Raster, face: hrn.Reconstruction, sample: hrn.Sample): Errors {
  const { model, head, camera, lighting } = sample;
  const truth = lightNormals(head.positions, model.triangles, camera.rotation);
  const fitted = lightNormals(face.mesh.positions, model.triangles, face.pose.rotation);
  let [plain, relit, count] = [0, 0, 0];
  for (let v = 0; v < model.vertexCount; v++) {
    if (model.deformable[v]! < FACE) continue;
    for (let k = 0; k < 3; k++) {
      const got = sampleTexture(texture, model.uvs[2 * v]!, model.uvs[2 * v + 1]!, k) / 255;
      const wanted = head.colours[3 * v + k]!;
      plain += Math.abs(linear(got) - linear(wanted));
      for (const side of [-1, 1]) {
        const a = Math.min(1, got * turnedLight(lighting, fitted, v, side, k));
        const b = Math.min(1, wanted * turnedLight(lighting, truth, v, side, k));
        relit += Math.abs(linear(a) - linear(b)) / 2;
      }
      count++;
    }
  }
  return { plain: plain / count, relit: relit / count };
}

const rows = ['seed,photo,albedo,share,photo relit,albedo relit,share relit'];
const sums = [0, 0, 0, 0];
const row = (name: string | number, [a, b, c, d]: number[]) => {
  const shares = [b! / a!, d! / c!].map((share) => share.toFixed(2));
  rows.push([name, a!.toFixed(4), b!.toFixed(4), shares[0], c!.toFixed(4), d!.toFixed(4), shares[1]].join(','));
  process.stdout.write(`${rows.at(-1)}\n`);
};
const seeds = flags.seeds.split(',').map(Number);
for (const seed of seeds) {
  const sample = await hrn.sample({ seed });
  const face = await hrn.fit(sample.image, { texture: 'both', textureSize: 1024 });
  const [photo, albedo] = [face.texture, face.albedo!].map((texture) => meanErrors(texture, face, sample));
  const values = [photo!.plain, albedo!.plain, photo!.relit, albedo!.relit];
  values.forEach((value, i) => {
    sums[i]! += value;
  });
  row(seed, values);
}
row(
  'mean',
  sums.map((sum) => sum / seeds.length),
);
await writeFile(path.join(root, 'bench', 'results', 'albedo.csv'), `${rows.join('\n')}\n`);
process.exit(0);

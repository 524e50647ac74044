/** How a person looks, for colours that frames are compared with: brows, lips, moles, beards, which no head model knows. */
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { vertexNormals } from '../exporters/vertex-normals.js';
import type { MorphableModel } from '../morphable-model.js';
import { irradiance } from '../sample/lighting.js';
import type { RefinedHead } from '../stages/refine.js';

/** Texels on either side of a vertex that its colour is the mean of, of a texture of 1,024: a millimetre. */
const REACH = 2;
/** By how much a person's colours differ from the model's at most; more is a highlight, or a fault of the light. */
const LEAST = 0.25;
const MOST = 1.6;
const DARK = 0.03;

/** So many vertices are looked at between two turns of the event loop. */
const AT_A_TIME = 2000;

/**
 * The texture at the vertices, without the light of the photo that it is in.
 *
 * @param colours the model's with the fitted albedo, `[vertices][3]`, sRGB-encoded 0..1
 * @param fitted to the photo whose light the texture has
 * @param texture `[size][size][3]`, sRGB, rows from v = 0
 */
export async function ownColours(
  { uvs, triangles }: MorphableModel,
  colours: Float32Array,
  { positions, camera, lighting }: Pick<RefinedHead, 'positions' | 'camera' | 'lighting'>,
  texture: Uint8Array,
): Promise<Float32Array> {
  const normals = vertexNormals(positions, triangles);
  const r = camera.rotation;
  const shown = new Float64Array(3);
  const own = colours.slice();
  for (let v = 0; v < own.length / 3; v++) {
    if (v % AT_A_TIME === 0) await yieldToEventLoop();
    const [x, y, z] = [normals[3 * v]!, normals[3 * v + 1]!, normals[3 * v + 2]!];
    const right = r[0]! * x + r[1]! * y + r[2]! * z;
    const up = -(r[3]! * x + r[4]! * y + r[5]! * z);
    const back = -(r[6]! * x + r[7]! * y + r[8]! * z);
    meanAround(texture, uvs[2 * v]!, uvs[2 * v + 1]!, shown);
    for (let k = 0; k < 3; k++) {
      const lit = Math.min(1, Math.max(0, colours[3 * v + k]! * irradiance(lighting, 9 * k, right, up, back)));
      own[3 * v + k]! *= Math.min(MOST, Math.max(LEAST, (shown[k]! + DARK) / (lit + DARK)));
    }
  }
  return own;
}

function meanAround(texture: Uint8Array, u: number, v: number, mean: Float64Array): void {
  const size = Math.round(Math.sqrt(texture.length / 3));
  const step = size / 1024;
  mean.fill(0);
  let count = 0;
  for (let dy = -REACH; dy <= REACH; dy++) {
    for (let dx = -REACH; dx <= REACH; dx++) {
      const column = Math.floor(u * size + dx * step);
      const row = Math.floor(v * size + dy * step);
      if (column < 0 || row < 0 || column >= size || row >= size) continue;
      count++;
      for (let k = 0; k < 3; k++) mean[k]! += texture[3 * (row * size + column) + k]! / 255;
    }
  }
  for (let k = 0; k < 3; k++) mean[k]! /= count || 1;
}

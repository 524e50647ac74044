/** Hair ends before and behind ears as it does on heads, and what is seen of its colours fades into what is not. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { create, type Hrn } from '../lib/hrn.js';
import { REGION_NAMES } from '../lib/morphable-model.js';
import type { Reconstruction } from '../lib/result.js';
import { astronaut } from './photos.js';

let hrn: Hrn;
let face: Reconstruction;
beforeAll(async () => {
  hrn = await create({ device: 'cpu' });
  face = await hrn.fit(await astronaut(), { textureSize: 1024 });
}, 60_000);
afterAll(() => hrn.dispose());

type V3 = [number, number, number];
const EAR = REGION_NAMES.indexOf('ears');
const NECK = REGION_NAMES.indexOf('neck');
const SCALP = REGION_NAMES.indexOf('scalp');
const CHEEKS = REGION_NAMES.indexOf('cheeks');

/** Mean colour of the texels of the vertices for which `is` holds, of a place on the mean head in mm. */
function colourOf(region: number, is: (x: number, y: number, z: number) => boolean): V3 {
  const { model, texture } = face;
  const sum: V3 = [0, 0, 0];
  let count = 0;
  for (let v = 0; v < model.vertexCount; v++) {
    if (model.regions[v] !== region || !is(...(model.mean.subarray(3 * v, 3 * v + 3) as unknown as V3))) continue;
    const [column, row] = [0, 1].map((k) => Math.floor(model.uvs[2 * v + k]! * texture.width)) as [number, number];
    for (let k = 0; k < 3; k++) sum[k]! += texture.data[texture.channels * (row * texture.width + column) + k]!;
    count++;
  }
  expect(count).toBeGreaterThan(3);
  return sum.map((value) => value / count) as V3;
}
const away = (a: V3, b: V3) => Math.hypot(...a.map((value, k) => value - b[k]!));

it('leaves skin before the ears bare, where the region of the scalp reaches down to the jaw', () => {
  const { model } = face;
  const ears = Array.from({ length: model.vertexCount }, (_, v) => v).filter((v) => model.regions[v] === EAR);
  const of = (k: number) => ears.map((v) => model.mean[3 * v + k]!);
  const [top, bottom, front] = [Math.max(...of(1)), Math.min(...of(1)), Math.max(...of(2))];
  const low = top - 0.7 * (top - bottom);
  const cheek = colourOf(CHEEKS, (x, y) => Math.abs(x) > 40 && y < low);
  const before = colourOf(SCALP, (x, y, z) => Math.abs(x) > 55 && y < low && y > bottom && z > front);
  expect(away(before, cheek)).toBeLessThan(10);
});

it('has a nape like the sides of the neck', () => {
  const nape = colourOf(NECK, (x, y, z) => Math.abs(x) < 20 && z < -120 && y < -75);
  const sides = colourOf(NECK, (x, y, z) => Math.abs(x) > 45 && z < -40 && y < -75);
  // 38 where colours of the face that are far from both went on there.
  expect(away(nape, sides)).toBeLessThan(27);
});

it('has no edge in the hair where the photo ceases to show it', () => {
  // Millimetres, from the forehead backwards; with one colour for all that is not seen the widest step was 62.
  const strip = 10;
  const at = (k: number) => colourOf(SCALP, (x, y, z) => Math.abs(x) < 30 && y > 0 && Math.floor(-z / strip) === k);
  const strips = Array.from({ length: 8 }, (_, k) => at(k + 1));
  const steps = strips.slice(1).map((colour, k) => away(colour, strips[k]!));
  expect(Math.max(...steps)).toBeLessThan(30);
});

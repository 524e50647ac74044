/** Whose lips a laugh parts has lips in the texture, not the teeth that the photo shows beside them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { create, type Hrn } from '../lib/hrn.js';
import { REGION_NAMES } from '../lib/morphable-model.js';
import type { Raster } from '../lib/result.js';
import { astronaut, sharedPhotos } from './photos.js';

/** Photos of people who laugh. */
const LAUGHING = ['mv_10078.jpg', 'mv_5932.jpg'];

let hrn: Hrn;
beforeAll(async () => {
  hrn = await create({ device: 'cpu' });
});
afterAll(() => hrn.dispose());

/** Vertices of the lips whose texels are hardly as red as lips are in the median. */
async function pale(photo: Raster): Promise<number> {
  const { model, texture } = await hrn.fit(photo, { textureSize: 1024 });
  const mouth = REGION_NAMES.indexOf('mouth');
  const { firstTriangle, triangleCount } = model.parts.find(({ name }) => name === 'skin')!;
  const skin = new Set(model.triangles.subarray(3 * firstTriangle, 3 * (firstTriangle + triangleCount)));
  const redness: number[] = [];
  for (const v of skin) {
    const [red, green] = [model.albedo.mean[3 * v]!, model.albedo.mean[3 * v + 1]!];
    if (model.regions[v] !== mouth || red < 0.4 || red - green < 0.2) continue;
    const [column, row] = [0, 1].map((k) => Math.floor(model.uvs[2 * v + k]! * texture.width)) as [number, number];
    const at = texture.channels * (row * texture.width + column);
    redness.push((texture.data[at]! - texture.data[at + 1]!) / Math.max(1, texture.data[at]!));
  }
  expect(redness.length).toBeGreaterThan(1000);
  redness.sort((a, b) => a - b);
  const median = redness[Math.floor(redness.length / 2)]!;
  return redness.filter((value) => value < 0.4 * median).length;
}

it('takes no teeth for lips', async () => {
  expect(await pale(await astronaut())).toBeLessThan(3);
  // Of ../shared, where that is.
  for (const [name, load] of await sharedPhotos()) {
    if (LAUGHING.includes(name)) expect(await pale(await load()), name).toBeLessThan(3);
  }
}, 60_000);

import { afterAll, beforeAll, expect, it } from 'vitest';
import { robustPicture } from '../bench/robust/pictures.js';
import { create, type Hrn } from '../lib/hrn.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import type { MorphableModel } from '../lib/morphable-model.js';
import type { NativeContext } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';
import { PortraitPainter } from '../models/train/portrait.js';

let context: NativeContext;
let hrn: Hrn;
let model: MorphableModel;
let painter: PortraitPainter;
beforeAll(async () => {
  context = new (native().Context)({ threads: 2 });
  hrn = await create({ device: 'cpu' });
  model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
  painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
});
afterAll(async () => {
  await hrn.dispose();
  context.dispose();
});

/** Of the largest face of a picture of `npm run bench:robust`. */
async function codesOf(seed: number): Promise<string[]> {
  const { image } = await robustPicture(seed, painter, model);
  const { warnings } = await hrn.fit(image, { detail: 'coarse', textureSize: 256 });
  return warnings.map(({ code }) => code);
}

it.each([100114, 100411, 100254])('a head that half a face was squeezed into is told as unsure: %i', async (seed) => {
  expect(await codesOf(seed)).toContain('UNSURE');
});

it.each([200007, 200018, 200110, 200121])('lips without a dark line are not called covered: %i', async (seed) => {
  const codes = await codesOf(seed);
  expect(codes).not.toContain('COVERED');
  expect(codes).not.toContain('UNSURE');
});

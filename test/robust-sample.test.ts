import { afterAll, beforeAll, expect, it } from 'vitest';
import { judgePicture } from '../bench/robust/picture-verdicts.js';
import { robustPicture } from '../bench/robust/pictures.js';
import { countOf, type Judged, summary } from '../bench/robust/summary.js';
import { create, type Hrn } from '../lib/hrn.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import type { NativeContext } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';
import { PortraitPainter } from '../models/train/portrait.js';

/** A sample of `npm run bench:robust`, whose thousand pictures take an hour. */
const [FIRST, COUNT] = [500, 50];
let context: NativeContext;
let hrn: Hrn;
beforeAll(async () => {
  context = new (native().Context)({ threads: 2 });
  hrn = await create({ device: 'cpu' });
});
afterAll(async () => {
  await hrn.dispose();
  context.dispose();
});

it('no generated picture gives a wrong head without a word', { timeout: 600_000 }, async () => {
  const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
  const painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
  const judged: Judged[] = [];
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
    judged.push(...(await judgePicture(hrn, await robustPicture(seed, painter, model), 'coarse')));
  }
  const told = summary(judged, { first: FIRST, count: COUNT, detail: 'coarse', minutes: 0 });
  expect(countOf(judged, 'wrong'), told).toBe(0);
  expect(countOf(judged, 'right'), told).toBeGreaterThan(COUNT / 2);
  expect(countOf(judged, 'false refusal'), told).toBeLessThanOrEqual(1);
});

/** Shut lids are skin: neither lashes nor shadow nor what is seen of the open eye is drawn out over them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadHeadModel } from '../lib/head-model.js';
import { create, type Hrn } from '../lib/hrn.js';
import { type MorphableModel, REGION_NAMES } from '../lib/morphable-model.js';
import { upperLids } from '../lib/stages/upper-lids.js';
import { astronaut } from './photos.js';

let hrn: Hrn;
let model: MorphableModel;
beforeAll(async () => {
  hrn = await create({ device: 'cpu' });
  model = (await loadHeadModel(undefined)).morphable;
});
afterAll(() => hrn.dispose());

it('knows the upper lids: both alike, above the pupils, from the crease to the lashes', () => {
  const lids = upperLids(model)!;
  let [count, highest, lowest] = [0, -Infinity, Infinity];
  for (let v = 0; v < model.vertexCount; v++) {
    expect(Math.abs(lids[v]! - lids[model.mirror[v]!]!)).toBeLessThan(0.05);
    if (!(lids[v]! > 0.5)) continue;
    count++;
    highest = Math.max(highest, model.mean[3 * v + 1]!);
    lowest = Math.min(lowest, model.mean[3 * v + 1]!);
  }
  expect(count).toBeGreaterThan(200);
  expect(lowest).toBeGreaterThan(-4);
  expect(highest).toBeLessThan(13);
});

it('are told of no head whose eyes do not shut', () => {
  const { expression } = model;
  const names = expression.names.map((name) => name.replace('eyeBlink', 'squeeze')) as typeof expression.names;
  expect(upperLids({ ...model, expression: { ...expression, names } })).toBeUndefined();
});

it('has skin on them', async () => {
  const lids = upperLids(model)!;
  const { texture } = await hrn.fit(await astronaut(), { textureSize: 1024 });
  const light = (v: number) => {
    const [column, row] = [0, 1].map((k) => Math.floor(model.uvs[2 * v + k]! * texture.width)) as [number, number];
    const [r, g, b] = texture.data.subarray(texture.channels * (row * texture.width + column));
    return 0.299 * r! + 0.587 * g! + 0.114 * b!;
  };
  const of = (is: (v: number) => boolean) =>
    Array.from({ length: model.vertexCount }, (_, v) => v)
      .filter(is)
      .map(light)
      .sort((a, b) => a - b);
  const cheeks = REGION_NAMES.indexOf('cheeks');
  const skin = of((v) => model.regions[v] === cheeks && model.mean[3 * v + 2]! > 15);
  const lid = of((v) => lids[v]! > 0.6);
  const usual = skin[Math.floor(skin.length / 2)]!;
  // The darkest twentieth: 0.29 of the cheeks' light where lashes are drawn out.
  expect(lid[Math.floor(0.05 * lid.length)]!).toBeGreaterThan(0.55 * usual);
}, 60_000);

// The map has what its photo shows: less in a blurred photo of the same head, and the same folds in another light.
// `npm run bench:detail:sanity` looks at more.
import sharpImage from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Agreement, agreement } from '../bench/detail/agreement.js';
import { modelHead } from '../bench/detail/heads.js';
import { fittedNormals } from '../bench/detail/metrics.js';
import { drawDetailPortrait } from '../bench/detail/portrait.js';
import * as hrn from '../lib/index.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import type { NativeContext } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';

const SEED = 116;
const SIZE_PX = 512;
let instance: hrn.Hrn;
let context: NativeContext;
let sharp: Agreement;
let blurred: Agreement;
let relit: Agreement;

beforeAll(async () => {
  instance = await hrn.create({ threads: 2 });
  context = new (native().Context)({ threads: 2 });
  const head = modelHead(await loadHead(await readModel(locateModels(), 'head.safetensors')), SEED);
  const draw = (other: object) =>
    drawDetailPortrait(context, head, { sizePx: SIZE_PX, yawDegrees: 0, seed: SEED, age: 0.8, ...other });
  const found = async (image: hrn.ImageInput) => {
    const face = await instance.fit(image, { detail: 'high', highTriangles: 60_000, textureSize: 256 });
    return {
      map: face.displacementMap!,
      normals: await fittedNormals(context, face, face.displacementMap),
      pixelsPerMm: face.camera.focalLengthPx / face.pose.translation[2]!,
    };
  };
  const portrait = await draw({});
  const first = await found(portrait.image);
  const { data, width, height, channels } = portrait.image;
  const soft = sharpImage(data, { raw: { width, height, channels } }).blur(2);
  sharp = agreement(first, first, portrait);
  blurred = agreement(await found(await soft.png().toBuffer()), first, portrait);
  relit = agreement(await found((await draw({ lightSeed: SEED + 2 })).image), first, portrait);
}, 240_000);
afterAll(async () => {
  context.dispose();
  await instance.dispose();
});

describe('detail high of the same head', () => {
  it('has less relief where the photo is blurred', () => {
    expect(sharp.energy).toBeGreaterThan(0.01);
    expect(blurred.energy).toBeLessThan(0.6 * sharp.energy);
    expect(blurred.solvedSize).toBeLessThan(sharp.solvedSize);
  });

  it('has the same folds in another light', () => {
    expect(relit.folds).toBeGreaterThan(0.6);
    expect(relit.surface).toBeGreaterThan(0.6);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create, type Hrn } from '../lib/hrn.js';
import type { Raster, Reconstruction } from '../lib/result.js';
import { turnOf } from '../lib/stages/plausibility.js';
import { astronaut, cropped, onCanvas, turned } from './photos.js';

const FAST = { textureSize: 256 } as const;
let hrn: Hrn;
let crop: Raster;
let ownCrop: Reconstruction;

beforeAll(async () => {
  hrn = await create({ device: 'cpu' });
  crop = await cropped(await astronaut(), { left: 64, top: 0, width: 320, height: 320 });
  ownCrop = await hrn.fit(crop, FAST);
});
afterAll(() => hrn.dispose());

/** Between the temples, mm. */
const widthOf = ({ landmarks: { positions: p } }: Reconstruction) =>
  Math.hypot(p[0]! - p[48]!, p[1]! - p[49]!, p[2]! - p[50]!);
const yawOfHead = ({ pose }: Reconstruction) => turnOf(pose.rotation, pose.translation);

describe('a small face away from the centre', () => {
  const free = { width: 1200 - 320, height: 1800 - 320 };
  it.each([
    ['top left', 0, 0],
    ['top right', free.width, 0],
    ['bottom left', 0, free.height],
    ['bottom right', free.width, free.height],
    ['left', 0, free.height / 2],
    ['top', free.width / 2, 0],
    ['centre', free.width / 2, free.height / 2],
  ])('is fitted as its own crop: %s', async (_, left, top) => {
    const picture = await onCanvas(crop, 320, { width: 1200, height: 1800, left, top });
    const face = await hrn.fit(picture, FAST);
    expect(face.quality.landmarkErrorPercent).toBeLessThan(2);
    expect(Math.abs(widthOf(face) / widthOf(ownCrop) - 1)).toBeLessThan(0.03);
    expect(Math.abs(yawOfHead(face) - yawOfHead(ownCrop))).toBeLessThan(3);
  });
});

it('an upside-down photo is found, and fitted upside down', async () => {
  const face = await hrn.fit(await turned(await astronaut(), 180), FAST);
  expect(face.quality.landmarkErrorPercent).toBeLessThan(2);
  // The head's up is the picture's down.
  expect(face.pose.rotation[4]).toBeGreaterThan(0.8);
  expect(Math.abs(widthOf(face) / widthOf(ownCrop) - 1)).toBeLessThan(0.03);
});

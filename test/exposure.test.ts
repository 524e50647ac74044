/** Faces that are nearly black or grey: their contrast is raised, and told. */
import { expect, it } from 'vitest';
import { create } from '../lib/hrn.js';
import type { Raster } from '../lib/result.js';
import { exposureOf, raised } from '../lib/stages/exposure.js';
import { degreesBetween } from '../lib/stages/seen-pose.js';
import { astronaut, cropped } from './photos.js';

const FAST = { textureSize: 256 } as const;
const toned = (photo: Raster, of: (value: number) => number): Raster => ({
  ...photo,
  data: Uint8Array.from(photo.data, (value) => Math.round(of(value))),
});

it('raises the contrast of what has little, and of nothing else', async () => {
  const ramp = {
    data: new Uint8Array(256 * 3).map((_, i) => Math.floor(i / 3)),
    width: 256,
    height: 1,
    channels: 3,
  } as const;
  const box = { x: 0, y: 0, width: 256, height: 1 };
  expect(exposureOf(ramp, box)).toBeUndefined();
  expect(
    exposureOf(
      toned(ramp, () => 30),
      box,
    ),
  ).toBeUndefined();
  const dim = toned(ramp, (value) => 10 + value / 8);
  const exposure = exposureOf(dim, box)!;
  expect(exposure.brightest).toBeCloseTo(41, -1);
  const { data } = await raised(dim, exposure);
  expect(Math.max(...data)).toBeGreaterThan(195);
  expect(Math.max(...data)).toBeLessThan(215);
  expect(Math.min(...data)).toBeLessThan(30);
});

it.each([
  ['nearly black', (value: number) => 4 + 0.08 * value],
  ['nearly grey', (value: number) => 110 + 0.2 * value],
])('a face that is %s is fitted as in the light, and told', async (_, of) => {
  const photo = await cropped(await astronaut(), { left: 64, top: 0, width: 320, height: 320 });
  const hrn = await create({ device: 'cpu' });
  try {
    const own = await hrn.fit(photo, FAST);
    const face = await hrn.fit(toned(photo, of), FAST);
    expect(own.warnings).toEqual([]);
    expect(face.warnings.map(({ code }) => code)).toContain('DARK');
    expect(degreesBetween(face.pose.rotation, own.pose.rotation)).toBeLessThan(3);
    expect(Math.abs(face.pose.translation[2]! / own.pose.translation[2]! - 1)).toBeLessThan(0.1);
  } finally {
    await hrn.dispose();
  }
});

it('a dark photo is one view of several like another', async () => {
  const photo = await cropped(await astronaut(), { left: 64, top: 0, width: 320, height: 320 });
  const hrn = await create({ device: 'cpu' });
  try {
    const dark = toned(photo, (value) => 4 + 0.08 * value);
    const face = await hrn.fitViews([dark, photo], { ...FAST, view: 0 });
    expect(face.warnings.map(({ code }) => code)).toContain('DARK');
    expect((await face.withView(1)).warnings).toEqual([]);
    const [first, second] = face.views;
    expect(degreesBetween(first!.pose.rotation, second!.pose.rotation)).toBeLessThan(3);
    // Seen in the same light, the two share the texture.
    for (const { textureShare } of face.views) expect(textureShare).toBeGreaterThan(0.2);
  } finally {
    await hrn.dispose();
  }
});

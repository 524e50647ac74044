import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANIMALS, animalPortrait } from '../bench/robust/animals.js';
import { create, type Hrn } from '../lib/hrn.js';
import type { Raster, Reconstruction } from '../lib/result.js';
import { sample } from '../lib/sample.js';
import { turnOf } from '../lib/stages/plausibility.js';
import { astronaut, cropped, onCanvas, sharedPhotos, sideBySide, turned } from './photos.js';

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

it.each([48, 64])('a face of %i px is fitted as the large one, and told', async (px) => {
  const side = Math.round((320 * px) / Math.max(ownCrop.face.box.width, ownCrop.face.box.height));
  const face = await hrn.fit(await onCanvas(crop, side, { width: 300, height: 300 }), FAST);
  expect(Math.abs(Math.max(face.face.box.width, face.face.box.height) / px - 1)).toBeLessThan(0.1);
  expect(Math.abs(widthOf(face) / widthOf(ownCrop) - 1)).toBeLessThan(0.05);
  expect(Math.abs(yawOfHead(face) - yawOfHead(ownCrop))).toBeLessThan(4);
  expect(face.warnings.map(({ code }) => code)).toContain('LOW_RESOLUTION');
});

it('a face that the border halves is found beside a whole one, and comes after it', async () => {
  const whole = await onCanvas(crop, 180, { width: 380, height: 600, left: 10, top: 10 });
  const large = await onCanvas(crop, 400, { width: 400, height: 600, top: 200 });
  const both = sideBySide(whole, await cropped(large, { left: 0, top: 0, width: 220, height: 600 }));
  const boxes = await hrn.detect(both);
  expect(boxes).toHaveLength(2);
  expect(boxes[0]!.x).toBeLessThan(200);
  expect(boxes[1]!.height).toBeGreaterThan(1.5 * boxes[0]!.height);
  for await (const { index, face } of hrn.fitEach(both, { ...FAST, detail: 'coarse' })) {
    if (index === 1 && face) expect(face.warnings.map(({ code }) => code)).toContain('CUT_OFF');
  }
});

it('an upside-down photo is found, and fitted upside down', async () => {
  const face = await hrn.fit(await turned(await astronaut(), 180), FAST);
  expect(face.quality.landmarkErrorPercent).toBeLessThan(2);
  // The head's up is the picture's down.
  expect(face.pose.rotation[4]).toBeGreaterThan(0.8);
  expect(Math.abs(widthOf(face) / widthOf(ownCrop) - 1)).toBeLessThan(0.03);
});

describe('warnings', () => {
  const QUICK = { ...FAST, detail: 'coarse' } as const;
  const codes = async (raster: Raster) => (await hrn.fit(raster, QUICK)).warnings.map(({ code }) => code);

  it('are none for a sharp, whole, uncovered face', () => {
    expect(ownCrop.warnings).toEqual([]);
  });

  it('tell of a mask, whatever its colour', async () => {
    for (const colour of [
      [225, 225, 228],
      [120, 160, 190],
      [25, 25, 28],
    ]) {
      expect(await codes(masked(crop, colour))).toContain('COVERED');
    }
  });

  it('do not take warm light from below for a mask', async () => {
    expect(await codes(lit(crop))).toEqual([]);
  });

  it('tell of a photo without colours', async () => {
    const grey = crop.data.map((_, i) => Math.round((crop.data[i - (i % 3)]! + crop.data[i - (i % 3) + 1]!) / 2));
    // Her fringe hangs over a third of the forehead; without colours half of it passes for hair.
    expect(await codes({ ...crop, data: grey })).toEqual(['COVERED', 'BLACK_AND_WHITE']);
  });

  it('tell of a blurred face', async () => {
    const blurred = await sharp(crop.data, { raw: { width: 320, height: 320, channels: 3 } })
      .blur(1.8)
      .raw()
      .toBuffer();
    expect(await codes({ ...crop, data: new Uint8Array(blurred) })).toContain('LOW_RESOLUTION');
  });

  it('tell of a face that the border cuts', async () => {
    expect(await codes(await cropped(await astronaut(), { left: 190, top: 0, width: 320, height: 320 }))).toContain(
      'CUT_OFF',
    );
  });

  it('tell of a turned head; a near-profile is refused', async () => {
    const turnedBy = (yawDegrees: number) => sample({ seed: 4, size: 384, yawDegrees });
    expect(await codes((await turnedBy(50)).image)).toContain('TURNED');
    for (const yawDegrees of [66, -70, 75]) {
      await expect(hrn.fit((await turnedBy(yawDegrees)).image, QUICK)).rejects.toMatchObject({
        code: 'FACE_NOT_VISIBLE',
      });
    }
  });
});

describe('what is no face of a human', () => {
  it.each(Array.from({ length: 9 }, (_, i) => [ANIMALS[i % 3]!, 300 + i] as const))(
    'is refused or told: a %s drawn from seed %i',
    async (kind, seed) => {
      const told = await hrn
        .fit(await animalPortrait(seed, 512, kind), { ...FAST, detail: 'coarse' })
        .then(({ warnings }) => warnings.map(({ code }) => code))
        .catch(({ code }) => [code]);
      const honest = ['NO_FACE', 'FACE_NOT_VISIBLE', 'FIT_FAILED', 'NOT_HUMAN', 'COVERED'];
      expect(
        told.some((code: string) => honest.includes(code)),
        told.join(),
      ).toBe(true);
    },
  );

  it('is refused where the detector doubts it, or hardly any of it is seen as a face', async () => {
    // Scores of 0.54, 0.69 and 0.80, of which 0.46, 0.74 and 0.41 are seen bare; the landmark network follows all three.
    for (const [kind, seed] of [
      ['monkey', 702],
      ['cat', 716],
      ['dog', 721],
    ] as const) {
      await expect(hrn.fit(await animalPortrait(seed, 512, kind), { ...FAST, detail: 'coarse' })).rejects.toMatchObject(
        {
          code: 'FACE_NOT_VISIBLE',
          message: expect.stringContaining('may be no face'),
        },
      );
    }
  });

  it('is not said of people', async (context) => {
    const photos = await sharedPhotos();
    if (photos.length === 0) context.skip('no ../shared/photos');
    for (const [name, load] of photos.slice(0, 8)) {
      const { warnings } = await hrn.fit(await load(), { ...FAST, detail: 'coarse' });
      expect(
        warnings.map(({ code }) => code),
        name,
      ).not.toContain('NOT_HUMAN');
    }
  });
});

/** The pixels below the middle of the nose are redder and yellower, as by a lamp or a sunset. */
function lit(raster: Raster): Raster {
  const { pixels } = ownCrop.landmarks;
  const [top, chin] = [pixels[2 * 27 + 1]!, pixels[2 * 8 + 1]!];
  const gain = [1.05, 0.85, 0.55];
  const data = raster.data.map((value, i) => {
    const row = Math.floor(i / (3 * raster.width));
    const share = Math.min(1, Math.max(0, (row - top) / (0.3 * (chin - top))));
    return Math.min(255, value * (1 + share * (gain[i % 3]! - 1)));
  });
  return { ...raster, data };
}

/** A patch of one colour over mouth and chin, as a surgical mask lies. */
function masked(raster: Raster, colour: number[]): Raster {
  const data = Uint8Array.from(raster.data);
  const { landmarks } = ownCrop;
  const at = (i: number) => [landmarks.pixels[2 * i]!, landmarks.pixels[2 * i + 1]!] as const;
  // iBUG: jaw's ends 2 and 14, bridge of the nose 29, chin 8.
  const [left, right, top, bottom] = [at(2)[0], at(14)[0], at(29)[1], at(8)[1] + 4];
  for (let y = Math.floor(top); y < bottom; y++) {
    for (let x = Math.floor(left); x < right; x++) {
      for (let k = 0; k < 3; k++) data[3 * (y * raster.width + x) + k] = colour[k]! + 4 * Math.sin(x) * Math.sin(y);
    }
  }
  return { ...raster, data };
}

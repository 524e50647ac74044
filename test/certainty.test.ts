import { expect, it } from 'vitest';
import { robustPicture } from '../bench/robust/pictures.js';
import { useStudio } from './portrait-studio.js';

const used = useStudio();

/** Of the largest face of a picture of `npm run bench:robust`. */
async function codesOf(seed: number): Promise<string[]> {
  const { image } = await robustPicture(seed, used.studio.painter, used.studio.model);
  const { warnings } = await used.hrn.fit(image, { detail: 'coarse', textureSize: 256 });
  return warnings.map(({ code }) => code);
}

it.each([100283, 100349])('a face that the detector doubts, too, is refused: %i', async (seed) => {
  await expect(codesOf(seed)).rejects.toMatchObject({ code: 'FACE_NOT_VISIBLE' });
});

it.each([100411, 100254])('a head that half a face was squeezed into is told as unsure: %i', async (seed) => {
  expect(await codesOf(seed)).toContain('UNSURE');
});

it.each([200007, 200018, 200110, 200121])('lips without a dark line are not called covered: %i', async (seed) => {
  const codes = await codesOf(seed);
  expect(codes).not.toContain('COVERED');
  expect(codes).not.toContain('UNSURE');
});

it.each([
  [61_000_000, true],
  [61_000_023, true],
  [61_000_060, false],
])('a fringe over the forehead is told: %i', async (seed, isTold) => {
  const { pixels, over } = await used.studio.painter.draw(seed);
  const side = Math.round(Math.sqrt(pixels.length / 3));
  const image = { data: pixels, width: side, height: side, channels: 3 } as const;
  const { warnings } = await used.hrn.fit(image, { detail: 'coarse', textureSize: 256 });
  expect(over.includes('fringe')).toBe(isTold);
  expect(warnings.some(({ code }) => code === 'COVERED')).toBe(isTold);
});

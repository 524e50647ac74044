import { expect, it } from 'vitest';
import { judgePicture } from '../bench/robust/picture-verdicts.js';
import { robustPicture } from '../bench/robust/pictures.js';
import { countOf, type Judged, summary } from '../bench/robust/summary.js';
import { useStudio } from './portrait-studio.js';

/** A sample of `npm run bench:robust`, whose thousand pictures take an hour. */
const [FIRST, COUNT] = [500, 50];
const used = useStudio();

it('no generated picture gives a wrong head without a word', { timeout: 600_000 }, async () => {
  const judged: Judged[] = [];
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
    judged.push(
      ...(await judgePicture(used.hrn, await robustPicture(seed, used.studio.painter, used.studio.model), 'medium')),
    );
  }
  const told = summary(judged, { first: FIRST, count: COUNT, detail: 'medium', minutes: 0 });
  expect(countOf(judged, 'wrong'), told).toBe(0);
  expect(countOf(judged, 'right'), told).toBeGreaterThan(COUNT / 2);
  expect(countOf(judged, 'false refusal'), told).toBeLessThanOrEqual(1);
});

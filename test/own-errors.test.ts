import { expect, it } from 'vitest';
import { Random } from '../lib/sample/random.js';
import { type FollowedLandmarks, OwnErrors } from '../lib/track/own-errors.js';

const POINTS = 12;
const OWN = Array.from({ length: 2 * POINTS }, (_, i) => 2 * Math.sin(3 * i));
const PRINCIPAL = [320, 240] as const;

/** A head turned by so many radians, on which every point errs by what is its own, and by more besides. */
function frame(turn: number, besides: (i: number) => number): FollowedLandmarks {
  const [c, s] = [Math.cos(turn), Math.sin(turn)];
  const rotation = [c, 0, s, 0, -1, 0, s, 0, -c];
  const translation = [12, -8, 600];
  const points = Array.from({ length: 3 * POINTS }, (_, i) => 60 * Math.sin(i));
  const focalPx = 700;
  const pixels = Array.from({ length: 2 * POINTS }, (_, i) => {
    const at = points.slice(3 * (i >> 1), 3 * (i >> 1) + 3);
    for (const axis of [0, 1]) at[axis]! += OWN[2 * (i >> 1) + axis]! + besides(2 * (i >> 1) + axis);
    const [x, y, z] = [0, 1, 2].map((k) => at.reduce((sum, p, j) => sum + rotation[3 * k + j]! * p, translation[k]!));
    return (focalPx * (i % 2 === 0 ? x! : y!)) / z! + PRINCIPAL[i % 2]!;
  });
  return { points, pixels, rotation, translation, focalPx, principalPx: PRINCIPAL };
}

function farthest({ mm }: OwnErrors, axes = [0, 1]): number {
  return Math.max(...OWN.map((own, i) => (axes.includes(i % 2) ? Math.abs(own - mm[i]!) : 0)));
}

it('learns what stays from frame to frame, in spite of jitter and of what one frame in four shows', () => {
  const random = new Random(3);
  const errors = new OwnErrors(POINTS);
  expect(Math.max(...errors.mm)).toBe(0);
  for (let f = 0; f < 200; f++) {
    const raised = f % 4 === 3 ? 6 : 0;
    errors.add(frame(0.5 * Math.sin(f / 9), () => 0.3 * random.normal() + raised));
  }
  expect(farthest(errors)).toBeLessThan(0.35);
});

it('believes little of few frames, and of breadth none that turned ones do not show', () => {
  const errors = new OwnErrors(POINTS);
  errors.add(frame(0, () => 0));
  expect(Math.max(...errors.mm.map(Math.abs))).toBeLessThan(0.3);
  for (let f = 0; f < 300; f++) errors.add(frame(1.5, () => 0));
  expect(farthest(errors, [1])).toBeLessThan(0.1);
  expect(farthest(errors, [0])).toBeGreaterThan(1);
});

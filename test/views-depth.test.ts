import { describe, expect, it } from 'vitest';
import { depthShare } from '../lib/views/registration.js';

const turned = (degrees: number) => {
  const a = (degrees * Math.PI) / 180;
  return { rotation: Float64Array.of(Math.cos(a), 0, Math.sin(a), 0, 1, 0, -Math.sin(a), 0, Math.cos(a)) };
};

describe('depthShare', () => {
  it.each([
    [[0, 20, -9], 0],
    [[10, 10], 0],
    [[0, 35], 0.5],
    [[0, 38, -38], 1],
  ])('of heads turned by %j degrees is %d', (turns, share) => {
    expect(depthShare(turns.map(turned))).toBeCloseTo(share, 5);
  });
});

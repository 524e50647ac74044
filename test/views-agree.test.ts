import { describe, expect, it } from 'vitest';
import { findStranger } from '../lib/views/agree.js';

const views = (...list: [rise: number, turnDegrees: number][]) =>
  list.map(([rise, turnDegrees]) => ({ rise, turnDegrees }));

describe('which of several photos shows another person', () => {
  it('the one whose cost rises most, by itself', () => {
    expect(findStranger(views([7, 3], [135, 10], [23, 2], [55, 15]))).toMatchObject({
      place: 1,
      usual: 23 * Math.cos((2 * Math.PI) / 180),
    });
    expect(findStranger(views([14, 3], [14, 2], [44, 15]))).toBeUndefined();
  });

  it('not one that is high because its head is turned', () => {
    expect(findStranger(views([39, 1], [33, 35], [84, 44]))).toBeUndefined();
    expect(findStranger(views([39, 1], [33, 35], [84, 0]))).toMatchObject({ place: 2 });
  });

  it('none where all are high, or where two disagree', () => {
    expect(findStranger(views([79, 0], [88, 0], [120, 0]))).toBeUndefined();
    expect(findStranger(views([10, 0], [500, 0]))).toBeUndefined();
  });
});

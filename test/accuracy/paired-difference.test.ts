import { describe, expect, it } from 'vitest';
import { pairedDifference } from '../../bench/accuracy/paired-difference.js';

describe('pairedDifference', () => {
  it('averages over heads, not over portraits', () => {
    const heads = ['a', 'a', 'b', 'c'];
    const { difference, standardError } = pairedDifference(heads, [2, 4, 6, 1], [1, 1, 1, 1]);
    // Heads differ by 2, 5 and 0.
    expect(difference).toBeCloseTo(7 / 3, 12);
    expect(standardError).toBeCloseTo(Math.sqrt(((1 / 3) ** 2 + (8 / 3) ** 2 + (7 / 3) ** 2) / 2 / 3), 12);
  });

  it('does not see what both have in common', () => {
    const { difference, standardError } = pairedDifference(['a', 'b'], [1.5, 9.5], [1, 9]);
    expect([difference, standardError]).toEqual([0.5, 0]);
  });

  it('has no standard error for one head', () => {
    expect(pairedDifference(['a', 'a'], [1, 2], [0, 0]).standardError).toBeNaN();
  });
});

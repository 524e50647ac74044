import { describe, expect, it } from 'vitest';
import { ALL_POINTS } from '../lib/stages/mesh-points.js';
import { skinColour } from '../lib/stages/skin-colour.js';

const SIZE = 96;

describe('skinColour', () => {
  /** A face in the middle third; left of it what `beside` says. */
  function picture(beside: readonly number[]) {
    const rgb = new Float32Array(3 * SIZE * SIZE);
    for (let i = 0; i < SIZE * SIZE; i++) {
      const colour = i % SIZE < SIZE / 3 ? beside : [0.8, 0.58, 0.48];
      // Shading and noise, so that the face has a spread of colours.
      const light = 1 + 0.15 * Math.sin(i / 7);
      for (let k = 0; k < 3; k++) rgb[3 * i + k] = colour[k]! * light;
    }
    const pixels = new Float32Array(2 * ALL_POINTS).map((_, i) => SIZE / 2 + (SIZE / 8) * Math.sin(1.7 * i));
    return skinColour({ rgb, size: SIZE, toPhoto: [1, 0, 0, 0, 1, 0] }, { pixels });
  }

  it('is sure of the face itself, and that neither a collar nor dark hair is skin', () => {
    for (const other of [
      [0.2, 0.3, 0.7],
      [0.1, 0.08, 0.07],
    ]) {
      const colour = picture(other);
      expect(colour.likeness(SIZE / 2, SIZE / 2)).toBe(1);
      expect(colour.likeness(SIZE / 6, SIZE / 2)).toBe(0);
      expect(colour.isSkin(SIZE / 2, SIZE / 2)).toBe(true);
      expect(colour.isSkin(SIZE / 6, SIZE / 2)).toBe(false);
    }
  });

  it('has no step where isSkin has one', () => {
    let before = 0;
    for (let light = 0.1; light < 1; light += 0.02) {
      const colour = picture([0.8 * light, 0.58 * light, 0.48 * light]);
      const likeness = colour.likeness(SIZE / 6, SIZE / 2);
      expect(likeness).toBeGreaterThanOrEqual(before);
      expect(likeness - before).toBeLessThan(0.25);
      expect(colour.isSkin(SIZE / 6, SIZE / 2)).toBe(likeness > 0.5);
      before = likeness;
    }
    expect(before).toBe(1);
  });
});

import { describe, expect, it } from 'vitest';
import { hairColour } from '../lib/stages/hair-colour.js';
import { ALL_POINTS } from '../lib/stages/mesh-points.js';
import { FACE_OVAL } from '../lib/stages/skin-mask.js';

const SIZE = 240;
const CENTRE = 120;
const FACE = { width: 35, height: 45 };
const HEAD = 70;
const SKIN = [0.8, 0.58, 0.48] as const;

describe('hairColour', () => {
  /** An upright face on a round head; what the head shows above the forehead has `cover`'s colour. */
  function portrait(cover: readonly number[], headTop = CENTRE - HEAD) {
    const rgb = new Float32Array(3 * SIZE * SIZE);
    const values = new Float32Array(SIZE * SIZE);
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        const inside = Math.hypot(x - CENTRE, y - CENTRE) < HEAD && y > headTop;
        const colour = y < CENTRE - FACE.height ? cover : SKIN;
        // Shading, so that skin and hair have a spread of colours.
        const light = 1 + 0.1 * Math.sin(x / 9 + y / 5);
        for (let k = 0; k < 3; k++) rgb[3 * (y * SIZE + x) + k] = (inside ? colour[k]! : 0.3) * light;
        values[y * SIZE + x] = inside ? 1 : 0;
      }
    }
    const pixels = new Float32Array(2 * ALL_POINTS).map((_, i) => CENTRE + 30 * Math.sin(1.7 * i));
    FACE_OVAL.forEach((point, i) => {
      const angle = (2 * Math.PI * i) / FACE_OVAL.length;
      pixels[2 * point] = CENTRE + FACE.width * Math.sin(angle);
      pixels[2 * point + 1] = CENTRE - FACE.height * Math.cos(angle);
    });
    return hairColour({ values, size: SIZE, toPhoto: [1, 0, 0, 0, 1, 0], rgb }, { pixels });
  }

  it('tells hair from skin where it differs in brightness or colour alone', () => {
    for (const hair of [SKIN.map((c) => 0.7 * c), [0.76, 0.61, 0.5]]) {
      const isHair = portrait(hair);
      expect(isHair(CENTRE, CENTRE - 60)).toBe(true);
      expect(isHair(CENTRE + 30, CENTRE - 55)).toBe(true);
      for (const [du, dv] of [
        [0, 0],
        [-60, 0],
        [55, 20],
      ] as const) {
        expect(isHair(CENTRE + du, CENTRE + dv)).toBe(false);
      }
    }
  });

  it('takes nothing for hair where the photo ends above the face, nor black', () => {
    const isHair = portrait([0.2, 0.15, 0.1], CENTRE - FACE.height);
    for (const v of [CENTRE, CENTRE - 60]) expect(isHair(CENTRE, v)).toBe(false);
    expect(portrait([0, 0, 0])(CENTRE, CENTRE - 60)).toBe(false);
  });
});

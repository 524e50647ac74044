import { describe, expect, it } from 'vitest';
import { DENSE_CLASSES, type DenseClass } from '../lib/stages/dense.js';
import { MESH_POINTS } from '../lib/stages/mesh-points.js';
import { seenSkin } from '../lib/stages/seen-skin.js';

const SIDE = 16;

/** Left half one class, right half another; a pixel of the map is ten of the photo, which is turned by 90 degrees. */
function map(left: DenseClass, right: DenseClass) {
  const classes = new Float32Array(DENSE_CLASSES.length * SIDE * SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const shown = i % SIDE < SIDE / 2 ? left : right;
    classes[DENSE_CLASSES.indexOf(shown) * SIDE * SIDE + i] = 1;
  }
  return { side: SIDE, classes, toPhoto: [0, -10, 300, 10, 0, 100] as const };
}

/** All points at one place of the map. */
const landmarks = (u: number, v: number) => ({
  pixels: new Float32Array(2 * MESH_POINTS).map((_, i) => (i % 2 === 0 ? 300 - 10 * v : 100 + 10 * u)),
});

describe('seenSkin', () => {
  it('reads the map where the photo shows the points', () => {
    expect(seenSkin(map('face', 'hair'), landmarks(3.5, 9.5))).toEqual({ bare: 1, covering: 0 });
    expect(seenSkin(map('face', 'hair'), landmarks(12.5, 9.5))).toEqual({ bare: 0, covering: 0 });
    expect(seenSkin(map('glasses', 'lips'), landmarks(3.5, 1.5))).toEqual({ bare: 0, covering: 1 });
  });

  it('knows nothing of points beyond it', () => {
    expect(seenSkin(map('face', 'hair'), landmarks(-3, 40))).toBeUndefined();
  });
});

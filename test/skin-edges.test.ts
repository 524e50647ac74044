import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeContext } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';
import { DENSE_CLASSES, type DenseClass, type DenseFace } from '../lib/stages/dense.js';
import type { PersonMask } from '../lib/stages/mask.js';
import { ALL_POINTS } from '../lib/stages/mesh-points.js';
import { findSkinEdges } from '../lib/stages/skin-edges.js';

const SIZE = 240;
const CENTRE = 120;
const SKIN_RADIUS = 70;
const HAIR_RADIUS = 85;

let context: NativeContext;
beforeAll(() => {
  context = new (native().Context)({ threads: 2 });
});
afterAll(() => context.dispose());

describe('findSkinEdges', () => {
  /** A round face whose right half is framed by hair, as the person mask and the dense network see it. */
  function scene() {
    const rgb = new Float32Array(3 * SIZE * SIZE).fill(0.5);
    const values = new Float32Array(SIZE * SIZE);
    const side = SIZE / 2;
    const classes = new Float32Array(DENSE_CLASSES.length * side * side);
    const shown = (x: number, y: number): DenseClass => {
      const [dx, dy] = [x - CENTRE, y - CENTRE];
      const radius = Math.hypot(dx, dy);
      if (radius < SKIN_RADIUS) return 'face';
      return radius < HAIR_RADIUS && dx > 0 ? 'hair' : 'background';
    };
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        const [dx, dy] = [x + 0.5 - CENTRE, y + 0.5 - CENTRE];
        const end = dx > 0 ? HAIR_RADIUS : SKIN_RADIUS;
        values[y * SIZE + x] = Math.min(1, Math.max(0, 0.5 + (end - Math.hypot(dx, dy)) / 2));
        const pixel = Math.floor(y / 2) * side + Math.floor(x / 2);
        if (x % 2 === 0 && y % 2 === 0) classes[DENSE_CLASSES.indexOf(shown(x + 1, y + 1)) * side * side + pixel] = 1;
      }
    }
    const photo = { width: SIZE, height: SIZE };
    const pixels = new Float32Array(2 * ALL_POINTS).map((_, i) => CENTRE + 40 * Math.sin(1.7 * i));
    const person: PersonMask = { values, size: SIZE, toPhoto: [1, 0, 0, 0, 1, 0], rgb };
    const dense = { side, classes, toPhoto: [2, 0, 0, 0, 2, 0] } as unknown as DenseFace;
    return { photo, landmarks: { pixels }, seen: { person, dense } };
  }

  it('finds where skin ends and background begins, and nothing beside hair', async () => {
    const { photo, landmarks, seen } = scene();
    const { points, normals } = await findSkinEdges(context, photo, landmarks, seen);
    expect(points.length).toBeGreaterThan(2 * 150);
    expect(normals.length).toBe(points.length);
    for (let i = 0; i < points.length; i += 2) {
      const [dx, dy] = [points[i]! - CENTRE, points[i + 1]! - CENTRE];
      const radius = Math.hypot(dx, dy);
      expect(dx).toBeLessThan(12);
      expect(Math.abs(radius - SKIN_RADIUS)).toBeLessThan(dx < -3 ? 1 : 16);
      if (dx > -3) continue;
      expect((normals[i]! * dx + normals[i + 1]! * dy) / radius).toBeGreaterThan(0.9);
    }
  });

  it('finds them in any colours', async () => {
    const { photo, landmarks, seen } = scene();
    seen.person.rgb.fill(0.1);
    expect((await findSkinEdges(context, photo, landmarks, seen)).points.length).toBeGreaterThan(2 * 150);
  });

  it('refuses probabilities that are none', async () => {
    const { photo, landmarks, seen } = scene();
    seen.dense.classes[5] = Number.NaN;
    await expect(findSkinEdges(context, photo, landmarks, seen)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('finds nothing where the mask meets the border of the photo', async () => {
    const { photo, landmarks, seen } = scene();
    // A person who fills the picture to its left border.
    for (let y = 0; y < SIZE; y++) seen.person.values.fill(y < CENTRE ? 1 : 0, y * SIZE, y * SIZE + SIZE / 4);
    const { points } = await findSkinEdges(context, photo, landmarks, seen);
    for (let i = 0; i < points.length; i += 2) expect(points[i]!).toBeGreaterThan(5);
  });
});

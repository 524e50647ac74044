import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeContext } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';
import type { PersonMask } from '../lib/stages/mask.js';
import { ALL_POINTS, FACE_OVAL } from '../lib/stages/mesh-points.js';
import { findSkinEdges } from '../lib/stages/skin-edges.js';

const SIZE = 240;
const CENTRE = 120;
const SKIN_RADIUS = 70;
const HAIR_RADIUS = 85;
const SKIN = [205, 150, 125];
const HAIR = [50, 35, 25];
const BACKGROUND = [90, 120, 150];

let context: NativeContext;
beforeAll(() => {
  context = new (native().Context)({ threads: 2 });
});
afterAll(() => context.dispose());

describe('findSkinEdges', () => {
  /** A round face whose right half is framed by hair, as photo and person mask; the person ends where both do. */
  function scene(hair: readonly number[] = HAIR) {
    const rgb = new Float32Array(3 * SIZE * SIZE);
    const values = new Float32Array(SIZE * SIZE);
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        const [dx, dy] = [x + 0.5 - CENTRE, y + 0.5 - CENTRE];
        const radius = Math.hypot(dx, dy);
        const end = dx > 0 ? HAIR_RADIUS : SKIN_RADIUS;
        const colour = radius < SKIN_RADIUS ? SKIN : radius < end ? hair : BACKGROUND;
        for (const [k, value] of colour.entries()) rgb[3 * (y * SIZE + x) + k] = value / 255;
        values[y * SIZE + x] = Math.min(1, Math.max(0, 0.5 + (end - radius) / 2));
      }
    }
    const photo = { width: SIZE, height: SIZE };
    const pixels = new Float32Array(2 * ALL_POINTS).map((_, i) => CENTRE + 40 * Math.sin(1.7 * i));
    const mask: PersonMask = { values, size: SIZE, toPhoto: [1, 0, 0, 0, 1, 0], rgb };
    return { photo, landmarks: { pixels }, mask };
  }

  it('finds where skin ends and background begins, and nothing beside hair', async () => {
    const { photo, landmarks, mask } = scene();
    const { points, normals } = await findSkinEdges(context, photo, landmarks, mask);
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

  it('finds nothing beside hair of the colour of skin, where the head is covered with it', async () => {
    const { photo, landmarks, mask } = scene(SKIN.map((c) => 0.75 * c));
    FACE_OVAL.forEach((point, i) => {
      const angle = (2 * Math.PI * i) / FACE_OVAL.length;
      landmarks.pixels[2 * point] = CENTRE + 50 * Math.sin(angle);
      landmarks.pixels[2 * point + 1] = CENTRE - 60 * Math.cos(angle);
    });
    const { points } = await findSkinEdges(context, photo, landmarks, mask);
    expect(points.length).toBeGreaterThan(2 * 150);
    for (let i = 0; i < points.length; i += 2) expect(points[i]! - CENTRE).toBeLessThan(12);
  });

  it('finds nothing in black and white, where hair looks like skin', async () => {
    const { photo, landmarks, mask } = scene();
    for (let i = 0; i < mask.rgb.length; i += 3) mask.rgb.fill(mask.rgb[i + 1]!, i, i + 3);
    expect((await findSkinEdges(context, photo, landmarks, mask)).points).toHaveLength(0);
  });

  it('finds nothing where the mask meets the border of the photo', async () => {
    const { photo, landmarks, mask } = scene();
    // A person who fills the picture to its left border.
    for (let y = 0; y < SIZE; y++) mask.values.fill(y < CENTRE ? 1 : 0, y * SIZE, y * SIZE + SIZE / 4);
    const { points } = await findSkinEdges(context, photo, landmarks, mask);
    for (let i = 0; i < points.length; i += 2) expect(points[i]!).toBeGreaterThan(5);
  });
});

import { describe, expect, it } from 'vitest';
import type { Affine } from '../lib/native/binding.js';
import type { DenseLandmarks } from '../lib/stages/landmarks.js';
import { ALL_POINTS } from '../lib/stages/mesh-points.js';
import { type CropFrame, FACE_OVAL, invert, samplePersonMask, skinMask } from '../lib/stages/skin-mask.js';

/** Landmarks at one place unless told. */
function landmarks(place: Record<number, readonly [number, number]>): DenseLandmarks {
  const pixels = new Float32Array(2 * ALL_POINTS).fill(-1000);
  for (const [point, at] of Object.entries(place)) pixels.set(at, 2 * Number(point));
  return { pixels } as DenseLandmarks;
}

/** The ring on an ellipse, evenly. */
function ellipse(ring: readonly number[], [x, y]: [number, number], [a, b]: [number, number]) {
  return Object.fromEntries(
    ring.map((point, i) => {
      const angle = (2 * Math.PI * i) / ring.length;
      return [point, [x + a * Math.cos(angle), y + b * Math.sin(angle)] as const];
    }),
  );
}

/** Area of a polygon with n corners on an ellipse. */
const areaOf = (n: number, [a, b]: [number, number]) => (n / 2) * Math.sin((2 * Math.PI) / n) * a * b;

const RIGHT_EYE = [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246];
const MOUTH = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191];
const everyone = ({ size }: CropFrame) => new Float32Array(size * size).fill(1);
const sum = (mask: Float32Array) => mask.reduce((total, value) => total + value, 0);

describe('skinMask', () => {
  const frame: CropFrame = { x0: 0, y0: 0, scale: 1, size: 200 };
  const oval = ellipse(FACE_OVAL, [100, 100], [60, 80]);

  it('covers the outline of the face', () => {
    const mask = skinMask(landmarks(oval), frame, everyone(frame));
    // Pixels count by their centres: off by a share of the outline's length at most.
    expect(Math.abs(sum(mask) - areaOf(FACE_OVAL.length, [60, 80]))).toBeLessThan(60);
    expect(mask[100 * 200 + 100]).toBe(1);
    expect(mask[100 * 200 + 30]).toBe(0);
    expect(mask[10 * 200 + 100]).toBe(0);
  });

  it('follows the crop frame', () => {
    const zoomed: CropFrame = { x0: 50, y0: 30, scale: 1.5, size: 200 };
    const mask = skinMask(landmarks(oval), zoomed, everyone(zoomed));
    // Crop pixel (x, y) shows photo pixel (x0 + x / scale, y0 + y / scale).
    const plain = skinMask(landmarks(oval), frame, everyone(frame));
    let different = 0;
    for (let i = 0; i < mask.length; i++) {
      const x = 50 + ((i % 200) + 0.5) / 1.5;
      const y = 30 + (Math.floor(i / 200) + 0.5) / 1.5;
      if (mask[i] !== plain[Math.floor(y) * 200 + Math.floor(x)]) different++;
    }
    // Pixels across the outline.
    expect(different).toBeLessThan(0.04 * sum(mask));
  });

  it('leaves out the openings of eyes and mouth', () => {
    const open = {
      ...oval,
      ...ellipse(RIGHT_EYE, [70, 80], [12, 6]),
      ...ellipse(MOUTH, [100, 140], [20, 9]),
    };
    const mask = skinMask(landmarks(open), frame, everyone(frame));
    const hole = areaOf(RIGHT_EYE.length, [12, 6]) + areaOf(MOUTH.length, [20, 9]);
    expect(Math.abs(sum(mask) - (areaOf(FACE_OVAL.length, [60, 80]) - hole))).toBeLessThan(60);
    expect(mask[80 * 200 + 70]).toBe(0);
    expect(mask[140 * 200 + 100]).toBe(0);
    expect(mask[140 * 200 + 70]).toBe(1);
  });

  it('counts the person only, softly', () => {
    const person = new Float32Array(200 * 200).map((_, i) => (i % 200 < 100 ? 0.25 : 0));
    const mask = skinMask(landmarks(oval), frame, person);
    expect(mask[100 * 200 + 90]).toBe(0.25);
    expect(mask[100 * 200 + 110]).toBe(0);
  });

  it('is empty for a face beside the crop, and clipped at its border', () => {
    const beside = landmarks(ellipse(FACE_OVAL, [500, 100], [60, 80]));
    expect(sum(skinMask(beside, frame, everyone(frame)))).toBe(0);
    const cut = sum(skinMask(landmarks(ellipse(FACE_OVAL, [0, 100], [60, 80])), frame, everyone(frame)));
    expect(Math.abs(cut - areaOf(FACE_OVAL.length, [60, 80]) / 2)).toBeLessThan(60);
    const around = landmarks(ellipse(FACE_OVAL, [100, 100], [6000, 8000]));
    // The openings of this one lie elsewhere: everything is skin.
    expect(sum(skinMask(around, frame, everyone(frame)))).toBe(200 * 200);
  });
});

describe('the person mask', () => {
  const affine: Affine = [1.2, -0.5, 40, 0.5, 1.2, -12];

  it('invert() undoes a map', () => {
    const [a, b, c, d, e, f] = affine;
    const [p, q, r, s, t, u] = invert(affine);
    for (const [x, y] of [
      [0, 0],
      [17, -3],
      [200, 111],
    ] as const) {
      const [px, py] = [a * x + b * y + c, d * x + e * y + f];
      expect(p * px + q * py + r).toBeCloseTo(x, 9);
      expect(s * px + t * py + u).toBeCloseTo(y, 9);
    }
    expect(invert([1, 0, 0, 0, 1, 0]).map((v) => v + 0)).toEqual([1, 0, 0, 0, 1, 0]);
  });

  it('reads the mask where the photo shows it', () => {
    const size = 64;
    // A ramp, which bilinear interpolation keeps exactly.
    const values = new Float32Array(size * size).map((_, i) => ((i % size) + 2 * Math.floor(i / size)) / 200);
    const frame: CropFrame = { x0: 20, y0: 10, scale: 0.8, size: 70 };
    const sampled = samplePersonMask({ values, size, toPhoto: affine }, frame);
    const [a, b, c, d, e, f] = invert(affine);
    let inside = 0;
    for (let i = 0; i < sampled.length; i++) {
      const px = frame.x0 + ((i % 70) + 0.5) / 0.8;
      const py = frame.y0 + (Math.floor(i / 70) + 0.5) / 0.8;
      const [u, v] = [a * px + b * py + c - 0.5, d * px + e * py + f - 0.5];
      if (u < 0 || v < 0 || u >= size - 1 || v >= size - 1) {
        expect(sampled[i]).toBe(0);
      } else {
        inside++;
        expect(sampled[i]).toBeCloseTo((u + 2 * v) / 200, 5);
      }
    }
    expect(inside).toBeGreaterThan(500);
    expect(inside).toBeLessThan(sampled.length);
  });

  it('is zero beside the mask', () => {
    const values = new Float32Array(16).fill(1);
    const frame: CropFrame = { x0: 1000, y0: 0, scale: 1, size: 8 };
    expect(sum(samplePersonMask({ values, size: 4, toPhoto: [1, 0, 0, 0, 1, 0] }, frame))).toBe(0);
  });
});

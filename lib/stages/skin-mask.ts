import type { Affine } from '../native/binding.js';
import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import { INNER_LIPS } from './mesh-points.js';

/** Face outline from the middle of the forehead, clockwise in the image (MediaPipe's FACEMESH_FACE_OVAL). */
export const FACE_OVAL = [
  10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136,
  172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
];
/** Rims of the eye openings. */
const RIGHT_LIDS = [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246];
const LEFT_LIDS = [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466];

/** Axis-aligned square crop: crop pixel = scale * (photo pixel - (x0, y0)). */
export interface CropFrame {
  x0: number;
  y0: number;
  scale: number;
  /** Side, crop pixels. */
  size: number;
}

/**
 * Where a crop shows skin: inside the landmark outline, outside the openings of eyes and mouth, and on the person.
 *
 * @param person `[size][size]`, 0..1: the person mask resampled to the crop
 * @returns `[size][size]`, 0..1
 */
export function skinMask(landmarks: DenseLandmarks, frame: CropFrame, person: Float32Array): Float32Array {
  const mask = new Float32Array(frame.size * frame.size);
  fillPolygon(mask, frame, landmarks, FACE_OVAL, 1);
  for (const opening of [RIGHT_LIDS, LEFT_LIDS, INNER_LIPS]) fillPolygon(mask, frame, landmarks, opening, 0);
  for (let i = 0; i < mask.length; i++) mask[i]! *= person[i]!;
  return mask;
}

/** Sets every pixel whose centre lies in the polygon (even-odd rule). */
function fillPolygon(
  mask: Float32Array,
  { x0, y0, scale, size }: CropFrame,
  { pixels }: DenseLandmarks,
  ring: readonly number[],
  value: number,
): void {
  const xs = ring.map((point) => (pixels[2 * point]! - x0) * scale);
  const ys = ring.map((point) => (pixels[2 * point + 1]! - y0) * scale);
  for (let row = 0; row < size; row++) {
    const y = row + 0.5;
    const crossings: number[] = [];
    for (let i = 0; i < ring.length; i++) {
      const j = (i + 1) % ring.length;
      if (ys[i]! <= y === ys[j]! <= y) continue;
      crossings.push(xs[i]! + ((y - ys[i]!) / (ys[j]! - ys[i]!)) * (xs[j]! - xs[i]!));
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const from = Math.max(0, Math.ceil(crossings[i]! - 0.5));
      const to = Math.min(size, Math.ceil(crossings[i + 1]! - 0.5));
      if (from < to) mask.fill(value, row * size + from, row * size + to);
    }
  }
}

/** The person mask resampled to a crop, `[size][size]`; bilinear, zero outside the mask. */
export function samplePersonMask(
  { values, size: side, toPhoto }: Omit<PersonMask, 'rgb'>,
  frame: CropFrame,
): Float32Array {
  const [a, b, c, d, e, f] = invert(toPhoto);
  const out = new Float32Array(frame.size * frame.size);
  for (let i = 0; i < out.length; i++) {
    const line = Math.floor(i / frame.size);
    const px = frame.x0 + (i - line * frame.size + 0.5) / frame.scale;
    const py = frame.y0 + (line + 0.5) / frame.scale;
    const u = a * px + b * py + c - 0.5;
    const v = d * px + e * py + f - 0.5;
    const column = Math.floor(u);
    const row = Math.floor(v);
    if (!(column >= 0 && row >= 0 && column < side - 1 && row < side - 1)) continue;
    const at = row * side + column;
    const right = u - column;
    const upper = values[at]! + right * (values[at + 1]! - values[at]!);
    const lower = values[at + side]! + right * (values[at + side + 1]! - values[at + side]!);
    out[i] = Math.min(1, Math.max(0, upper + (v - row) * (lower - upper)));
  }
  return out;
}

/** The inverse of a 2x3 affine map. */
export function invert([a, b, c, d, e, f]: Affine): Affine {
  const determinant = a * e - b * d;
  const [p, q, r, s] = [e / determinant, -b / determinant, -d / determinant, a / determinant];
  return [p, q, -(p * c + q * f), r, s, -(r * c + s * f)];
}

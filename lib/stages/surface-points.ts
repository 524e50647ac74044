/** Points on the model's surface, and where a camera sees them. */
import type { LandmarkSet } from '../morphable-model.js';

/** `[count][3]` */
export function surfacePoints({ count, vertices, weights }: LandmarkSet, positions: Float32Array): Float32Array {
  const out = new Float32Array(3 * count);
  for (let i = 0; i < out.length; i += 3) {
    for (let axis = 0; axis < 3; axis++) {
      let sum = 0;
      for (let j = i; j < i + 3; j++) sum += weights[j]! * positions[3 * vertices[j]! + axis]!;
      out[i + axis] = sum;
    }
  }
  return out;
}

/**
 * @param projection row-major 3 x 4
 * @returns `[points.length / 3][2]`, pixels
 */
export function projectPoints(projection: readonly number[], points: Float32Array): Float32Array {
  const out = new Float32Array((points.length / 3) * 2);
  const along = (row: number, i: number) =>
    projection[4 * row]! * points[3 * i]! +
    projection[4 * row + 1]! * points[3 * i + 1]! +
    projection[4 * row + 2]! * points[3 * i + 2]! +
    projection[4 * row + 3]!;
  for (let i = 0; i < points.length / 3; i++) {
    const w = along(2, i);
    out[2 * i] = along(0, i) / w;
    out[2 * i + 1] = along(1, i) / w;
  }
  return out;
}

/** Points on the model's surface, and where a camera sees them. */
import type { LandmarkSet } from '../morphable-model.js';

/** `[count][3]` */
export function surfacePoints({ count, vertices, weights }: LandmarkSet, positions: Float32Array): Float32Array {
  return Float32Array.from({ length: 3 * count }, (_, i) => {
    const [point, axis] = [Math.floor(i / 3), i % 3];
    let sum = 0;
    for (let j = 3 * point; j < 3 * point + 3; j++) sum += weights[j]! * positions[3 * vertices[j]! + axis]!;
    return sum;
  });
}

/**
 * @param projection row-major 3 x 4
 * @returns `[points.length / 3][2]`, pixels
 */
export function projectPoints(projection: readonly number[], points: Float32Array): Float32Array {
  const out = new Float32Array((points.length / 3) * 2);
  for (let i = 0; i < points.length / 3; i++) {
    const [u, v, w] = [0, 1, 2].map(
      (k) =>
        projection[4 * k]! * points[3 * i]! +
        projection[4 * k + 1]! * points[3 * i + 1]! +
        projection[4 * k + 2]! * points[3 * i + 2]! +
        projection[4 * k + 3]!,
    ) as [number, number, number];
    out[2 * i] = u / w;
    out[2 * i + 1] = v / w;
  }
  return out;
}

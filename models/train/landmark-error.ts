/** How the landmark network errs on a portrait whose truth is known. */
import type { MorphableModel } from '../../lib/morphable-model.js';
import type { SampleCamera } from '../../lib/sample/camera.js';
import type { DenseLandmarks } from '../../lib/stages/landmarks.js';

/**
 * The offset in the head frame's x and y that would carry each surface point to where the network saw it, its depth
 * unchanged: the pixel error, scaled to the point's depth, is the camera's view of that offset.
 */
export function landmarkError(
  model: MorphableModel,
  positions: Float32Array,
  camera: SampleCamera,
  { pixels }: DenseLandmarks,
): Float64Array {
  const { count, vertices, weights } = model.dense;
  const { rotation: r, projection: p, focalLengthPx } = camera;
  const error = new Float64Array(2 * count);
  const determinant = r[0]! * r[4]! - r[1]! * r[3]!;
  for (let l = 0; l < count; l++) {
    const point = [0, 0, 0, 1];
    for (let j = 0; j < 3; j++) {
      for (let k = 0; k < 3; k++) point[k]! += weights[3 * l + j]! * positions[3 * vertices[3 * l + j]! + k]!;
    }
    const row = (o: number): number => point.reduce((sum, x, k) => sum + x * p[o + k]!, 0);
    const depth = row(8);
    const du = ((pixels[2 * l]! - row(0) / depth) * depth) / focalLengthPx;
    const dv = ((pixels[2 * l + 1]! - row(4) / depth) * depth) / focalLengthPx;
    error[2 * l] = (r[4]! * du - r[1]! * dv) / determinant;
    error[2 * l + 1] = (r[0]! * dv - r[3]! * du) / determinant;
  }
  return error;
}

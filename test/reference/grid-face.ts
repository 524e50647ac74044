import type { NdArray } from '../../lib/formats/nd-array.js';
import { type FaceModel, faceModelOf } from '../../lib/reference/face-model.js';
import { randoms } from './random-tensors.js';

/** A curved grid of 13 x 13 vertices, in the variables of BFM_model_front.mat. */
export const G = 13;
export const V = G * G;

export function gridVariables(): Map<string, NdArray> {
  const noise = randoms('mean', 3 * V, 0.02);
  const mean = new Float32Array(3 * V);
  for (let v = 0; v < V; v++) {
    const [x, y] = [((v % G) / (G - 1)) * 2 - 1, (Math.floor(v / G) / (G - 1)) * 2 - 1];
    const point = [x * 0.75, -y * 0.95, 0.6 * Math.sqrt(Math.max(0, 1 - 0.5 * (x * x + y * y)))];
    for (let k = 0; k < 3; k++) mean[3 * v + k] = Math.fround(Math.fround(point[k]!) + noise[3 * v + k]!);
  }
  const triangles: number[] = [];
  for (let y = 0; y < G - 1; y++)
    for (let x = 0; x < G - 1; x++) {
      const a = y * G + x;
      triangles.push(a, a + G, a + 1, a + 1, a + G, a + G + 1);
    }
  const count = triangles.length / 3;
  const around: number[] = [];
  for (let v = 0; v < V; v++) {
    const own = Array.from({ length: count }, (_, t) => t).filter((t) => triangles.slice(3 * t, 3 * t + 3).includes(v));
    around.push(...[...own, ...Array(8).fill(count)].slice(0, 8).map((t) => t + 1));
  }
  const array = (data: Float32Array, shape: number[]): NdArray => ({ data, shape });
  return new Map([
    ['meanshape', array(mean, [1, 3 * V])],
    ['idBase', array(randoms('id', 3 * V * 80, 0.02), [3 * V, 80])],
    ['exBase', array(randoms('exp', 3 * V * 64, 0.02), [3 * V, 64])],
    ['meantex', array(randoms('tex', 3 * V, 60, 150), [1, 3 * V])],
    ['texBase', array(randoms('texb', 3 * V * 80, 4), [3 * V, 80])],
    [
      'tri',
      array(
        Float32Array.from(triangles, (v) => v + 1),
        [count, 3],
      ),
    ],
    ['point_buf', array(Float32Array.from(around), [V, 8])],
    [
      'keypoints',
      array(
        Float32Array.from({ length: 68 }, (_, i) => i + 1),
        [1, 68],
      ),
    ],
  ]);
}

export function gridModel(): FaceModel {
  return faceModelOf(gridVariables());
}

/** `[V][2]`, origin bottom left: nearly the whole square. */
export function gridUvs(): Float32Array {
  return Float32Array.from({ length: 2 * V }, (_, i) => {
    const v = Math.floor(i / 2);
    const [x, y] = [((v % G) / (G - 1)) * 2 - 1, (Math.floor(v / G) / (G - 1)) * 2 - 1];
    return i % 2 === 0 ? (x * 0.9 + 1) / 2 : (1 - y * 0.9) / 2;
  });
}

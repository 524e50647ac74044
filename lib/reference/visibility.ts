import { CENTRE, type FaceModel, FOCAL, IMAGE_PX } from './face-model.js';

/** What the reference's camera sees in each pixel of a square picture of `size`, rows from the top. */
export interface Visibility {
  size: number;
  /** `[size][size]`, -1 where nothing is seen. */
  triangle: Int32Array;
  /** `[size][size][3]`, with perspective. */
  weights: Float32Array;
}

/** @param camera `[V][3]`, z the distance */
export function look({ triangles, triangleCount }: FaceModel, camera: Float32Array, size: number): Visibility {
  const scale = size / IMAGE_PX;
  const screen = new Float64Array((camera.length / 3) * 2);
  for (let v = 0; v < camera.length / 3; v++) {
    const z = camera[3 * v + 2]!;
    screen[2 * v] = ((FOCAL * camera[3 * v]!) / z + CENTRE) * scale - 0.5;
    screen[2 * v + 1] = size - ((FOCAL * camera[3 * v + 1]!) / z + CENTRE) * scale - 0.5;
  }
  const triangle = new Int32Array(size * size).fill(-1);
  const weights = new Float32Array(3 * size * size);
  const nearest = new Float64Array(size * size).fill(Infinity);
  for (let t = 0; t < triangleCount; t++) {
    const [a, b, c] = [triangles[3 * t]!, triangles[3 * t + 1]!, triangles[3 * t + 2]!];
    const [ax, ay, bx, by, cx, cy] = [a, b, c].flatMap((v) => [screen[2 * v]!, screen[2 * v + 1]!]) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
    if (area === 0) continue;
    const [za, zb, zc] = [camera[3 * a + 2]!, camera[3 * b + 2]!, camera[3 * c + 2]!];
    const [x0, x1] = [
      Math.max(0, Math.ceil(Math.min(ax, bx, cx))),
      Math.min(size - 1, Math.floor(Math.max(ax, bx, cx))),
    ];
    const [y0, y1] = [
      Math.max(0, Math.ceil(Math.min(ay, by, cy))),
      Math.min(size - 1, Math.floor(Math.max(ay, by, cy))),
    ];
    for (let y = y0; y <= y1; y++)
      for (let x = x0; x <= x1; x++) {
        const u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area;
        const v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area;
        const w = 1 - u - v;
        if (u < 0 || v < 0 || w < 0) continue;
        const inverse = u / za + v / zb + w / zc;
        const at = y * size + x;
        if (1 / inverse >= nearest[at]!) continue;
        nearest[at] = 1 / inverse;
        triangle[at] = t;
        weights[3 * at] = u / za / inverse;
        weights[3 * at + 1] = v / zb / inverse;
        weights[3 * at + 2] = w / zc / inverse;
      }
  }
  return { size, triangle, weights };
}

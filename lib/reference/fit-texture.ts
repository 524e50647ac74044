import type { WorkSlices } from '../importers/work-slices.js';
import type { FaceModel } from './face-model.js';
import type { Visibility } from './visibility.js';

const ITERATIONS = 100;
const RATE = 1e-2;
const PHOTO_WEIGHT = 1.92;
const SMOOTH_WEIGHT = 10;

/**
 * Adds to the predicted texture what the photo shows: a map of offsets, fitted by Adam to the picture under total
 * variation, as the reference does it.
 *
 * @param colours `[size][size][3]`, the shaded texture; rows from v = 1
 * @param uvs `[V][2]`, origin bottom left
 * @param picture `[side][side][3]`, the crop
 */
export async function fitTexture(
  model: FaceModel,
  colours: Float32Array,
  size: number,
  uvs: Float32Array,
  { triangle, weights, size: side }: Visibility,
  picture: Float32Array,
  work: WorkSlices,
): Promise<Float32Array> {
  // Four texels and their shares, of every pixel that shows the face.
  const seen: number[] = [];
  for (let p = 0; p < side * side; p++) if (triangle[p]! >= 0) seen.push(p);
  const texels = new Int32Array(4 * seen.length);
  const shares = new Float32Array(4 * seen.length);
  const wrap = (i: number) => ((i % size) + size) % size;
  for (const [n, p] of seen.entries()) {
    let [u, v] = [0, 0];
    for (let j = 0; j < 3; j++) {
      const vertex = model.triangles[3 * triangle[p]! + j]!;
      u += weights[3 * p + j]! * uvs[2 * vertex]!;
      v += weights[3 * p + j]! * uvs[2 * vertex + 1]!;
    }
    const [x, y] = [u * size - 0.5, (1 - v) * size - 0.5];
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const [fx, fy] = [x - column, y - row];
    const corners = [
      [row, column, (1 - fx) * (1 - fy)],
      [row, column + 1, fx * (1 - fy)],
      [row + 1, column, (1 - fx) * fy],
      [row + 1, column + 1, fx * fy],
    ] as const;
    for (const [k, [r, c, share]] of corners.entries()) {
      texels[4 * n + k] = 3 * (wrap(r) * size + wrap(c));
      shares[4 * n + k] = share;
    }
  }
  let offsets = new Float32Array(colours.length);
  let next = new Float32Array(colours.length);
  const gradient = new Float64Array(colours.length);
  const first = new Float64Array(colours.length);
  const second = new Float64Array(colours.length);
  const line = 3 * size;
  const smooth = (4 * SMOOTH_WEIGHT) / (line * (size - 1));
  const weight = PHOTO_WEIGHT / Math.max(1, seen.length);
  for (let step = 1; step <= ITERATIONS; step++) {
    await work.pause();
    gradient.fill(0);
    for (let n = 0; n < seen.length; n++) {
      const p = 3 * seen[n]!;
      let [red, green, blue] = [-picture[p]!, -picture[p + 1]!, -picture[p + 2]!];
      for (let q = 4 * n; q < 4 * n + 4; q++) {
        const [t, share] = [texels[q]!, shares[q]!];
        red += share * (colours[t]! + offsets[t]!);
        green += share * (colours[t + 1]! + offsets[t + 1]!);
        blue += share * (colours[t + 2]! + offsets[t + 2]!);
      }
      const scale = weight / Math.sqrt(1e-6 + red * red + green * green + blue * blue);
      for (let q = 4 * n; q < 4 * n + 4; q++) {
        const [t, share] = [texels[q]!, scale * shares[q]!];
        gradient[t]! += share * red;
        gradient[t + 1]! += share * green;
        gradient[t + 2]! += share * blue;
      }
    }
    const [c1, c2] = [RATE / (1 - 0.9 ** step), 1 / (1 - 0.999 ** step)];
    for (let y = 0, i = 0; y < size; y++) {
      for (let x = 0; x < line; x++, i++) {
        const own = offsets[i]!;
        let slope = 0;
        if (x >= 3) slope += own - offsets[i - 3]!;
        if (x < line - 3) slope += own - offsets[i + 3]!;
        if (y > 0) slope += own - offsets[i - line]!;
        if (y < size - 1) slope += own - offsets[i + line]!;
        const g = gradient[i]! + smooth * slope;
        const mean = 0.9 * first[i]! + 0.1 * g;
        const square = 0.999 * second[i]! + 0.001 * g * g;
        first[i] = mean;
        second[i] = square;
        next[i] = own - (c1 * mean) / (Math.sqrt(square * c2) + 1e-8);
      }
    }
    [offsets, next] = [next, offsets];
  }
  return colours.map((value, i) => value + offsets[i]!);
}

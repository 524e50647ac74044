import type { WorkSlices } from './work-slices.js';

/** Normal equations of a linear least-squares problem, gathered row by row. */
export class NormalEquations {
  /** Lower triangle, row by row. */
  readonly #matrix: Float64Array;
  readonly #right: Float64Array;

  constructor(readonly size: number) {
    this.#matrix = new Float64Array(size * size);
    this.#right = new Float64Array(size);
  }

  /** Adds `weight * (row . x - value)^2`. */
  add(row: Float64Array, value: number, weight: number): void {
    const { size } = this;
    const matrix = this.#matrix;
    for (let i = 0; i < size; i++) {
      const scaled = weight * row[i]!;
      if (scaled === 0) continue;
      const at = i * size;
      for (let j = 0; j <= i; j++) matrix[at + j]! += scaled * row[j]!;
      this.#right[i]! += scaled * value;
    }
  }

  /** Adds `weight * (x[i] - value)^2`. */
  addPrior(i: number, value: number, weight: number): void {
    this.#matrix[i * this.size + i]! += weight;
    this.#right[i]! += weight * value;
  }

  /** By Cholesky's method; the matrix must be positive definite, which priors see to. */
  async solve(work: WorkSlices): Promise<Float64Array> {
    return solved(await factorised(this.#matrix, this.size, work), this.#right);
  }
}

/** Cholesky's factor of a positive definite matrix whose lower triangle is given row by row; so is the factor. */
export async function factorised(matrix: Float64Array, size: number, work: WorkSlices): Promise<Float64Array> {
  const l = matrix.slice();
  for (let i = 0; i < size; i++) {
    await work.pause();
    for (let j = 0; j <= i; j++) {
      let sum = l[i * size + j]!;
      for (let k = 0; k < j; k++) sum -= l[i * size + k]! * l[j * size + k]!;
      l[i * size + j] = i === j ? Math.sqrt(sum) : sum / l[j * size + j]!;
    }
  }
  return l;
}

/** The solution for one right-hand side, by the factor. */
export function solved(l: Float64Array, right: Float64Array): Float64Array {
  const size = right.length;
  const x = right.slice();
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i]! -= l[i * size + k]! * x[k]!;
    x[i]! /= l[i * size + i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) x[i]! -= l[k * size + i]! * x[k]!;
    x[i]! /= l[i * size + i]!;
  }
  return x;
}

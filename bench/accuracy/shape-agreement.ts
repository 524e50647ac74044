/** How alike heads of one model are, vertex by vertex, their expressions taken away. */
import type { MorphableModel } from '../../lib/morphable-model.js';
import { addWorn, ownOffsets } from '../../lib/own-expressions.js';
import type { ReconstructionData } from '../../lib/result.js';
import { addBasis } from '../../lib/sample/random-head.js';
import { alignPoints, applySimilarity } from './align.js';
import { modelFaceRegion } from './model-face.js';

/** The finest fitted head with a neutral expression, `[vertices][3]`, mm. */
export function neutralShape({ model, mesh, coefficients }: ReconstructionData): Float32Array {
  const fitted: Record<string, number> = coefficients.expression;
  const neutral = mesh.positions.slice();
  addWorn(neutral, model, ownOffsets(model, fitted, coefficients.fittedExpression), fitted, -1);
  return neutral;
}

/** What the fitted identity coefficients stand for, `[vertices][3]`, in the model's millimetres. */
export function identityShape({ model, coefficients }: ReconstructionData): Float32Array {
  const shape = model.mean.slice();
  addBasis(shape, model.identity, coefficients.identity);
  return shape;
}

/** Compares the faces of heads of one model. */
export class ShapeDistance {
  readonly #vertices: readonly number[];

  constructor(model: MorphableModel) {
    this.#vertices = [...new Set(modelFaceRegion(model))];
  }

  /**
   * Mean distance of corresponding face vertices after alignment, mm.
   *
   * @param withScale true: similarity alignment; false: rigid, so that a wrong size counts
   */
  between(from: Float32Array, to: Float32Array, withScale: boolean): number {
    const [a, b] = [this.#points(from), this.#points(to)];
    const moved = applySimilarity(alignPoints(a, b, withScale), a);
    let sum = 0;
    for (let i = 0; i < b.length; i += 3) {
      sum += Math.hypot(moved[i]! - b[i]!, moved[i + 1]! - b[i + 1]!, moved[i + 2]! - b[i + 2]!);
    }
    return sum / this.#vertices.length;
  }

  #points(shape: Float32Array): Float64Array {
    const out = new Float64Array(3 * this.#vertices.length);
    for (const [i, v] of this.#vertices.entries()) out.set(shape.subarray(3 * v, 3 * v + 3), 3 * i);
    return out;
  }
}

/** How alike the fitted people of different photos are, their expressions taken away. */
import { decodeHalfs } from '../../lib/half-float.js';
import type { ReconstructionData } from '../../lib/result.js';
import { alignPoints, applySimilarity } from './align.js';
import { modelFaceRegion } from './cases.js';

/**
 * The fitted head with a neutral expression, `[vertices][3]`, mm: every level less the expression that its coefficients
 * stand for.
 */
export function neutralShape(face: ReconstructionData, level: 'coarse' | 'medium'): Float32Array {
  const { expression } = face.model;
  const shape = (level === 'medium' && face.levels.medium ? face.levels.medium : face.levels.coarse).slice();
  for (const [k, name] of expression.names.entries()) {
    const weight = face.coefficients.expression[name] ?? 0;
    if (weight === 0) continue;
    const offsets = decodeHalfs(expression.halfs, k * shape.length, (k + 1) * shape.length);
    for (let i = 0; i < shape.length; i++) shape[i]! -= weight * offsets[i]!;
  }
  return shape;
}

/** Mean distance of corresponding face vertices after rigid alignment, mm, for every pair. */
export function shapeDistances(faces: readonly ReconstructionData[], shapes: readonly Float32Array[]): number[][] {
  const [first] = faces;
  if (!first) return [];
  const vertices = [...new Set(modelFaceRegion(first.model))];
  const points = shapes.map((shape) => {
    const out = new Float64Array(3 * vertices.length);
    for (const [i, v] of vertices.entries()) out.set(shape.subarray(3 * v, 3 * v + 3), 3 * i);
    return out;
  });
  return points.map((a) =>
    points.map((b) => {
      const moved = applySimilarity(alignPoints(a, b, false), a);
      let sum = 0;
      for (let i = 0; i < b.length; i += 3) {
        sum += Math.hypot(moved[i]! - b[i]!, moved[i + 1]! - b[i + 1]!, moved[i + 2]! - b[i + 2]!);
      }
      return sum / vertices.length;
    }),
  );
}

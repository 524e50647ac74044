/** What a mirror does to the identity coefficients of a head model. */
import { decodeHalfs } from '../../../lib/half-float.js';
import type { MorphableModel } from '../../../lib/morphable-model.js';
import { factorise, solve } from './cholesky.js';

/** Every so many vertices tell it. */
const STRIDE = 7;

/** `[identity]` rows of `[identity]`: the matrix that takes coefficients of a head to those of its mirror image. */
export function identityMirror({ identity, vertexCount, mirror }: MorphableModel): Float64Array[] {
  const { count, halfs } = identity;
  const values = decodeHalfs(halfs);
  const vertices = Array.from({ length: Math.ceil(vertexCount / STRIDE) }, (_, i) => i * STRIDE);
  const rowOf = (k: number, mirrored: boolean): Float64Array => {
    const row = new Float64Array(3 * vertices.length);
    for (const [i, v] of vertices.entries()) {
      const from = 3 * (k * vertexCount + (mirrored ? mirror[v]! : v));
      for (let axis = 0; axis < 3; axis++) row[3 * i + axis] = values[from + axis]! * (mirrored && axis === 0 ? -1 : 1);
    }
    return row;
  };
  const rows = Array.from({ length: count }, (_, k) => rowOf(k, false));
  const images = Array.from({ length: count }, (_, k) => rowOf(k, true));
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const gram = rows.map((a, i) => Float64Array.from(rows.slice(0, i + 1), (b) => dot(a, b)));
  factorise(gram);
  return solve(
    gram,
    rows.map((a) => Float64Array.from(images, (b) => dot(a, b))),
  );
}

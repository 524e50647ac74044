import { hasLids, marginOf, type Side } from '../blink.js';
import { decodeHalfs } from '../half-float.js';
import type { MorphableModel } from '../morphable-model.js';
import { partVertices } from '../part-vertices.js';

/** The margin itself, where lashes grow, and what lies behind it, towards the ball: mm. */
const MARGIN_MM = 0.9;
const BEHIND_MM = 2.5;

const known = new WeakMap<MorphableModel, Float32Array>();

/**
 * How far each vertex goes down with its upper lid as the eye shuts: 1 with its margin, 0 what stays, and the margin and
 * what lies behind it. `[vertices]`.
 *
 * @returns undefined for heads without lids that shut
 */
export function upperLids(model: MorphableModel): Float32Array | undefined {
  const { names } = model.expression;
  if (!hasLids(model) || !names.includes('eyeBlinkLeft') || !names.includes('eyeBlinkRight')) return undefined;
  const lids = known.get(model) ?? lidsOf(model);
  known.set(model, lids);
  return lids;
}

function lidsOf(model: MorphableModel): Float32Array {
  const { names, halfs } = model.expression;
  const size = 3 * model.vertexCount;
  const lids = new Float32Array(model.vertexCount);
  for (const side of ['Left', 'Right'] satisfies Side[]) {
    const margin = marginOf(model, side);
    const k = names.indexOf(`eyeBlink${side}`);
    const blink = decodeHalfs(halfs, k * size, (k + 1) * size);
    let most = 0;
    for (let i = 1; i < size; i += 3) most = Math.max(most, -blink[i]!);
    for (const v of partVertices(model, 'skin')) {
      const down = -blink[3 * v + 1]! / most;
      if (!(down > 0)) continue;
      const [x, y, z] = model.mean.subarray(3 * v, 3 * v + 3) as unknown as [number, number, number];
      let [away, depth] = [Infinity, z];
      for (const [a, b, c] of margin) {
        const distance = Math.hypot(x - a, y - b);
        if (distance < away) [away, depth] = [distance, c];
      }
      if (away > MARGIN_MM && z > depth - BEHIND_MM) lids[v] = Math.min(1, down);
    }
  }
  return lids;
}

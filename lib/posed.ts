/** The head with another expression than the photo's. */
import { type BlendShapeHead, toBlendShapes } from './blend-shapes.js';
import { vertexNormals } from './exporters/vertex-normals.js';
import { ExpressionFolds, heightAt } from './folds.js';
import { invalid } from './options.js';
import type { DetailedMesh, DisplacementMap, Mesh, ReconstructionData } from './result-data.js';

/**
 * The finest mesh of a result with these weights in place of the fitted ones; expressions that are not named are not worn.
 * Folds of the displacement map that the fitted expression made fade with it (folds.ts).
 *
 * @throws HrnError INVALID_OPTION
 */
export async function posedHead(
  result: ReconstructionData,
  weights: Readonly<Record<string, number | undefined>>,
): Promise<Mesh> {
  const { mesh, model, coefficients, levels, displacementMap } = result;
  const names = model.expression.names as readonly string[];
  for (const [name, weight] of Object.entries(weights)) {
    if (!names.includes(name)) throw invalid('expressions that the head model has', 'expression', name);
    if (typeof weight !== 'number' || !(weight >= 0 && weight <= 1))
      throw invalid('a weight of 0 to 1', `expression.${name}`, weight);
  }
  const asked = weights as Record<string, number>;
  const worn = coefficients.expression as Record<string, number>;
  const chosen = names.flatMap((name, k) => (asked[name] || worn[name] ? [k] : []));
  const positions = withWeights(await toBlendShapes(result, chosen), asked);
  if (!levels.high || !displacementMap) {
    return { ...mesh, positions, normals: vertexNormals(positions, mesh.indices) };
  }
  const kept = new ExpressionFolds(mesh, model, worn, displacementMap).kept(asked);
  const moved = positions.map((value, i) => value - mesh.positions[i]!);
  return carried(mesh, levels.high, displacementMap, moved, kept);
}

/** `[vertices][3]`: the base of blend shapes and what their weights add. */
export function withWeights(
  { positions, shapes }: BlendShapeHead,
  weights: Readonly<Record<string, number>>,
): Float32Array {
  const moved = positions.slice();
  for (const { name, positionOffsets } of shapes) {
    const weight = weights[name] ?? 0;
    if (weight === 0) continue;
    const { vertices, values } = positionOffsets;
    vertices.forEach((vertex, i) => {
      for (let k = 0; k < 3; k++) moved[3 * vertex + k]! += weight * (values[3 * i + k] as number);
    });
  }
  return moved;
}

/** The finer mesh where its vertices of the head move and keep so much of the map. */
function carried(
  { normals, positions: { length } }: Mesh,
  high: DetailedMesh,
  map: DisplacementMap,
  moved: Float32Array,
  kept: Float32Array,
): Mesh {
  const count = high.positions.length / 3;
  // Per vertex: how it moves, the direction of the map's heights, how much of them goes.
  const state = new Float32Array(7 * count);
  for (let v = 0; v < length / 3; v++) {
    state.set(moved.subarray(3 * v, 3 * v + 3), 7 * v);
    state.set(normals.subarray(3 * v, 3 * v + 3), 7 * v + 3);
    state[7 * v + 6] = 1 - kept[v]!;
  }
  for (let v = length / 3; v < count; v++) {
    const [a, b] = [high.parents[2 * v - (2 * length) / 3]!, high.parents[2 * v - (2 * length) / 3 + 1]!];
    for (let k = 0; k < 7; k++) state[7 * v + k] = (state[7 * a + k]! + state[7 * b + k]!) / 2;
  }
  const positions = high.positions.slice();
  for (let v = 0; v < count; v++) {
    const o = 7 * v;
    const gone = state[o + 6]!;
    const norm = Math.hypot(state[o + 3]!, state[o + 4]!, state[o + 5]!) || 1;
    const height = gone > 0 ? (gone * meanHeight(map, high.uvs[2 * v]!, high.uvs[2 * v + 1]!)) / norm : 0;
    for (let k = 0; k < 3; k++) positions[3 * v + k]! += state[o + k]! - height * state[o + 3 + k]!;
  }
  const { uvs, indices, parts } = high;
  return { positions, normals: vertexNormals(positions, indices), uvs, indices, parts };
}

/** As the finer mesh was displaced (native/fit/detail/tessellation.cpp): over about a millimetre. */
function meanHeight(map: DisplacementMap, u: number, v: number): number {
  const spread = 1.2 / 1024;
  let sum = 0;
  for (const dy of [-1, 0, 1]) {
    for (const dx of [-1, 0, 1]) {
      const weight = ((dx === 0 ? 2 : 1) * (dy === 0 ? 2 : 1)) / 16;
      sum += weight * heightAt(map, u + dx * spread, v + dy * spread);
    }
  }
  return sum;
}

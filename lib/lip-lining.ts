/**
 * The hidden side of the lips. A fit moves the line where they meet as the photo shows it, and what lies behind that line
 * less: of smiles in photos it hung 2 to 4 mm below the upper lip's edge and stood 1 mm above the lower one's, before
 * teeth that the photo shows. It goes along with the line.
 */
import { halfTable } from './half-float.js';
import { type Basis, type LandmarkSet, type MorphableModel, REGION_NAMES } from './morphable-model.js';
import { partVertices } from './part-vertices.js';
import { smoothstep } from './smoothstep.js';

/** Landmarks on the line: its ends, */
const CORNERS = [78, 308] as const;
/** and what lies between them on either lip, column by column from the subject's right to the left. */
export const LIP_EDGES = {
  upper: [191, 80, 81, 82, 13, 312, 311, 310, 415],
  lower: [95, 88, 178, 87, 14, 317, 402, 318, 324],
} as const;
/** From so far behind the line on the lining goes along wholly, mm, */
const EDGE_MM = 1.5;
/** as far as here, */
const WHOLLY_MM = 5;
/** and from here on not at all. */
const REACH_MM = 14;

/** What tells the lips of a model, and what lies behind them. */
export type MouthModel = Pick<
  MorphableModel,
  'dense' | 'expression' | 'mean' | 'parts' | 'regions' | 'triangles' | 'vertexCount'
>;

const JAW_OPEN = 'jawOpen';
const MOUTH = REGION_NAMES.indexOf('mouth');

/** What lies behind one lip's edge. */
interface Strip {
  edge: readonly number[];
  /** Which way the lip opens: 1 up, -1 down. */
  opens: 1 | -1;
  vertices: Uint32Array;
  /** How far each goes along, 0..1. */
  share: Float32Array;
  /** Between which points of the edge it lies: the first of two, and the share of the second. */
  column: Uint8Array;
  second: Float32Array;
}

const known = new WeakMap<MouthModel, readonly Strip[]>();

/**
 * Takes the lining along, in place: up and down only, and only where it would cover what the edges leave open.
 *
 * @param positions `[vertices][3]`, mm, changed
 * @param moved how far a vertex has gone up from the head without its expression, mm
 */
export function openLining(model: MouthModel, positions: Float32Array, moved: (vertex: number) => number): void {
  for (const { edge, opens, vertices, share, column, second } of stripsOf(model)) {
    const edges = edge.map((point) => overLandmark(model.dense, point, moved));
    for (let n = 0; n < vertices.length; n++) {
      const v = vertices[n]!;
      const along = edges[column[n]!]! + second[n]! * (edges[column[n]! + 1]! - edges[column[n]!]!);
      const behind = along - moved(v);
      if (opens * behind > 0) positions[3 * v + 1]! += share[n]! * behind;
    }
  }
}

/** What lies before the front teeth: vertices of both lips' lining in the middle of the mouth. */
export function innerLips(model: MouthModel): Uint32Array {
  return Uint32Array.from(
    stripsOf(model).flatMap(({ vertices, share, column, edge }) => {
      const middle = edge.length / 2 - 1;
      return [...vertices].filter((_, n) => share[n] === 1 && Math.abs(column[n]! + 0.5 - middle) < 2);
    }),
  );
}

/** How far coefficients move a vertex up, mm. */
export function upBy({ count, halfs }: Basis, coefficients: ArrayLike<number>, vertexCount: number) {
  const values = halfTable();
  return (vertex: number): number => {
    let sum = 0;
    for (let k = 0; k < count && k < coefficients.length; k++) {
      if (coefficients[k]) sum += coefficients[k]! * values[halfs[3 * (k * vertexCount + vertex) + 1]!]!;
    }
    return sum;
  };
}

/** Of a landmark, what vertices have a value of. */
export function overLandmark(
  { vertices, weights }: LandmarkSet,
  point: number,
  value: (vertex: number) => number,
): number {
  let sum = 0;
  for (let j = 3 * point; j < 3 * point + 3; j++) {
    if (weights[j]) sum += weights[j]! * value(vertices[j]!);
  }
  return sum;
}

/** None where landmarks and expressions do not tell the lips. */
function stripsOf(model: MouthModel): readonly Strip[] {
  const found = known.get(model);
  if (found) return found;
  const isTold =
    model.dense.count > Math.max(...LIP_EDGES.upper, ...LIP_EDGES.lower) && model.expression.names.includes(JAW_OPEN);
  const strips = isTold ? [findStrip(model, 'upper'), findStrip(model, 'lower')] : [];
  known.set(model, strips);
  return strips;
}

function findStrip(model: MouthModel, lip: keyof typeof LIP_EDGES): Strip {
  const { dense, mean, expression, regions, vertexCount } = model;
  const [edge, other] = [lip, lip === 'upper' ? 'lower' : 'upper'].map((name) => [
    CORNERS[0],
    ...LIP_EDGES[name as keyof typeof LIP_EDGES],
    CORNERS[1],
  ]) as [number[], number[]];
  const place = edge.map((point) => [0, 1, 2].map((k) => overLandmark(dense, point, (v) => mean[3 * v + k]!)));
  // At rest the lips touch; the jaw takes the lower one along, and the corners by half.
  const jaw = upBy(
    expression,
    expression.names.map((name) => Number(name === JAW_OPEN)),
    vertexCount,
  );
  const half = edge.map((point, i) => (overLandmark(dense, point, jaw) + overLandmark(dense, other[i]!, jaw)) / 2);
  const rows: { v: number; share: number; column: number; second: number }[] = [];
  for (const v of partVertices(model, 'skin')) {
    if (regions[v] !== MOUTH) continue;
    const [x, y, z] = [mean[3 * v]!, mean[3 * v + 1]!, mean[3 * v + 2]!];
    const column = place.findIndex((p, i) => i + 1 < place.length && p[0]! <= x && x < place[i + 1]![0]!);
    if (column < 0) continue;
    const [a, b] = [place[column]!, place[column + 1]!];
    const second = (x - a[0]!) / (b[0]! - a[0]!);
    const [down, inwards] = [a[1]! + second * (b[1]! - a[1]!) - y, a[2]! + second * (b[2]! - a[2]!) - z];
    const depth = Math.hypot(down, inwards);
    const dividing = half[column]! + second * (half[column + 1]! - half[column]!);
    if (inwards < 0 || depth > REACH_MM || jaw(v) < dividing !== (lip === 'lower')) continue;
    const corner = column === 0 ? second : column === place.length - 2 ? 1 - second : 1;
    const share = smoothstep(0, 1, corner) * smoothstep(0, EDGE_MM, depth) * smoothstep(REACH_MM, WHOLLY_MM, depth);
    rows.push({ v, share, column, second });
  }
  return {
    edge,
    opens: lip === 'upper' ? 1 : -1,
    vertices: Uint32Array.from(rows, ({ v }) => v),
    share: Float32Array.from(rows, ({ share }) => share),
    column: Uint8Array.from(rows, ({ column }) => column),
    second: Float32Array.from(rows, ({ second }) => second),
  };
}

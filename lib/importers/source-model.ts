import type { PartName, RegionName } from '../morphable-model.js';

/** Points on the surface as barycentric points, `[count][3]` vertices and weights. */
export interface SurfacePoints {
  vertices: Uint32Array;
  weights: Float32Array;
}

/** Coefficients times components, before they are stored as half floats. */
export interface SourceBasis {
  /** One per component, `[vertexCount][3]`, for one standard deviation (identity, albedo) or one unit (expression). */
  components: Float32Array[];
}

export interface ExpressionPrior {
  sigma: number;
  min: number;
  max: number;
}

/** Of a blend shape. */
export const UNIT_PRIOR: ExpressionPrior = { sigma: 0.25, min: 0, max: 1 };
/** Of a principal component. */
export const NORMAL_PRIOR: ExpressionPrior = { sigma: 1, min: -4, max: 4 };

/** expression1, expression2, ... */
export function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, k) => `${name}${k + 1}`);
}

/**
 * What an importer reads from somebody else's head model: in millimetres and this project's axes (x to the subject's
 * left, y up, z out of the face), with whatever it has; the rest is derived (complete.ts).
 */
export interface SourceModel {
  /** For readers, and as the model's name. */
  name: string;
  /** What its makers allow, in a few words. */
  licence: string;
  vertexCount: number;
  /** `[vertexCount][3]`, mm, any origin. */
  mean: Float32Array;
  /** `[triangles][3]`, counter-clockwise from outside, grouped as `parts` says. */
  triangles: Uint32Array;
  parts: { name: PartName; triangleCount: number }[];
  /** One standard deviation each. */
  identity: SourceBasis;
  expression: SourceBasis & {
    names: string[];
    /** Per component; one of ARKit's, from 0 to 1, takes the embedded head's prior. */
    priors: ExpressionPrior[];
  };
  /** sRGB-encoded, 0..1; absent where the model has no colours. */
  albedo?: SourceBasis & { mean: Float32Array };
  /** `[vertexCount][2]`, 0..1, origin top left; absent where a vertex has several or none. */
  uvs?: Float32Array;
  /** The iBUG points from `first` on: 0, all 68; or 17, those within the face. */
  landmarks?: SurfacePoints & { first: 0 | 17 };
  mirror?: Uint32Array;
  /** Per vertex, where the format tells it. */
  regions?: (RegionName | undefined)[];
}

/** A mesh with a label per triangle, brought into the order of the parts; vertices of no part are dropped. */
export function byPart(
  triangles: Uint32Array,
  vertexCount: number,
  partOf: (triangle: number) => PartName | undefined,
): {
  triangles: Uint32Array;
  parts: SourceModel['parts'];
  /** Of every kept vertex, what it was. */
  kept: Uint32Array;
  /** Of every vertex, what it is now; -1 for a dropped one. */
  moved: Int32Array;
} {
  const lists = new Map<PartName, number[]>();
  for (let t = 0; t < triangles.length / 3; t++) {
    const part = partOf(t);
    if (part === undefined) continue;
    const list = lists.get(part) ?? [];
    lists.set(part, list);
    list.push(t);
  }
  const moved = new Int32Array(vertexCount).fill(-1);
  const used = new Uint8Array(vertexCount);
  for (const list of lists.values()) for (const t of list) for (let k = 0; k < 3; k++) used[triangles[3 * t + k]!] = 1;
  const kept: number[] = [];
  for (let v = 0; v < vertexCount; v++) {
    if (!used[v]) continue;
    moved[v] = kept.length;
    kept.push(v);
  }
  // Skin first, as everywhere.
  const order = [...lists.keys()].sort((a, b) => Number(b === 'skin') - Number(a === 'skin'));
  const out = new Uint32Array(3 * order.reduce((sum, part) => sum + lists.get(part)!.length, 0));
  let at = 0;
  for (const part of order)
    for (const t of lists.get(part)!) for (let k = 0; k < 3; k++) out[at++] = moved[triangles[3 * t + k]!]!;
  return {
    triangles: out,
    parts: order.map((name) => ({ name, triangleCount: lists.get(name)!.length })),
    kept: Uint32Array.from(kept),
    moved,
  };
}

/** Vertex values of the kept vertices. */
export function keepVertices(values: ArrayLike<number>, kept: Uint32Array, scale = 1, stride = 3): Float32Array {
  const out = new Float32Array(stride * kept.length);
  for (let i = 0; i < kept.length; i++)
    for (let k = 0; k < stride; k++) out[stride * i + k] = scale * values[stride * kept[i]! + k]!;
  return out;
}

/** Landmarks that are vertices. */
export function atVertices(vertices: readonly number[]): SurfacePoints {
  return {
    vertices: Uint32Array.from(vertices.flatMap((v) => [v, v, v])),
    weights: Float32Array.from(vertices.flatMap(() => [1, 0, 0])),
  };
}

/** Columns of a matrix of 3 V rows, scaled: a basis as MATLAB files and others store it. */
export function columns(
  matrix: ArrayLike<number>,
  rows: number,
  count: number,
  scale: (column: number) => number,
): Float32Array[] {
  const width = matrix.length / rows;
  return Array.from({ length: count }, (_, k) => {
    const factor = scale(k);
    const out = new Float32Array(rows);
    for (let i = 0; i < rows; i++) out[i] = factor * matrix[i * width + k]!;
    return out;
  });
}

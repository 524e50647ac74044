import type { PartName } from '../morphable-model.js';
import { ClosestPointIndex } from './closest-point.js';
import type { SurfacePoints } from './source-model.js';

/** Corners of the triangles of some parts. */
export function partTriangles(
  triangles: Uint32Array,
  parts: readonly { name: PartName; triangleCount: number }[],
  wanted: (name: PartName) => boolean,
): Uint32Array {
  const out: number[] = [];
  let first = 0;
  for (const { name, triangleCount } of parts) {
    if (wanted(name)) for (let i = 3 * first; i < 3 * (first + triangleCount); i++) out.push(triangles[i]!);
    first += triangleCount;
  }
  return Uint32Array.from(out);
}

/** Unit normals of the vertices, `[vertices][3]`; zero where no triangle is. */
export function vertexNormals(positions: ArrayLike<number>, triangles: Uint32Array): Float32Array {
  const normals = new Float32Array(positions.length);
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [3 * triangles[t]!, 3 * triangles[t + 1]!, 3 * triangles[t + 2]!];
    const [ux, uy, uz] = [0, 1, 2].map((k) => positions[b + k]! - positions[a + k]!) as [number, number, number];
    const [vx, vy, vz] = [0, 1, 2].map((k) => positions[c + k]! - positions[a + k]!) as [number, number, number];
    const cross = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    for (const at of [a, b, c]) for (let k = 0; k < 3; k++) normals[at + k]! += cross[k]!;
  }
  for (let i = 0; i < normals.length; i += 3) {
    const length = Math.hypot(normals[i]!, normals[i + 1]!, normals[i + 2]!) || 1;
    for (let k = 0; k < 3; k++) normals[i + k]! /= length;
  }
  return normals;
}

/** `[n][3]` */
export function pointsOn(positions: ArrayLike<number>, { vertices, weights }: SurfacePoints): Float32Array {
  const out = new Float32Array(vertices.length);
  for (let i = 0; i < out.length; i += 3)
    for (let j = 0; j < 3; j++)
      for (let k = 0; k < 3; k++) out[i + k]! += weights[i + j]! * positions[3 * vertices[i + j]! + k]!;
  return out;
}

/** Vertices on the border of an open mesh. */
export function borderVertices(vertexCount: number, triangles: Uint32Array): Uint8Array {
  const seen = new Map<number, number>();
  for (let t = 0; t < triangles.length; t += 3) {
    for (let k = 0; k < 3; k++) {
      const [a, b] = [triangles[t + k]!, triangles[t + ((k + 1) % 3)]!];
      const key = Math.min(a, b) * vertexCount + Math.max(a, b);
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
  }
  const border = new Uint8Array(vertexCount);
  for (const [key, count] of seen) {
    if (count !== 1) continue;
    border[Math.floor(key / vertexCount)] = 1;
    border[key % vertexCount] = 1;
  }
  return border;
}

/** Where a query ended. */
export interface Hit {
  vertices: [number, number, number];
  weights: [number, number, number];
  point: [number, number, number];
  distance: number;
}

/** Nearest points of some triangles of a mesh, if possible on those that face the same way. */
export class Surface {
  readonly #index: ClosestPointIndex;
  constructor(
    positions: Float32Array,
    readonly triangles: Uint32Array,
  ) {
    this.#index = new ClosestPointIndex(positions, triangles);
  }

  /** @param slackMm how much farther a point may be that faces the same way than one that does not */
  nearest(
    x: number,
    y: number,
    z: number,
    normal?: readonly [number, number, number],
    minCosine = 0.3,
    slackMm = 15,
  ): Hit {
    const any = hitOf(this.#index, this.#index.query(x, y, z));
    if (!normal) return any;
    const facing = this.#index.queryFacing(x, y, z, normal, minCosine);
    return facing && facing.distance <= any.distance + slackMm ? hitOf(this.#index, facing) : any;
  }
}

function hitOf({ triangles }: ClosestPointIndex, found: ReturnType<ClosestPointIndex['query']>): Hit {
  const t = 3 * found.triangle;
  return {
    vertices: [triangles[t]!, triangles[t + 1]!, triangles[t + 2]!],
    weights: [...found.weights],
    point: [...found.point],
    distance: found.distance,
  };
}

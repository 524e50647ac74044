/** Triangles of one surface that pass through those of another. */

/** `[triangles][3]` vertex indices. */
export type Triangles = Uint32Array;

const CELL_MM = 3;
/** Touching is not crossing: so far past the other's plane an end must lie, mm. */
const DEPTH_MM = 0.02;

function boxOf(positions: Float32Array, triangles: Triangles, t: number): [low: number[], high: number[]] {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let c = 0; c < 3; c++) {
    for (let k = 0; k < 3; k++) {
      const value = positions[3 * triangles[3 * t + c]! + k]!;
      low[k] = Math.min(low[k]!, value);
      high[k] = Math.max(high[k]!, value);
    }
  }
  return [low, high];
}

/** Triangles by the cells of a grid that their boxes touch. */
function gridOf(positions: Float32Array, triangles: Triangles): Map<string, number[]> {
  const grid = new Map<string, number[]>();
  for (let t = 0; 3 * t < triangles.length; t++) {
    forCells(boxOf(positions, triangles, t), (key) => {
      const cell = grid.get(key);
      if (cell) cell.push(t);
      else grid.set(key, [t]);
    });
  }
  return grid;
}

function forCells([low, high]: [number[], number[]], visit: (key: string) => void): void {
  const from = low.map((value) => Math.floor(value / CELL_MM));
  const to = high.map((value) => Math.floor(value / CELL_MM));
  for (let x = from[0]!; x <= to[0]!; x++)
    for (let y = from[1]!; y <= to[1]!; y++) for (let z = from[2]!; z <= to[2]!; z++) visit(`${x},${y},${z}`);
}

type V3 = [number, number, number];
const minus = (a: V3, b: V3): V3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const cross = (a: V3, b: V3): V3 => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const dot = (a: V3, b: V3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** Whether the segment from p to q passes through the triangle. */
function pierces(p: V3, q: V3, [a, b, c]: [V3, V3, V3]): boolean {
  const normal = cross(minus(b, a), minus(c, a));
  const length = Math.hypot(...normal);
  if (length < 1e-9) return false;
  const before = dot(minus(p, a), normal) / length;
  const after = dot(minus(q, a), normal) / length;
  if (before * after >= 0 || Math.min(Math.abs(before), Math.abs(after)) < DEPTH_MM) return false;
  const t = before / (before - after);
  const hit: V3 = [p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1]), p[2] + t * (q[2] - p[2])];
  const inside = (from: V3, to: V3) => dot(cross(minus(to, from), minus(hit, from)), normal) > 0;
  return inside(a, b) && inside(b, c) && inside(c, a);
}

/**
 * Pairs of triangles, one of each surface, of which one has an edge through the other. Pairs that share a vertex do not
 * count, so a surface may be given twice.
 */
export function crossingPairs(positions: Float32Array, first: Triangles, second: Triangles): [number, number][] {
  const corners = (triangles: Triangles, t: number) =>
    [0, 1, 2].map((c) => {
      const v = 3 * triangles[3 * t + c]!;
      return [positions[v]!, positions[v + 1]!, positions[v + 2]!] as V3;
    }) as [V3, V3, V3];
  const grid = gridOf(positions, second);
  const pairs: [number, number][] = [];
  for (let t = 0; 3 * t < first.length; t++) {
    const near = new Set<number>();
    const [low, high] = boxOf(positions, first, t);
    forCells([low, high], (key) => {
      for (const other of grid.get(key) ?? []) near.add(other);
    });
    const own = first.subarray(3 * t, 3 * t + 3);
    for (const other of near) {
      if (first === second && other <= t) continue;
      const theirs = second.subarray(3 * other, 3 * other + 3);
      if (theirs.some((vertex) => own.includes(vertex))) continue;
      const [otherLow, otherHigh] = boxOf(positions, second, other);
      if ([0, 1, 2].some((k) => otherLow[k]! > high[k]! || otherHigh[k]! < low[k]!)) continue;
      const [a, b] = [corners(first, t), corners(second, other)];
      const hit = [0, 1, 2].some((k) => pierces(a[k]!, a[(k + 1) % 3]!, b) || pierces(b[k]!, b[(k + 1) % 3]!, a));
      if (hit) pairs.push([t, other]);
    }
  }
  return pairs;
}

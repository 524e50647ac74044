/**
 * The border of a surface, once around: where the skin of a head ends, below the neck.
 *
 * @param corners of its triangles, counter-clockwise from outside
 * @returns vertices in the order in which the triangles beside the border pass them; empty where it has no border or
 *   more than one
 */
export function rimOf(corners: Uint32Array): number[] {
  const count = corners.reduce((most, vertex) => Math.max(most, vertex + 1), 0);
  // The corners at which edges from a vertex begin, in lists: those from `first[vertex]` on, then `following[corner]`.
  const first = new Int32Array(count).fill(-1);
  const following = new Int32Array(corners.length);
  for (let i = 0; i < corners.length; i++) {
    following[i] = first[corners[i]!]!;
    first[corners[i]!] = i;
  }
  const isEdge = (from: number, to: number): boolean => {
    for (let i = first[from]!; i >= 0; i = following[i]!) if (corners[nextCorner(i)] === to) return true;
    return false;
  };
  // Along edges that no other triangle passes the other way.
  const next = new Map<number, number>();
  for (let i = 0; i < corners.length; i++) {
    const from = corners[i]!;
    const to = corners[nextCorner(i)]!;
    if (isEdge(to, from)) continue;
    if ((next.get(from) ?? to) !== to) return [];
    next.set(from, to);
  }
  const start = corners.find((vertex) => next.has(vertex));
  if (start === undefined) return [];
  const rim = [start];
  for (let v = next.get(start); v !== undefined && v !== start; v = next.get(v)) {
    if (rim.push(v) > next.size) return [];
  }
  return rim.length === next.size && next.get(rim.at(-1) as number) === start ? rim : [];
}

/** Of the same triangle, once around. */
const nextCorner = (corner: number): number => (corner % 3 === 2 ? corner - 2 : corner + 1);

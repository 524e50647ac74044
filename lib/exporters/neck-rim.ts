/**
 * The border of a surface, once around: where the skin of a head ends, below the neck.
 *
 * @param corners of its triangles, counter-clockwise from outside
 * @returns vertices in the order in which the triangles beside the border pass them; empty where it has no border or
 *   more than one
 */
export function rimOf(corners: Uint32Array): number[] {
  // Edges that no other triangle passes the other way.
  const open = new Map<number, Map<number, true>>();
  const edges = (from: number) => {
    let to = open.get(from);
    if (!to) {
      to = new Map();
      open.set(from, to);
    }
    return to;
  };
  for (let t = 0; t < corners.length; t += 3) {
    for (let k = 0; k < 3; k++) {
      const [from, to] = [corners[t + k] as number, corners[t + ((k + 1) % 3)] as number];
      if (!edges(to).delete(from)) edges(from).set(to, true);
    }
  }
  const next = new Map<number, number>();
  for (const [from, to] of open) {
    if (to.size > 1) return [];
    for (const vertex of to.keys()) next.set(from, vertex);
  }
  const first = next.keys().next().value;
  if (first === undefined) return [];
  const rim = [first];
  for (let v = next.get(first); v !== undefined && v !== first; v = next.get(v)) {
    if (rim.push(v) > next.size) return [];
  }
  return rim.length === next.size && next.get(rim.at(-1) as number) === first ? rim : [];
}

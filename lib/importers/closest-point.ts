/**
 * Nearest point of a triangle mesh to a query point: a bounding-volume hierarchy in flat typed arrays.
 * Units are those of the positions; nothing is allocated per query.
 */

const LEAF_TRIANGLES = 6;
const MAX_DEPTH = 64;

/** What a query found; the same object is handed back by every call of one index. */
export interface ClosestPoint {
  /** Triangle number in the index buffer given to the constructor. */
  triangle: number;
  /** Barycentric weights of the triangle's three corners. */
  weights: [number, number, number];
  point: [number, number, number];
  distance: number;
}

export class ClosestPointIndex {
  readonly positions: Float32Array | Float64Array;
  readonly triangles: Uint32Array;
  /** `[nodes][6]`: minimum x, y, z, maximum x, y, z. */
  private readonly bounds: Float64Array;
  /** Inner node: left child (the right one follows it). Leaf: -1 - first entry of `order`. */
  private readonly child: Int32Array;
  /** Triangles of a leaf, 0 for an inner node. */
  private readonly leafCount: Int32Array;
  private readonly order: Uint32Array;
  private readonly nodeCount: number;
  private readonly stackNode = new Int32Array(2 * MAX_DEPTH);
  private readonly stackDistance = new Float64Array(2 * MAX_DEPTH);
  /** Of the query: the direction its normal must share with a triangle's, and how far (cosine). */
  private normal: readonly [number, number, number] | undefined;
  private minCosine = 0;
  private readonly found: ClosestPoint = { triangle: 0, weights: [1, 0, 0], point: [0, 0, 0], distance: 0 };

  /**
   * @param positions `[vertices][3]`
   * @param triangles `[triangles][3]` vertex indices, at least one triangle
   * @param like an index of the same triangles, whose hierarchy is taken over with new boxes: much faster, and as good
   * where the surfaces are alike
   */
  constructor(positions: Float32Array | Float64Array, triangles: Uint32Array, like?: ClosestPointIndex) {
    const count = triangles.length / 3;
    if (count < 1) throw new RangeError('ClosestPointIndex: the mesh has no triangle');
    if (like && like.triangles.length !== triangles.length) throw new RangeError('ClosestPointIndex: another mesh');
    this.positions = positions;
    this.triangles = triangles;
    const nodeLimit = 2 * count;
    this.bounds = new Float64Array(6 * nodeLimit);
    this.order = like?.order ?? Uint32Array.from({ length: count }, (_, i) => i);
    this.child = like?.child ?? new Int32Array(nodeLimit);
    this.leafCount = like?.leafCount ?? new Int32Array(nodeLimit);
    this.nodeCount = like?.nodeCount ?? this.build(count);
    this.fitBoxes();
  }

  /**
   * The nearest point on a triangle whose normal makes at most the angle of `minCosine` with `normal`; undefined where
   * there is none. The result object is reused by the next call.
   */
  queryFacing(
    x: number,
    y: number,
    z: number,
    normal: readonly [number, number, number],
    minCosine: number,
  ): ClosestPoint | undefined {
    this.normal = normal;
    this.minCosine = minCosine;
    const found = this.query(x, y, z);
    this.normal = undefined;
    return Number.isFinite(found.distance) ? found : undefined;
  }

  /** The nearest surface point to (x, y, z). The result object is reused by the next call. */
  query(x: number, y: number, z: number): ClosestPoint {
    const { stackNode, stackDistance, found } = this;
    let best = Number.POSITIVE_INFINITY;
    let top = 0;
    stackNode[0] = 0;
    stackDistance[0] = this.boxDistance(0, x, y, z);
    while (top >= 0) {
      const node = stackNode[top]!;
      const lower = stackDistance[top]!;
      top--;
      if (lower! >= best) continue;
      const count = this.leafCount[node]!;
      if (count > 0) {
        const first = -1 - this.child[node]!;
        for (let k = first; k < first + count; k++) best = this.tryTriangle(this.order[k]!, x, y, z, best);
        continue;
      }
      const left = this.child[node]!;
      const dl = this.boxDistance(left, x, y, z);
      const dr = this.boxDistance(left + 1, x, y, z);
      // The nearer child goes on top of the stack.
      const nearLeft = dl <= dr;
      stackNode[++top] = nearLeft ? left + 1 : left;
      stackDistance[top] = nearLeft ? dr : dl;
      stackNode[++top] = nearLeft ? left : left + 1;
      stackDistance[top] = nearLeft ? dl : dr;
    }
    found.distance = Math.sqrt(best);
    return found;
  }

  private boxDistance(node: number, x: number, y: number, z: number): number {
    const b = this.bounds;
    const o = 6 * node;
    const dx = Math.max(b[o]! - x, 0, x - b[o + 3]!);
    const dy = Math.max(b[o + 1]! - y, 0, y - b[o + 4]!);
    const dz = Math.max(b[o + 2]! - z, 0, z - b[o + 5]!);
    return dx * dx + dy * dy + dz * dz;
  }

  /** Writes `found` where the triangle is nearer than `best` (squared distance); returns the smaller of both. */
  private tryTriangle(t: number, x: number, y: number, z: number, best: number): number {
    const p = this.positions;
    const a = 3 * this.triangles[3 * t]!;
    const b = 3 * this.triangles[3 * t + 1]!;
    const c = 3 * this.triangles[3 * t + 2]!;
    const ax = p[a]!;
    const ay = p[a + 1]!;
    const az = p[a + 2]!;
    const ux = p[b]! - ax;
    const uy = p[b + 1]! - ay;
    const uz = p[b + 2]! - az;
    const vx = p[c]! - ax;
    const vy = p[c + 1]! - ay;
    const vz = p[c + 2]! - az;
    if (this.normal !== undefined) {
      const nx = uy * vz - uz * vy;
      const ny = uz * vx - ux * vz;
      const nz = ux * vy - uy * vx;
      const along = nx * this.normal[0] + ny * this.normal[1] + nz * this.normal[2];
      if (along < this.minCosine * Math.sqrt(nx * nx + ny * ny + nz * nz)) return best;
    }
    const wx = x - ax;
    const wy = y - ay;
    const wz = z - az;
    const uu = ux * ux + uy * uy + uz * uz;
    const uv = ux * vx + uy * vy + uz * vz;
    const vv = vx * vx + vy * vy + vz * vz;
    const uw = ux * wx + uy * wy + uz * wz;
    const vw = vx * wx + vy * wy + vz * wz;
    const det = uu * vv - uv * uv;
    let s = -1;
    let r = -1;
    if (det > 0) {
      s = (uw * vv - vw * uv) / det;
      r = (vw * uu - uw * uv) / det;
    }
    if (!(s >= 0 && r >= 0 && s + r <= 1)) {
      // Outside the triangle: the nearest of the three edges.
      s = clamp01(uu > 0 ? uw / uu : 0);
      r = 0;
      let d = edgeDistance(s, 0, uu, uv, vv, uw, vw);
      const r2 = clamp01(vv > 0 ? vw / vv : 0);
      const d2 = edgeDistance(0, r2, uu, uv, vv, uw, vw);
      if (d2 < d) {
        d = d2;
        s = 0;
        r = r2;
      }
      const ee = uu - 2 * uv + vv;
      const k = clamp01(ee > 0 ? (vw - uw + uu - uv) / ee : 0);
      const d3 = edgeDistance(1 - k, k, uu, uv, vv, uw, vw);
      if (d3 < d) {
        s = 1 - k;
        r = k;
      }
    }
    const px = ax + s * ux + r * vx;
    const py = ay + s * uy + r * vy;
    const pz = az + s * uz + r * vz;
    const d = (px - x) ** 2 + (py - y) ** 2 + (pz - z) ** 2;
    if (d >= best) return best;
    const { found } = this;
    found.triangle = t;
    found.weights[0] = 1 - s - r;
    found.weights[1] = s;
    found.weights[2] = r;
    found.point[0] = px;
    found.point[1] = py;
    found.point[2] = pz;
    return d;
  }

  /** Splits triangles at the median of their centres, along the longest axis; parents come before their children. */
  private build(count: number): number {
    const { positions, triangles, order, child, leafCount } = this;
    const centre = new Float64Array(3 * count);
    for (let t = 0; t < count; t++) {
      for (let axis = 0; axis < 3; axis++) {
        centre[3 * t + axis] =
          positions[3 * triangles[3 * t]! + axis]! +
          positions[3 * triangles[3 * t + 1]! + axis]! +
          positions[3 * triangles[3 * t + 2]! + axis]!;
      }
    }
    let nodes = 1;
    const pending: [node: number, first: number, last: number][] = [[0, 0, count]];
    for (let work = pending.pop(); work; work = pending.pop()) {
      const [node, first, last] = work;
      if (last - first <= LEAF_TRIANGLES) {
        child[node] = -1 - first;
        leafCount[node] = last - first;
        continue;
      }
      const low = [Infinity, Infinity, Infinity];
      const high = [-Infinity, -Infinity, -Infinity];
      for (let k = first; k < last; k++) {
        const t = order[k]!;
        for (let axis = 0; axis < 3; axis++) {
          low[axis] = Math.min(low[axis]!, centre[3 * t + axis]!);
          high[axis] = Math.max(high[axis]!, centre[3 * t + axis]!);
        }
      }
      let axis = 0;
      for (let k = 1; k < 3; k++) if (high[k]! - low[k]! > high[axis]! - low[axis]!) axis = k;
      // Ties are broken by triangle number, so the hierarchy does not depend on the sort's stability.
      order.subarray(first, last).sort((i, j) => centre[3 * i + axis]! - centre[3 * j + axis]! || i - j);
      const middle = (first + last) >> 1;
      child[node] = nodes;
      pending.push([nodes, first, middle], [nodes + 1, middle, last]);
      nodes += 2;
    }
    return nodes;
  }

  /** Boxes around leaves, then around their parents. */
  private fitBoxes(): void {
    const { positions, triangles, order, bounds, child, leafCount } = this;
    for (let node = this.nodeCount - 1; node >= 0; node--) {
      const o = 6 * node;
      const count = leafCount[node]!;
      if (count === 0) {
        const left = 6 * child[node]!;
        for (let axis = 0; axis < 3; axis++) {
          bounds[o + axis] = Math.min(bounds[left + axis]!, bounds[left + 6 + axis]!);
          bounds[o + 3 + axis] = Math.max(bounds[left + 3 + axis]!, bounds[left + 9 + axis]!);
        }
        continue;
      }
      bounds.fill(Number.POSITIVE_INFINITY, o, o + 3);
      bounds.fill(Number.NEGATIVE_INFINITY, o + 3, o + 6);
      const first = -1 - child[node]!;
      for (let k = 3 * first; k < 3 * (first + count); k++) {
        const v = 3 * triangles[3 * order[Math.floor(k / 3)]! + (k % 3)]!;
        for (let axis = 0; axis < 3; axis++) {
          bounds[o + axis] = Math.min(bounds[o + axis]!, positions[v + axis]!);
          bounds[o + 3 + axis] = Math.max(bounds[o + 3 + axis]!, positions[v + axis]!);
        }
      }
    }
  }
}

function clamp01(x: number): number {
  return x < 0 ? 0 : x > 1 ? 1 : x;
}

/** Squared distance to `a + s u + r v`, less the constant |w|^2. */
function edgeDistance(s: number, r: number, uu: number, uv: number, vv: number, uw: number, vw: number): number {
  return s * s * uu + 2 * s * r * uv + r * r * vv - 2 * (s * uw + r * vw);
}

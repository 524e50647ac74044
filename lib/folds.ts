/**
 * Which of a face's folds belong to the expression that it wears. Skin that an expression compresses folds across the
 * direction in which it is compressed, so the share of the relief at a place that goes away with an expression is told by
 * the change of the surface's stretch, direction by direction.
 */
import { gaussian } from './gaussian.js';
import { decodeHalfs } from './half-float.js';
import type { MorphableModel } from './morphable-model.js';
import type { DisplacementMap, Mesh } from './result-data.js';
import { smoothstep } from './smoothstep.js';

/** Skin compressed by less has no folds of its own; by more, all of its relief across is the expression's. */
const LEAST_COMPRESSION = 0.02;
const FULL_COMPRESSION = 0.15;
/** Over how many rings of triangles compression and relief are averaged. */
const SMOOTHINGS = 3;
/** Finer relief tells nothing of how folds run; texels of a map of 1024. */
const FINE_TEXELS = 3;

/** Symmetric 3 x 3 per vertex: xx, xy, xz, yy, yz, zz. */
type Tensors = Float64Array;
const ENTRIES = 6;

export type ExpressionWeights = Readonly<Record<string, number>>;

export class ExpressionFolds {
  readonly #corners: Uint32Array;
  readonly #relief: Tensors;
  readonly #neutral: Float32Array;
  readonly #offsets = new Map<string, Float32Array>();
  readonly #worn: Float64Array;

  /** @param worn the weights of the expressions that `mesh` wears */
  constructor(
    mesh: Mesh,
    private readonly model: Pick<MorphableModel, 'expression' | 'vertexCount'>,
    worn: ExpressionWeights,
    map: Pick<DisplacementMap, 'data' | 'size'>,
  ) {
    this.#corners = skinCorners(mesh);
    this.#relief = reliefTensors(mesh, this.#corners, map);
    this.#neutral = mesh.positions.slice();
    this.#add(this.#neutral, worn, -1);
    this.#worn = this.#shares(worn);
  }

  /** Per vertex, 0 to 1: what is left of the relief when the head wears these weights instead; nothing is added. */
  kept(weights: ExpressionWeights): Float32Array {
    const shares = this.#shares(weights);
    return Float32Array.from(shares, (share, v) => 1 - Math.max(0, this.#worn[v]! - share));
  }

  /** Per vertex: the share of its relief that is across the compression by these expressions, 0 to 1. */
  #shares(weights: ExpressionWeights): Float64Array {
    const posed = this.#neutral.slice();
    this.#add(posed, weights, 1);
    const compressed = compressionTensors(this.#neutral, posed, this.#corners);
    return Float64Array.from({ length: this.model.vertexCount }, (_, v) => {
      const relief = traceOf(this.#relief, v);
      return relief > 1e-12 ? Math.min(1, product(this.#relief, compressed, v) / relief) : 0;
    });
  }

  #add(positions: Float32Array, weights: ExpressionWeights, sign: number): void {
    for (const [name, weight] of Object.entries(weights)) {
      if (weight === 0) continue;
      const offsets = this.#offsetsOf(name);
      if (offsets) for (let i = 0; i < positions.length; i++) positions[i]! += sign * weight * offsets[i]!;
    }
  }

  /** Per vertex, mm: how far one of the worn expressions moves it. */
  moves(name: string): Float32Array {
    const offsets = this.#offsetsOf(name)!;
    return Float32Array.from({ length: this.model.vertexCount }, (_, v) =>
      Math.hypot(offsets[3 * v]!, offsets[3 * v + 1]!, offsets[3 * v + 2]!),
    );
  }

  #offsetsOf(name: string): Float32Array | undefined {
    const { names, halfs } = this.model.expression;
    const k = (names as readonly string[]).indexOf(name);
    if (k < 0) return undefined;
    let offsets = this.#offsets.get(name);
    if (!offsets) {
      const perShape = 3 * this.model.vertexCount;
      offsets = decodeHalfs(halfs, k * perShape, (k + 1) * perShape);
      this.#offsets.set(name, offsets);
    }
    return offsets;
  }
}

/** A value per vertex as a map, linear over triangles; 0 outside the layout. `[size][size]` */
export function drawn(mesh: Mesh, values: Float32Array, size: number): Float32Array {
  const out = new Float32Array(size * size);
  eachTexel(mesh.uvs, skinCorners(mesh), size, (texel, v, w) => {
    out[texel] = w[0]! * values[v[0]!]! + w[1]! * values[v[1]!]! + w[2]! * values[v[2]!]!;
  });
  return out;
}

function skinCorners({ parts, indices }: Mesh): Uint32Array {
  const { firstIndex, indexCount } = parts.find((part) => part.name === 'skin')!;
  return indices.subarray(firstIndex, firstIndex + indexCount);
}

/** Of the map at a place of the unit square, linear between texels. */
export function heightAt({ data, size }: Pick<DisplacementMap, 'data' | 'size'>, u: number, v: number): number {
  const x = Math.min(size - 1.001, Math.max(0, u * size - 0.5));
  const y = Math.min(size - 1.001, Math.max(0, v * size - 0.5));
  const i = Math.floor(y) * size + Math.floor(x);
  const f = x % 1;
  const low = data[i]! + f * (data[i + 1]! - data[i]!);
  const high = data[i + size]! + f * (data[i + size + 1]! - data[i + size]!);
  return low + (y % 1) * (high - low);
}

/** How much, and in which directions of the posed surface, `posed` is shorter than `neutral`. */
function compressionTensors(neutral: Float32Array, posed: Float32Array, corners: Uint32Array): Tensors {
  const out: Tensors = new Float64Array(neutral.length * 2);
  const areas = new Float64Array(neutral.length / 3);
  const tensor = new Float64Array(ENTRIES);
  const flat = new FlatTriangle();
  const bent = new FlatTriangle();
  for (let t = 0; t < corners.length; t += 3) {
    const [a, b, c] = [corners[t]!, corners[t + 1]!, corners[t + 2]!];
    if (!flat.lay(neutral, a, b, c) || !bent.lay(posed, a, b, c)) continue;
    const area = bent.x1 * bent.y2;
    for (let k = 0; k < 3; k++) areas[corners[t + k]!]! += area;
    // The posed triangle's edges by the neutral one's: F = P N^-1; its stretches are the eigenvalues of F F^T.
    const f00 = bent.x1 / flat.x1;
    const f01 = (bent.x2 - f00 * flat.x2) / flat.y2;
    const f11 = bent.y2 / flat.y2;
    const [xx, xy, yy] = [f00 * f00 + f01 * f01, f01 * f11, f11 * f11];
    const half = (xx + yy) / 2;
    const root = Math.hypot((xx - yy) / 2, xy);
    if (half - root > (1 - LEAST_COMPRESSION) ** 2) continue;
    const angle = 0.5 * Math.atan2(2 * xy, xx - yy);
    tensor.fill(0);
    for (const [square, turn] of [
      [half + root, angle],
      [half - root, angle + Math.PI / 2],
    ] as const) {
      const share = smoothstep(LEAST_COMPRESSION, FULL_COMPRESSION, 1 - Math.sqrt(Math.max(0, square)));
      if (share > 0) addOuter(tensor, 0, share, ...bent.place(Math.cos(turn), Math.sin(turn)));
    }
    for (const v of [a, b, c]) for (let k = 0; k < ENTRIES; k++) out[ENTRIES * v + k]! += area * tensor[k]!;
  }
  for (let i = 0; i < out.length; i++) out[i]! /= areas[Math.floor(i / ENTRIES)]! || 1;
  return smoothed(out, corners);
}

/** Outer products of the relief's gradients: how steep it is, and across which directions. */
function reliefTensors(mesh: Mesh, corners: Uint32Array, map: Pick<DisplacementMap, 'data' | 'size'>): Tensors {
  const { size } = map;
  const { positions, uvs } = mesh;
  const wide = gaussian(map.data, { columns: size, rows: size, channels: 1 }, (FINE_TEXELS * size) / 1024);
  const out: Tensors = new Float64Array(positions.length * 2);
  let last = -1;
  let dualX: number[] = [0, 0, 0];
  let dualY: number[] = [0, 0, 0];
  eachTexel(uvs, corners, size, (texel, v, w, t) => {
    const [x, y] = [texel % size, Math.floor(texel / size)];
    if (x === 0 || y === 0 || x === size - 1 || y === size - 1) return;
    const du = (wide[texel + 1]! - wide[texel - 1]!) / 2;
    const dv = (wide[texel + size]! - wide[texel - size]!) / 2;
    if (du === 0 && dv === 0) return;
    if (t !== last) {
      [dualX, dualY] = duals(positions, uvs, v, size);
      last = t;
    }
    const gx = du * dualX[0]! + dv * dualY[0]!;
    const gy = du * dualX[1]! + dv * dualY[1]!;
    const gz = du * dualX[2]! + dv * dualY[2]!;
    for (let k = 0; k < 3; k++) addOuter(out, v[k]!, w[k]!, gx, gy, gz);
  });
  return smoothed(out, corners);
}

/** What turns differences of heights between texels into the gradient on a triangle, mm^-1. */
function duals(positions: Float32Array, uvs: Float32Array, v: readonly number[], size: number): [number[], number[]] {
  const uv = (i: number, k: number): number => uvs[2 * v[i]! + k]! * size;
  const edge = (i: number): number[] => [0, 1, 2].map((k) => positions[3 * v[i]! + k]! - positions[3 * v[0]! + k]!);
  const [x1, y1, x2, y2] = [uv(1, 0) - uv(0, 0), uv(1, 1) - uv(0, 1), uv(2, 0) - uv(0, 0), uv(2, 1) - uv(0, 1)];
  const area = x1 * y2 - y1 * x2 || 1;
  const [e, f] = [edge(1), edge(2)];
  const alongX = e.map((value, k) => (y2 * value - y1 * f[k]!) / area);
  const alongY = e.map((value, k) => (x1 * f[k]! - x2 * value) / area);
  const dot = (p: number[], q: number[]): number => p[0]! * q[0]! + p[1]! * q[1]! + p[2]! * q[2]!;
  const [xx, xy, yy] = [dot(alongX, alongX), dot(alongX, alongY), dot(alongY, alongY)];
  const square = xx * yy - xy * xy || 1;
  return [
    alongX.map((value, k) => (yy * value - xy * alongY[k]!) / square),
    alongY.map((value, k) => (xx * value - xy * alongX[k]!) / square),
  ];
}

/** A triangle laid flat: its first corner at the origin, its second at (x1, 0), its third at (x2, y2). */
class FlatTriangle {
  x1 = 0;
  x2 = 0;
  y2 = 0;
  readonly #along = new Float64Array(3);
  readonly #up = new Float64Array(3);

  /** False where it has no area. */
  lay(positions: Float32Array, a: number, b: number, c: number): boolean {
    const [x, y] = [this.#along, this.#up];
    for (let k = 0; k < 3; k++) {
      x[k] = positions[3 * b + k]! - positions[3 * a + k]!;
      y[k] = positions[3 * c + k]! - positions[3 * a + k]!;
    }
    this.x1 = Math.sqrt(x[0]! * x[0]! + x[1]! * x[1]! + x[2]! * x[2]!);
    if (!(this.x1 > 1e-6)) return false;
    for (let k = 0; k < 3; k++) x[k]! /= this.x1;
    this.x2 = x[0]! * y[0]! + x[1]! * y[1]! + x[2]! * y[2]!;
    for (let k = 0; k < 3; k++) y[k]! -= this.x2 * x[k]!;
    this.y2 = Math.sqrt(y[0]! * y[0]! + y[1]! * y[1]! + y[2]! * y[2]!);
    if (!(this.y2 > 1e-6)) return false;
    for (let k = 0; k < 3; k++) y[k]! /= this.y2;
    return true;
  }

  /** A direction in its plane. */
  place(s: number, t: number): [number, number, number] {
    const [x, y] = [this.#along, this.#up];
    return [s * x[0]! + t * y[0]!, s * x[1]! + t * y[1]!, s * x[2]! + t * y[2]!];
  }
}

/** Visits the texels whose middles lie in triangles: their place in the map, the corners, their weights, the triangle. */
function eachTexel(
  uvs: Float32Array,
  corners: Uint32Array,
  size: number,
  visit: (texel: number, v: readonly number[], w: readonly number[], triangle: number) => void,
): void {
  for (let t = 0; t < corners.length; t += 3) {
    const v = [corners[t]!, corners[t + 1]!, corners[t + 2]!];
    const x = v.map((i) => uvs[2 * i]! * size - 0.5) as [number, number, number];
    const y = v.map((i) => uvs[2 * i + 1]! * size - 0.5) as [number, number, number];
    const area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
    if (area === 0) continue;
    for (let row = Math.max(0, Math.ceil(Math.min(...y))); row <= Math.min(size - 1, Math.max(...y)); row++) {
      for (
        let column = Math.max(0, Math.ceil(Math.min(...x)));
        column <= Math.min(size - 1, Math.max(...x));
        column++
      ) {
        const b = ((column - x[0]) * (y[2] - y[0]) - (row - y[0]) * (x[2] - x[0])) / area;
        const c = ((row - y[0]) * (x[1] - x[0]) - (column - x[0]) * (y[1] - y[0])) / area;
        if (b < 0 || c < 0 || b + c > 1) continue;
        visit(row * size + column, v, [1 - b - c, b, c], t);
      }
    }
  }
}

/** Means over the triangles around each vertex, several times. */
function smoothed(values: Tensors, corners: Uint32Array): Tensors {
  let from = values;
  for (let pass = 0; pass < SMOOTHINGS; pass++) {
    const to: Tensors = new Float64Array(from.length);
    const counts = new Uint32Array(from.length / ENTRIES);
    for (let t = 0; t < corners.length; t += 3) {
      const v = [corners[t]!, corners[t + 1]!, corners[t + 2]!] as const;
      for (let k = 0; k < ENTRIES; k++) {
        const mean = (from[ENTRIES * v[0] + k]! + from[ENTRIES * v[1] + k]! + from[ENTRIES * v[2] + k]!) / 3;
        for (const i of v) to[ENTRIES * i + k]! += mean;
      }
      for (const i of v) counts[i]!++;
    }
    for (let i = 0; i < to.length; i++) to[i]! /= counts[Math.floor(i / ENTRIES)]! || 1;
    from = to;
  }
  return from;
}

function addOuter(tensors: Float64Array, at: number, weight: number, x: number, y: number, z: number): void {
  const o = ENTRIES * at;
  tensors[o]! += weight * x * x;
  tensors[o + 1]! += weight * x * y;
  tensors[o + 2]! += weight * x * z;
  tensors[o + 3]! += weight * y * y;
  tensors[o + 4]! += weight * y * z;
  tensors[o + 5]! += weight * z * z;
}

function traceOf(tensors: Tensors, v: number): number {
  const o = ENTRIES * v;
  return tensors[o]! + tensors[o + 3]! + tensors[o + 5]!;
}

/** The trace of the product of two symmetric tensors of a vertex. */
function product(a: Tensors, b: Tensors, v: number): number {
  const o = ENTRIES * v;
  const at = (k: number): number => a[o + k]! * b[o + k]!;
  return at(0) + at(3) + at(5) + 2 * (at(1) + at(2) + at(4));
}

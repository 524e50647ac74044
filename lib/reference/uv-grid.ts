import type { FaceModel } from './face-model.js';

/** Which triangle covers each texel of a square map, and where in it. */
export interface UvGrid {
  size: number;
  /** `[size][size]`, -1 where none does; rows from the top (v = 1). */
  triangle: Int32Array;
  /** `[size][size][3]` */
  weights: Float32Array;
}

/** Rasterizes the mesh in its texture coordinates (`[V][2]`, origin bottom left); texel centres decide. */
export function uvGrid({ triangles, triangleCount }: FaceModel, uvs: Float32Array, size: number): UvGrid {
  const triangle = new Int32Array(size * size).fill(-1);
  const weights = new Float32Array(3 * size * size);
  for (let t = 0; t < triangleCount; t++) {
    const [a, b, c] = [0, 1, 2].map((k) => {
      const v = triangles[3 * t + k]!;
      return [uvs[2 * v]! * size - 0.5, (1 - uvs[2 * v + 1]!) * size - 0.5] as const;
    }) as [readonly [number, number], readonly [number, number], readonly [number, number]];
    const area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    if (Math.abs(area) < 1e-9) continue;
    const low = (axis: 0 | 1) => Math.max(0, Math.ceil(Math.min(a[axis], b[axis], c[axis])));
    const high = (axis: 0 | 1) => Math.min(size - 1, Math.floor(Math.max(a[axis], b[axis], c[axis])));
    for (let y = low(1); y <= high(1); y++) {
      for (let x = low(0); x <= high(0); x++) {
        const u = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / area;
        const v = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / area;
        const w = 1 - u - v;
        const at = y * size + x;
        // The first triangle keeps a texel on an edge that two share.
        if (u < 0 || v < 0 || w < 0 || triangle[at]! >= 0) continue;
        triangle[at] = t;
        weights.set([u, v, w], 3 * at);
      }
    }
  }
  return { size, triangle, weights };
}

/** Vertex values `[V][3]` over the map, `[size][size][3]`; zero where no triangle is. */
export function overMap(grid: UvGrid, { triangles }: FaceModel, values: Float32Array): Float32Array {
  const out = new Float32Array(3 * grid.size * grid.size);
  for (let i = 0; i < grid.triangle.length; i++) {
    const t = grid.triangle[i]!;
    if (t < 0) continue;
    for (let j = 0; j < 3; j++) {
      const weight = grid.weights[3 * i + j]!;
      const at = 3 * triangles[3 * t + j]!;
      for (let k = 0; k < 3; k++) out[3 * i + k]! += weight * values[at + k]!;
    }
  }
  return out;
}

/** Rows and columns at the map's border that the dense mesh leaves out. */
const MARGIN = { columns: 2, rows: 5 } as const;

/** Normals of the map's own mesh, one vertex a texel: `[size][size][3]` of positions of the same shape. */
export function mapNormals(positions: Float32Array, size: number): Float32Array {
  const normals = new Float32Array(positions.length);
  const add = (a: number, b: number, c: number) => {
    const [ax, ay, az] = [positions[3 * a]!, positions[3 * a + 1]!, positions[3 * a + 2]!];
    const [ux, uy, uz] = [positions[3 * b]! - ax, positions[3 * b + 1]! - ay, positions[3 * b + 2]! - az];
    const [vx, vy, vz] = [positions[3 * c]! - ax, positions[3 * c + 1]! - ay, positions[3 * c + 2]! - az];
    const cross = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    for (const corner of [a, b, c]) for (let k = 0; k < 3; k++) normals[3 * corner + k]! += cross[k]!;
  };
  for (let x = MARGIN.columns; x < size - 1 - MARGIN.columns; x++) {
    for (let y = MARGIN.rows; y < size - 1 - MARGIN.rows; y++) {
      const at = y * size + x;
      add(at, at + size, at + 1);
      add(at + 1, at + size, at + size + 1);
    }
  }
  for (let i = 0; i < normals.length; i += 3) {
    const length = Math.max(Math.hypot(normals[i]!, normals[i + 1]!, normals[i + 2]!), 1e-6);
    for (let k = 0; k < 3; k++) normals[i + k]! /= length;
  }
  return normals;
}

/**
 * Normals with the detail of a displacement map: the smooth ones, changed by as much as the map's own mesh changes under
 * the displacement along them.
 *
 * @param positions, normals `[size][size][3]`, turned to the camera
 * @param displacement `[size][size]`
 */
export function detailNormals(
  positions: Float32Array,
  normals: Float32Array,
  displacement: Float32Array,
  size: number,
): Float32Array {
  // The map's mesh lies the other way round in x and y.
  const flipped = (i: number) => (i % 3 === 2 ? 1 : -1);
  const before = mapNormals(positions, size);
  const moved = positions.map((x, i) => x + displacement[Math.floor(i / 3)]! * normals[i]!);
  const after = mapNormals(moved, size);
  return after.map((x, i) => flipped(i) * x + (normals[i]! - flipped(i) * before[i]!));
}

/** `[h][w][channels]` by bilinear samples without smoothing, as PyTorch's interpolate does it. */
export function resized(map: Float32Array, size: number, to: number, channels: number): Float32Array {
  if (size === to) return map;
  const out = new Float32Array(to * to * channels);
  const scale = size / to;
  const place = (i: number) => {
    const at = Math.max(0, (i + 0.5) * scale - 0.5);
    const low = Math.min(size - 1, Math.floor(at));
    return { low, high: Math.min(size - 1, low + 1), share: at - low };
  };
  for (let y = 0; y < to; y++) {
    const row = place(y);
    for (let x = 0; x < to; x++) {
      const column = place(x);
      for (let k = 0; k < channels; k++) {
        const at = (r: number, c: number) => map[(r * size + c) * channels + k]!;
        const upper = at(row.low, column.low) * (1 - column.share) + at(row.low, column.high) * column.share;
        const lower = at(row.high, column.low) * (1 - column.share) + at(row.high, column.high) * column.share;
        out[(y * to + x) * channels + k] = upper * (1 - row.share) + lower * row.share;
      }
    }
  }
  return out;
}

/** The colours of an image where the camera sees each texel: `[size][size][channels]`. */
export function textureOf(
  cameraMap: Float32Array,
  size: number,
  image: { data: Float32Array; side: number; channels: number },
  project: (points: Float32Array) => Float32Array,
): Float32Array {
  const { data, side, channels } = image;
  const pixels = project(cameraMap);
  const out = new Float32Array(size * size * channels);
  const clamp = (i: number) => Math.min(side - 1, Math.max(0, i));
  for (let i = 0; i < size * size; i++) {
    const u = pixels[2 * i]! * (side / 224);
    const v = pixels[2 * i + 1]! * (side / 224);
    const x = Number.isFinite(u) ? u : 0;
    const y = side - 1 - (Number.isFinite(v) ? v : 0);
    const [column, row] = [Math.floor(x), Math.floor(y)];
    // The reference weighs the upper row by the fraction, the lower one by the rest; so does this.
    const [fx, fy] = [x - column, y - row];
    for (let k = 0; k < channels; k++) {
      const at = (r: number, c: number) => data[(clamp(r) * side + clamp(c)) * channels + k]!;
      out[i * channels + k] =
        at(row, column) * (1 - fx) * fy +
        at(row + 1, column) * (1 - fx) * (1 - fy) +
        at(row, column + 1) * fx * fy +
        at(row + 1, column + 1) * fx * (1 - fy);
    }
  }
  return out;
}

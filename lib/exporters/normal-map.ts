import type { DisplacementMap, Mesh, Raster } from '../result-data.js';

type V3 = [number, number, number];
const dot = (a: V3, b: V3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const minus = (a: V3, b: V3): V3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const times = (s: number, a: V3): V3 => [s * a[0], s * a[1], s * a[2]];
const plus = (a: V3, b: V3): V3 => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const cross = (a: V3, b: V3): V3 => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a: V3): V3 => times(1 / (Math.sqrt(dot(a, a)) || 1), a);
const at3 = (values: Float32Array, i: number): V3 => [
  values[3 * i] as number,
  values[3 * i + 1] as number,
  values[3 * i + 2] as number,
];
/** What of a vector lies in the plane across a unit normal. */
const across = (normal: V3, vector: V3): V3 => minus(vector, times(dot(vector, normal), normal));

/**
 * Tangents as MikkTSpace has them, for a mesh whose vertices carry one normal and one UV each and whose layout is nowhere
 * mirrored: per vertex the mean of its triangles' directions of growing u, by the angles of their corners.
 *
 * @returns `[vertices][4]`, the last 1 or -1: `cross(normal, tangent) * w` points to where v, counted from the bottom,
 *   grows
 */
export function tangentsOf({ positions, normals, uvs }: Omit<Mesh, 'indices' | 'parts'>, corners: Uint32Array) {
  const out = new Float32Array((positions.length / 3) * 4);
  for (let t = 0; t < corners.length; t += 3) {
    const v = [corners[t] as number, corners[t + 1] as number, corners[t + 2] as number];
    const [p, q, r] = v.map((i) => at3(positions, i)) as [V3, V3, V3];
    const uv = (i: number, k: number): number => uvs[2 * (v[i] as number) + k] as number;
    const [u1, v1, u2, v2] = [uv(1, 0) - uv(0, 0), uv(0, 1) - uv(1, 1), uv(2, 0) - uv(0, 0), uv(0, 1) - uv(2, 1)];
    const area = u1 * v2 - u2 * v1;
    if (area === 0) continue;
    const sign = Math.sign(area);
    const alongU = times(sign, minus(times(v2, minus(q, p)), times(v1, minus(r, p))));
    for (let c = 0; c < 3; c++) {
      const normal = at3(normals, v[c] as number);
      const [here, next, last] = [
        [p, q, r],
        [q, r, p],
        [r, p, q],
      ][c] as [V3, V3, V3];
      const [a, b] = [unit(across(normal, minus(next, here))), unit(across(normal, minus(last, here)))];
      const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b))));
      const direction = times(angle, unit(across(normal, alongU)));
      const o = 4 * (v[c] as number);
      for (let k = 0; k < 3; k++) out[o + k] = (out[o + k] as number) + (direction[k] as number);
      out[o + 3] = sign;
    }
  }
  for (let i = 0; i < out.length; i += 4) {
    const length = Math.hypot(out[i] as number, out[i + 1] as number, out[i + 2] as number);
    if (length > 0) for (let k = 0; k < 3; k++) out[i + k] = (out[i + k] as number) / length;
    else out.set([1, 0, 0, 1], i);
  }
  return out;
}

/** Normals of the displaced surface in the frames of the tangents: a texture that any viewer lights by. */
export function normalMap(
  mesh: Mesh,
  tangents: Float32Array,
  corners: Uint32Array,
  { data, size }: Pick<DisplacementMap, 'data' | 'size'>,
): Raster {
  const { positions, normals, uvs } = mesh;
  const out = new Uint8Array(3 * size * size);
  for (let i = 0; i < out.length; i += 3) out.set([128, 128, 255], i);
  const height = (x: number, y: number): number =>
    data[Math.min(size - 1, Math.max(0, y)) * size + Math.min(size - 1, Math.max(0, x))] as number;
  for (let t = 0; t < corners.length; t += 3) {
    const v = [corners[t] as number, corners[t + 1] as number, corners[t + 2] as number] as [number, number, number];
    const [p, q, r] = v.map((i) => at3(positions, i)) as [V3, V3, V3];
    const x = v.map((i) => (uvs[2 * i] as number) * size) as V3;
    const y = v.map((i) => (uvs[2 * i + 1] as number) * size) as V3;
    const area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
    if (area === 0) continue;
    // By texel of u and v; their dual vectors turn differences of heights into the gradient on the surface.
    const [e, f] = [minus(q, p), minus(r, p)];
    const alongX = times(1 / area, minus(times(y[2] - y[0], e), times(y[1] - y[0], f)));
    const alongY = times(1 / area, minus(times(x[1] - x[0], f), times(x[2] - x[0], e)));
    const [xx, xy, yy] = [dot(alongX, alongX), dot(alongX, alongY), dot(alongY, alongY)];
    const square = xx * yy - xy * xy;
    if (!(square > 0)) continue;
    const dualX = times(1 / square, minus(times(yy, alongX), times(xy, alongY)));
    const dualY = times(1 / square, minus(times(xx, alongY), times(xy, alongX)));
    // Half a texel more on every side, so that no crack between triangles stays flat.
    const margin = 0.75 / Math.sqrt(Math.abs(area));
    const [left, right] = [Math.floor(Math.min(...x) - 0.5), Math.ceil(Math.max(...x) + 0.5)];
    const [top, low] = [Math.floor(Math.min(...y) - 0.5), Math.ceil(Math.max(...y) + 0.5)];
    for (let row = Math.max(0, top); row < Math.min(size, low); row++) {
      for (let column = Math.max(0, left); column < Math.min(size, right); column++) {
        const [dx, dy] = [column + 0.5 - x[0], row + 0.5 - y[0]];
        const b = (dx * (y[2] - y[0]) - dy * (x[2] - x[0])) / area;
        const c = (dy * (x[1] - x[0]) - dx * (y[1] - y[0])) / area;
        if (b < -margin || c < -margin || b + c > 1 + margin) continue;
        const du = (height(column + 1, row) - height(column - 1, row)) / 2;
        const dv = (height(column, row + 1) - height(column, row - 1)) / 2;
        if (du === 0 && dv === 0) continue;
        const blend = (values: Float32Array, width: number): V3 =>
          [0, 1, 2].map(
            (k) =>
              (1 - b - c) * (values[width * v[0] + k] as number) +
              b * (values[width * v[1] + k] as number) +
              c * (values[width * v[2] + k] as number),
          ) as V3;
        const normal = unit(blend(normals, 3));
        const tangent = unit(across(normal, blend(tangents, 4)));
        const bitangent = times(tangents[4 * v[0] + 3] as number, cross(normal, tangent));
        const gradient = plus(times(du, dualX), times(dv, dualY));
        const bent = unit([-dot(gradient, tangent), -dot(gradient, bitangent), 1]);
        const o = 3 * (row * size + column);
        for (let k = 0; k < 3; k++) out[o + k] = Math.round(127.5 + 127.5 * (bent[k] as number));
      }
    }
  }
  return { data: out, width: size, height: size, channels: 3 };
}

/** Triangle surfaces in mm (x to the subject's left, y up, z out of the face): normals, outer skin, even samples. */

import { addNormals } from '../../lib/sample/normal-sums.js';

export interface Surface {
  /** `[vertices][3]`, mm. */
  positions: Float32Array | Float64Array;
  /** `[triangles][3]`, counter-clockwise seen from outside. */
  triangles: Uint32Array;
}

/** Points with unit normals, `[count][3]` each. */
export interface SurfaceSamples {
  positions: Float64Array;
  normals: Float64Array;
}

/** Unit vertex normals `[vertices][3]`, weighted by triangle area; zero for a vertex of no triangle. */
export function vertexNormals({ positions: p, triangles }: Surface): Float64Array {
  const normals = addNormals(p, triangles, new Float64Array(p.length));
  for (let i = 0; i < normals.length; i += 3) {
    const length = Math.hypot(normals[i]!, normals[i + 1]!, normals[i + 2]!) || 1;
    for (let k = 0; k < 3; k++) normals[i + k]! /= length;
  }
  return normals;
}

/** Not normalised: its length is twice the triangle's area. */
function triangleNormal(p: Surface['positions'], a: number, b: number, c: number): [number, number, number] {
  const ux = p[b]! - p[a]!;
  const uy = p[b + 1]! - p[a + 1]!;
  const uz = p[b + 2]! - p[a + 2]!;
  const vx = p[c]! - p[a]!;
  const vy = p[c + 1]! - p[a + 1]!;
  const vz = p[c + 2]! - p[a + 2]!;
  return [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
}

/** Triangles all of whose corners are chosen. */
export function trianglesOf(triangles: Uint32Array, chosen: (vertex: number) => boolean): Uint32Array {
  const out: number[] = [];
  for (let t = 0; t < triangles.length; t += 3) {
    const a = triangles[t]!;
    const b = triangles[t + 1]!;
    const c = triangles[t + 2]!;
    if (chosen(a) && chosen(b) && chosen(c)) out.push(a, b, c);
  }
  return Uint32Array.from(out);
}

/** Turns about the vertical axis from which a scanner would see a face, degrees. */
const SCANNER_YAWS = [-45, 0, 45];
const PIXELS_PER_MM = 1.5;
const SEEN_WITHIN_MM = 1.5;

/**
 * 1 for every vertex that a scanner in front of the face would reach: seen from straight ahead or from 45 degrees to
 * either side (parallel projection, depth buffer). The inside of mouth and nostrils and the back of the lids are 0.
 */
export function scannedVertices({ positions: p, triangles }: Surface): Uint8Array {
  const seen = new Uint8Array(p.length / 3);
  const views = SCANNER_YAWS.map((degrees) => (degrees * Math.PI) / 180);
  for (const yaw of views) {
    const c = Math.cos(yaw);
    const s = Math.sin(yaw);
    const view = new Float64Array(p.length);
    let left = Infinity;
    let bottom = Infinity;
    let right = -Infinity;
    let top = -Infinity;
    for (let i = 0; i < p.length; i += 3) {
      view[i] = (c * p[i]! + s * p[i + 2]!) * PIXELS_PER_MM;
      view[i + 1] = p[i + 1]! * PIXELS_PER_MM;
      view[i + 2] = c * p[i + 2]! - s * p[i]!;
      left = Math.min(left, view[i]!);
      right = Math.max(right, view[i]!);
      bottom = Math.min(bottom, view[i + 1]!);
      top = Math.max(top, view[i + 1]!);
    }
    const width = Math.ceil(right - left) + 2;
    const height = Math.ceil(top - bottom) + 2;
    const depth = new Float64Array(width * height).fill(-Infinity);
    for (let t = 0; t < triangles.length; t += 3) {
      fillDepth(view, 3 * triangles[t]!, 3 * triangles[t + 1]!, 3 * triangles[t + 2]!, left, bottom, depth, width);
    }
    for (let v = 0; v < seen.length; v++) {
      const x = Math.round(view[3 * v]! - left);
      const y = Math.round(view[3 * v + 1]! - bottom);
      if (view[3 * v + 2]! > depth[y * width + x]! - SEEN_WITHIN_MM) seen[v] = 1;
    }
  }
  return seen;
}

/** Raises the depth buffer (largest z wins) under one triangle; grid points are integers after the shift. */
function fillDepth(
  view: Float64Array,
  a: number,
  b: number,
  c: number,
  left: number,
  bottom: number,
  depth: Float64Array,
  width: number,
): void {
  const ax = view[a]! - left;
  const ay = view[a + 1]! - bottom;
  const bx = view[b]! - left - ax;
  const by = view[b + 1]! - bottom - ay;
  const cx = view[c]! - left - ax;
  const cy = view[c + 1]! - bottom - ay;
  const area = bx * cy - by * cx;
  if (area <= 0) return; // turned away
  const x0 = Math.ceil(ax + Math.min(0, bx, cx));
  const x1 = Math.floor(ax + Math.max(0, bx, cx));
  const y0 = Math.ceil(ay + Math.min(0, by, cy));
  const y1 = Math.floor(ay + Math.max(0, by, cy));
  for (let y = y0; y <= y1; y++) {
    for (let x = x0; x <= x1; x++) {
      const s = ((x - ax) * cy - (y - ay) * cx) / area;
      const r = ((y - ay) * bx - (x - ax) * by) / area;
      if (s < 0 || r < 0 || s + r > 1) continue;
      const z = view[a + 2]! + s * (view[b + 2]! - view[a + 2]!) + r * (view[c + 2]! - view[a + 2]!);
      if (z > depth[y * width + x]!) depth[y * width + x] = z;
    }
  }
}

/**
 * Points spread evenly by area over some triangles of a surface, the same for the same input: a golden-ratio sequence
 * along the accumulated area, and a second one inside the triangle.
 *
 * @param region `[triangles][3]`, the triangles to sample; normals are those of the whole surface
 */
export function sampleSurface(surface: Surface, region: Uint32Array, count: number): SurfaceSamples {
  const p = surface.positions;
  const vertexNormal = vertexNormals(surface);
  const accumulated = new Float64Array(region.length / 3);
  let total = 0;
  for (let t = 0; t < accumulated.length; t++) {
    const n = triangleNormal(p, 3 * region[3 * t]!, 3 * region[3 * t + 1]!, 3 * region[3 * t + 2]!);
    total += Math.hypot(...n) / 2;
    accumulated[t] = total;
  }
  if (!(total > 0)) throw new RangeError('sampleSurface: the region has no area');
  const positions = new Float64Array(3 * count);
  const normals = new Float64Array(3 * count);
  let t = 0;
  for (let i = 0; i < count; i++) {
    while (t < accumulated.length - 1 && accumulated[t]! < ((i + 0.5) / count) * total) t++;
    // Martin Roberts' R2 sequence; the square root makes it even over the triangle.
    const u = Math.sqrt((0.5 + i * 0.7548776662466927) % 1);
    const v = (0.5 + i * 0.5698402909980532) % 1;
    const w = [1 - u, u * (1 - v), u * v];
    for (let k = 0; k < 3; k++) {
      for (let corner = 0; corner < 3; corner++) {
        const vertex = 3 * region[3 * t + corner]!;
        positions[3 * i + k]! += w[corner]! * p[vertex + k]!;
        normals[3 * i + k]! += w[corner]! * vertexNormal[vertex + k]!;
      }
    }
    const length = Math.hypot(...normals.subarray(3 * i, 3 * i + 3)) || 1;
    for (let k = 0; k < 3; k++) normals[3 * i + k]! /= length;
  }
  return { positions, normals };
}

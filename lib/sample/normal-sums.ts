/**
 * Adds every triangle's normal, as long as twice its area, to its three corners: the direction of vertex normals.
 *
 * @param positions `[vertices][3]`
 * @param triangles `[triangles][3]`, counter-clockwise seen from outside
 * @param sums `[vertices][3]`
 * @returns `sums`
 */
export function addNormals<T extends Float32Array | Float64Array>(
  positions: Float32Array | Float64Array,
  triangles: Uint32Array,
  sums: T,
): T {
  const p = positions;
  for (let t = 0; t < triangles.length; t += 3) {
    const a = 3 * triangles[t]!;
    const b = 3 * triangles[t + 1]!;
    const c = 3 * triangles[t + 2]!;
    const ux = p[b]! - p[a]!;
    const uy = p[b + 1]! - p[a + 1]!;
    const uz = p[b + 2]! - p[a + 2]!;
    const vx = p[c]! - p[a]!;
    const vy = p[c + 1]! - p[a + 1]!;
    const vz = p[c + 2]! - p[a + 2]!;
    const nx = uy * vz - uz * vy;
    const ny = uz * vx - ux * vz;
    const nz = ux * vy - uy * vx;
    for (let corner = a, n = 0; n < 3; n++, corner = n === 1 ? b : c) {
      sums[corner]! += nx;
      sums[corner + 1]! += ny;
      sums[corner + 2]! += nz;
    }
  }
  return sums;
}

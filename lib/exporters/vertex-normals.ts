// Millions of calls per file: plain loads and stores below, because Math.hypot and tuples cost several times as much.

/** Length of the vector that begins at `i`. */
export function lengthAt(vectors: Float32Array, i: number): number {
  const x = vectors[i] as number;
  const y = vectors[i + 1] as number;
  const z = vectors[i + 2] as number;
  return Math.sqrt(x * x + y * y + z * z);
}

/** Adds the normal of triangle (a, b, c), as long as twice its area, to the sums of its corners. */
function addTriangle(p: Float32Array, a: number, b: number, c: number, sums: Float32Array): void {
  const px = p[a] as number;
  const py = p[a + 1] as number;
  const pz = p[a + 2] as number;
  const ux = (p[b] as number) - px;
  const uy = (p[b + 1] as number) - py;
  const uz = (p[b + 2] as number) - pz;
  const vx = (p[c] as number) - px;
  const vy = (p[c + 1] as number) - py;
  const vz = (p[c + 2] as number) - pz;
  const x = uy * vz - uz * vy;
  const y = uz * vx - ux * vz;
  const z = ux * vy - uy * vx;
  addVector(sums, a, x, y, z);
  addVector(sums, b, x, y, z);
  addVector(sums, c, x, y, z);
}

function addVector(sums: Float32Array, i: number, x: number, y: number, z: number): void {
  sums[i] = (sums[i] as number) + x;
  sums[i + 1] = (sums[i + 1] as number) + y;
  sums[i + 2] = (sums[i + 2] as number) + z;
}

/** Writes the direction of the vector at `i`; (0, 0, 1) where the triangles around a vertex have no area. */
function writeDirection(sums: Float32Array, i: number, out: Float32Array): void {
  const length = lengthAt(sums, i);
  const scale = length > 1e-12 && Number.isFinite(length) ? 1 / length : 0;
  out[i] = scale * (sums[i] as number);
  out[i + 1] = scale * (sums[i + 1] as number);
  out[i + 2] = scale === 0 ? 1 : scale * (sums[i + 2] as number);
}

/** Area-weighted unit normals of a mesh, `[vertices][3]`. */
export function vertexNormals(positions: Float32Array, indices: Uint32Array): Float32Array {
  const sums = new Float32Array(positions.length);
  for (let t = 0; t < indices.length; t += 3) {
    const a = 3 * (indices[t] as number);
    const b = 3 * (indices[t + 1] as number);
    const c = 3 * (indices[t + 2] as number);
    addTriangle(positions, a, b, c, sums);
  }
  const normals = new Float32Array(positions.length);
  for (let i = 0; i < positions.length; i += 3) writeDirection(sums, i, normals);
  return normals;
}

import { VERSION } from '../version.js';
import type { Exporter } from './exporter.js';
import { meshAt } from './level-of-detail.js';

const HEADER_BYTES = 80;
/** A normal and three corners as floats, and two bytes that mean nothing. */
const TRIANGLE_BYTES = 12 * 4 + 2;

/** Binary STL in mm: triangles alone, for printing and measuring. It has neither colours nor expressions. */
export const stl: Exporter = {
  extension: '.stl',
  description: 'binary STL of the shape alone, in millimetres',

  async encode(result, path, { lod }) {
    const { positions, indices } = await meshAt(result, lod);
    const triangles = indices.length / 3;
    const bytes = new Uint8Array(HEADER_BYTES + 4 + triangles * TRIANGLE_BYTES);
    const view = new DataView(bytes.buffer);
    // Readers take a header that begins with "solid" for the text format.
    bytes.set(Buffer.from(`hrn ${VERSION}, millimetres, y up`, 'ascii'));
    view.setUint32(HEADER_BYTES, triangles, true);
    let offset = HEADER_BYTES + 4;
    for (let t = 0; t < indices.length; t += 3) {
      const [a, b, c] = [0, 1, 2].map((k) => {
        const first = 3 * (indices[t + k] as number);
        return positions.subarray(first, first + 3);
      }) as [Float32Array, Float32Array, Float32Array];
      for (const vector of [normalOf(a, b, c), a, b, c]) {
        for (let k = 0; k < 3; k++, offset += 4) view.setFloat32(offset, vector[k] as number, true);
      }
      offset += 2;
    }
    return [{ path, bytes }];
  },
};

/** Unit length; zero where a triangle has no area, which readers then work out themselves. */
function normalOf(a: Float32Array, b: Float32Array, c: Float32Array): [number, number, number] {
  const u = [0, 1, 2].map((k) => (b[k] as number) - (a[k] as number)) as [number, number, number];
  const w = [0, 1, 2].map((k) => (c[k] as number) - (a[k] as number)) as [number, number, number];
  const normal = [u[1] * w[2] - u[2] * w[1], u[2] * w[0] - u[0] * w[2], u[0] * w[1] - u[1] * w[0]] as const;
  const length = Math.hypot(...normal);
  return normal.map((value) => (length > 0 ? value / length : 0)) as [number, number, number];
}

/**
 * Half floats (IEEE 754 binary16), the storage of every basis of the morphable model.
 *
 * Node 20 has no Float16Array, so all 65,536 values are tabulated once; decoding is then one load per number.
 */

let table: Float32Array | undefined;

function decodeOne(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The value of every half float, indexed by its 16 bits. */
export function halfTable(): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, half) => decodeOne(half));
  return table;
}

/** Decodes `halfs[start .. end)`. */
export function decodeHalfs(halfs: Uint16Array, start = 0, end = halfs.length): Float32Array {
  const values = halfTable();
  const out = new Float32Array(end - start);
  for (let i = 0; i < out.length; i++) out[i] = values[halfs[start + i] as number] as number;
  return out;
}

/**
 * Half floats (IEEE 754 binary16), the storage of every basis of the morphable model.
 *
 * Node 20 has no Float16Array, so all 65,536 values are tabulated once; decoding is then one load per number.
 */

let table: Float32Array | undefined;

function buildTable(): Float32Array {
  const values = new Float32Array(65536);
  const bits = new Uint32Array(values.buffer);
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) values[half] = (sign < 0 ? -1 : 1) * fraction * 2 ** -24;
    else bits[half] = sign | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
  }
  return values;
}

/** The value of every half float, indexed by its 16 bits. */
export function halfTable(): Float32Array {
  table ??= buildTable();
  return table;
}

/** Decodes `halfs[start .. end)`. */
export function decodeHalfs(halfs: Uint16Array, start = 0, end = halfs.length): Float32Array {
  const values = halfTable();
  const out = new Float32Array(end - start);
  for (let i = 0; i < out.length; i++) out[i] = values[halfs[start + i] as number] as number;
  return out;
}

interface EncodeTables {
  base: Uint16Array;
  shift: Uint8Array;
}

let encodeTables: EncodeTables | undefined;

/** Per sign and exponent of a float: the half's upper bits, and how far the mantissa is shifted down. */
function buildEncodeTables(): EncodeTables {
  const base = new Uint16Array(512);
  const shift = new Uint8Array(512);
  for (let i = 0; i < 256; i++) {
    const exponent = i - 127;
    let bits = 0;
    let down = 24;
    if (exponent === -25) {
      bits = 1;
    } else if (exponent >= -24 && exponent < -14) {
      bits = 0x400 >> (-exponent - 14);
      down = -exponent - 1;
    } else if (exponent >= -14 && exponent <= 15) {
      bits = (exponent + 15) << 10;
      down = 13;
    } else if (exponent > 15) {
      bits = 0x7c00;
      down = exponent === 128 ? 13 : 24;
    }
    base[i] = bits;
    base[i + 256] = bits | 0x8000;
    shift[i] = down;
    shift[i + 256] = down;
  }
  return { base, shift };
}

/**
 * Encodes floats as half floats, rounding to the nearest, ties away from zero; magnitudes above 65,504 become infinite.
 *
 * @param out receives `values.length` halfs from `start` on
 */
export function encodeHalfs(values: Float32Array, out: Uint16Array, start = 0): void {
  encodeTables ??= buildEncodeTables();
  const { base, shift } = encodeTables;
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < values.length; i++) {
    const word = bits[i] as number;
    if (word === 0) {
      out[start + i] = 0;
      continue;
    }
    const index = word >>> 23;
    const down = shift[index] as number;
    const mantissa = word & 0x7fffff;
    // A carry out of the mantissa correctly raises the exponent.
    const rounding = down < 24 && (word & 0x7f800000) !== 0x7f800000 ? (mantissa >>> (down - 1)) & 1 : 0;
    out[start + i] = (base[index] as number) + (down < 24 ? mantissa >>> down : 0) + rounding;
  }
}

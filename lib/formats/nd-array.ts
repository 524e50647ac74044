import { decodeHalfs } from '../half-float.js';
import { corruptFile, tooLarge } from './errors.js';

export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** Numbers in C order: the last index runs fastest. */
export interface NdArray {
  shape: number[];
  data: NumberArray;
}

/** No array of any head model or network has as many numbers. */
export const MAX_ELEMENTS = 400_000_000;

/** Product of a shape that a file claims. @throws HrnError MODEL_CORRUPT, MODEL_TOO_LARGE */
export function checkedCount(kind: string, shape: readonly number[]): number {
  let count = 1;
  for (const n of shape) {
    if (!Number.isSafeInteger(n) || n < 0) throw corruptFile(kind, `a shape holds ${n}`);
    count *= n;
  }
  if (count > MAX_ELEMENTS) throw tooLarge(`an array of a ${kind} file`, count, MAX_ELEMENTS);
  return count;
}

/** Kinds of numbers as numpy writes them, without the byte order. */
export type NumberKind = 'f2' | 'f4' | 'f8' | 'i1' | 'u1' | 'b1' | 'i2' | 'u2' | 'i4' | 'u4' | 'i8' | 'u8';

const SIZES: Record<NumberKind, number> = {
  f2: 2,
  f4: 4,
  f8: 8,
  i1: 1,
  u1: 1,
  b1: 1,
  i2: 2,
  u2: 2,
  i4: 4,
  u4: 4,
  i8: 8,
  u8: 8,
};

export function kindOf(text: string): NumberKind | undefined {
  return Object.hasOwn(SIZES, text) ? (text as NumberKind) : undefined;
}

export function kindSize(kind: NumberKind): number {
  return SIZES[kind];
}

/**
 * Decodes `count` numbers from the start of `bytes` into an array of its own. 64-bit integers become doubles, exact up to
 * 2^53; half floats become floats.
 *
 * @throws RangeError if there are fewer bytes
 */
export function decodeNumbers(bytes: Uint8Array, kind: NumberKind, count: number, littleEndian = true): NumberArray {
  const size = SIZES[kind];
  if (bytes.length < size * count) throw new RangeError(`${bytes.length} bytes for ${count} numbers of ${size}`);
  // Not slice(): of a Buffer that is a view.
  const copy = new Uint8Array(size * count);
  copy.set(bytes.subarray(0, copy.length));
  if (!littleEndian && size > 1) Buffer.from(copy.buffer)[`swap${(8 * size) as 16 | 32 | 64}`]();
  const { buffer } = copy;
  switch (kind) {
    case 'f2':
      return decodeHalfs(new Uint16Array(buffer));
    case 'f4':
      return new Float32Array(buffer);
    case 'f8':
      return new Float64Array(buffer);
    case 'i1':
      return new Int8Array(buffer);
    case 'u1':
    case 'b1':
      return new Uint8Array(buffer);
    case 'i2':
      return new Int16Array(buffer);
    case 'u2':
      return new Uint16Array(buffer);
    case 'i4':
      return new Int32Array(buffer);
    case 'u4':
      return new Uint32Array(buffer);
    case 'i8':
      return Float64Array.from(new BigInt64Array(buffer), Number);
    case 'u8':
      return Float64Array.from(new BigUint64Array(buffer), Number);
  }
}

/** Brings numbers whose first index runs fastest into C order. */
export function fromFortranOrder({ shape, data }: NdArray): NdArray {
  if (shape.length < 2) return { shape, data };
  const out = data.slice();
  const rank = shape.length;
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, n) => product * n, 1));
  const index = new Array<number>(rank).fill(0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = data[from]!;
    for (let axis = rank - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return { shape, data: out };
}

export function asFloats({ data }: NdArray): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

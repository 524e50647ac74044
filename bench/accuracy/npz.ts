/** Reads NumPy's .npz archives (a zip of .npy arrays), as far as ICT-FaceKit's data need it. */
import { readFile } from 'node:fs/promises';
import { inflateRawSync } from 'node:zlib';

export interface NpyArray {
  shape: number[];
  /** Little-endian NumPy type: f2, f4, f8, i4, or U (text). */
  type: string;
  bytes: Uint8Array;
}

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;

/** All arrays of an archive by name. */
export async function readNpz(path: string): Promise<Map<string, NpyArray>> {
  const file = await readFile(path);
  let end = file.length - 22;
  while (end >= 0 && file.readUInt32LE(end) !== END_OF_DIRECTORY) end--;
  if (end < 0) throw new Error(`${path} is not a zip archive`);
  const entries = file.readUInt16LE(end + 10);
  let at = file.readUInt32LE(end + 16);
  const arrays = new Map<string, NpyArray>();
  for (let i = 0; i < entries; i++) {
    if (file.readUInt32LE(at) !== DIRECTORY_ENTRY) throw new Error(`${path}: damaged zip directory`);
    const method = file.readUInt16LE(at + 10);
    const packed = file.readUInt32LE(at + 20);
    const nameLength = file.readUInt16LE(at + 28);
    const local = file.readUInt32LE(at + 42);
    const name = file.toString('utf8', at + 46, at + 46 + nameLength);
    const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    const raw = file.subarray(start, start + packed);
    arrays.set(name.replace(/\.npy$/, ''), parseNpy(method === 8 ? inflateRawSync(raw) : raw));
    at += 46 + nameLength + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
  }
  return arrays;
}

function parseNpy(file: Buffer): NpyArray {
  const wide = (file[6] ?? 1) >= 2;
  const start = wide ? 12 : 10;
  const length = wide ? file.readUInt32LE(8) : file.readUInt16LE(8);
  const header = file.toString('latin1', start, start + length);
  const type = /'descr': '[<|]([A-Za-z]\d+)'/.exec(header)?.[1];
  const shape = /'shape': \(([\d, ]*)\)/.exec(header)?.[1];
  if (!type || shape === undefined || /'fortran_order': True/.test(header))
    throw new Error(`unreadable npy: ${header}`);
  // Copied, so that typed arrays over the bytes are aligned.
  return {
    shape: shape
      .split(',')
      .filter((s) => s.trim())
      .map(Number),
    type,
    bytes: new Uint8Array(file.subarray(start + length)),
  };
}

/** Numbers of an array as 32-bit floats, half floats widened. */
export function toFloat32(array: NpyArray): Float32Array {
  if (array.type === 'f4') return new Float32Array(array.bytes.buffer);
  if (array.type !== 'f2') throw new Error(`expected floats, got ${array.type}`);
  const table = new Float32Array(65536);
  for (let h = 0; h < 65536; h++) {
    const sign = h & 0x8000 ? -1 : 1;
    const exponent = (h >> 10) & 31;
    const fraction = h & 1023;
    table[h] =
      exponent === 0
        ? sign * fraction * 2 ** -24
        : exponent === 31
          ? fraction
            ? Number.NaN
            : sign * Number.POSITIVE_INFINITY
          : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return Float32Array.from(new Uint16Array(array.bytes.buffer), (h) => table[h]!);
}

export function toUint32(array: NpyArray): Uint32Array {
  if (array.type !== 'i4') throw new Error(`expected 32-bit integers, got ${array.type}`);
  return new Uint32Array(array.bytes.buffer);
}

/** Fixed-width UTF-32 strings. */
export function toStrings(array: NpyArray): string[] {
  const width = Number(array.type.slice(1));
  const codes = new Uint32Array(array.bytes.buffer);
  return Array.from({ length: array.shape[0] ?? 0 }, (_, i) =>
    String.fromCodePoint(...codes.subarray(i * width, (i + 1) * width).filter((c) => c > 0)),
  );
}

import { HrnError } from '../errors.js';

/** Element types that hrn's models use, with the typed array that views them. */
const ELEMENT_TYPES = {
  F32: Float32Array,
  F16: Uint16Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  I8: Int8Array,
} as const;

export type ElementType = keyof typeof ELEMENT_TYPES;
export type TensorArray<T extends ElementType> = InstanceType<(typeof ELEMENT_TYPES)[T]>;

interface TensorEntry {
  dtype: ElementType;
  shape: number[];
  begin: number;
  end: number;
}

/** A parsed safetensors file; tensors are checked when they are taken. */
export class Safetensors {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly dataStart: number,
    private readonly entries: ReadonlyMap<string, TensorEntry>,
    readonly metadata: Readonly<Record<string, string>>,
  ) {}

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /** Shape of a tensor. @throws HrnError MODEL_CORRUPT if there is none of this name */
  shape(name: string): readonly number[] {
    return this.entry(name).shape;
  }

  /**
   * A copy of a tensor (F16 as its bits), after checking type and shape; a dimension of `null` may have any size.
   *
   * @throws HrnError MODEL_CORRUPT
   */
  tensor<T extends ElementType>(name: string, dtype: T, shape: readonly (number | null)[]): TensorArray<T> {
    const entry = this.entry(name);
    const fits = entry.shape.length === shape.length && shape.every((n, i) => n === null || n === entry.shape[i]);
    if (entry.dtype !== dtype || !fits) {
      const expected = `${dtype} [${shape.map((n) => n ?? 'any').join(', ')}]`;
      corrupt(`tensor ${name} is ${entry.dtype} [${entry.shape.join(', ')}], expected ${expected}`);
    }
    // Not slice(): of a Buffer that is a view, wherever it begins.
    const copy = new Uint8Array(entry.end - entry.begin);
    copy.set(this.bytes.subarray(this.dataStart + entry.begin, this.dataStart + entry.end));
    return new ELEMENT_TYPES[dtype](copy.buffer, 0, elementCount(entry.shape)) as TensorArray<T>;
  }

  private entry(name: string): TensorEntry {
    return this.entries.get(name) ?? corrupt(`there is no tensor ${name}`);
  }
}

const MAX_HEADER_BYTES = 1 << 20;

/**
 * Reads the safetensors layout: a little-endian u64 header length, a JSON header, raw data. No length in the file is
 * trusted: every tensor must lie inside the data and be as long as its shape says.
 *
 * @throws HrnError MODEL_CORRUPT
 */
export function parseSafetensors(bytes: Uint8Array): Safetensors {
  if (bytes.byteLength < 8) corrupt(`the file has ${bytes.byteLength} bytes, expected a header`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES || Number(length) + 8 > bytes.byteLength) {
    corrupt(`its header claims ${length} bytes of ${bytes.byteLength}`);
  }
  const dataStart = 8 + Number(length);
  const header = parseHeader(bytes.subarray(8, dataStart));
  const entries = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') metadata = checkMetadata(value);
    else entries.set(name, checkEntry(name, value, bytes.byteLength - dataStart));
  }
  return new Safetensors(bytes, dataStart, entries, metadata);
}

function corrupt(what: string): never {
  throw new HrnError(
    'MODEL_CORRUPT',
    `Not a usable safetensors model: ${what}; reinstall hrn-face or give another model`,
  );
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    corrupt(`its header is not JSON (${(error as Error).message})`);
  }
  return isRecord(header) ? header : corrupt('its header is not a JSON object');
}

function checkMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value) || !Object.values(value).every((text) => typeof text === 'string')) {
    corrupt('its metadata is not a map of texts');
  }
  return value as Record<string, string>;
}

function checkEntry(name: string, value: unknown, dataBytes: number): TensorEntry {
  if (!isRecord(value) || !isSizes(value.shape) || !isSizes(value.data_offsets) || value.data_offsets.length !== 2) {
    corrupt(`the entry of tensor ${name} is malformed`);
  }
  const dtype = value.dtype as ElementType;
  if (!Object.hasOwn(ELEMENT_TYPES, dtype)) corrupt(`tensor ${name} has the unsupported type ${String(value.dtype)}`);
  const [begin, end] = value.data_offsets as [number, number];
  const needed = elementCount(value.shape) * ELEMENT_TYPES[dtype].BYTES_PER_ELEMENT;
  if (begin > end || end > dataBytes || end - begin !== needed) {
    corrupt(`tensor ${name} claims bytes ${begin} to ${end} of ${dataBytes}, its shape needs ${needed}`);
  }
  return { dtype, shape: value.shape, begin, end };
}

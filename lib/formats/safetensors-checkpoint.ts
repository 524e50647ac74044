import { corruptFile, tooLarge, wrongFormat } from './errors.js';
import { checkedCount, decodeNumbers, kindSize, type NdArray, type NumberKind } from './nd-array.js';

const KINDS: Readonly<Record<string, NumberKind>> = {
  ...{ F16: 'f2', F32: 'f4', F64: 'f8', BOOL: 'b1' },
  ...{ I8: 'i1', I16: 'i2', I32: 'i4', I64: 'i8', U8: 'u1', U16: 'u2', U32: 'u4', U64: 'u8' },
};
/** A network of thousands of tensors has a header of some hundred kilobytes. */
const MAX_HEADER_BYTES = 16 << 20;

/** Whether a file begins as safetensors do: a length, and a JSON object. */
export function isSafetensors(bytes: Uint8Array): boolean {
  return bytes.length > 9 && bytes[8] === 0x7b && bytes[7] === 0;
}

/**
 * The tensors of anybody's safetensors file. No length in it is trusted.
 *
 * @throws HrnError MODEL_FORMAT, MODEL_CORRUPT, MODEL_TOO_LARGE
 */
export function readSafetensorsCheckpoint(bytes: Uint8Array): Map<string, NdArray> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < 8 ? 0n : view.getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) throw tooLarge('the header of a safetensors file', length, MAX_HEADER_BYTES);
  const start = 8 + Number(length);
  if (length === 0n || start > bytes.length) throw corruptFile('safetensors', `a header of ${length} bytes`);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, start)));
  } catch (cause) {
    throw corruptFile('safetensors', 'its header is no JSON', { cause });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw corruptFile('safetensors', 'its header is no object');
  const tensors = new Map<string, NdArray>();
  for (const [name, entry] of Object.entries(header))
    if (name !== '__metadata__') tensors.set(name, tensorOf(name, entry, bytes.subarray(start)));
  if (tensors.size === 0) throw wrongFormat('tensors', 'a safetensors file without any');
  return tensors;
}

function tensorOf(name: string, entry: unknown, data: Uint8Array): NdArray {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (!Array.isArray(shape) || !Array.isArray(offsets))
    throw corruptFile('safetensors', `an entry ${name} without shape`);
  const count = checkedCount('safetensors', shape);
  const [from, to] = offsets as number[];
  const half = dtype === 'BF16';
  const kind = half ? 'u2' : Object.hasOwn(KINDS, String(dtype)) ? KINDS[String(dtype)]! : undefined;
  if (kind === undefined)
    throw wrongFormat(`numbers of ${Object.keys(KINDS).join(', ')} or BF16`, `${dtype} in ${name}`);
  const fits = Number.isSafeInteger(from) && Number.isSafeInteger(to) && from! >= 0 && to! <= data.length;
  if (!fits || to! - from! !== count * kindSize(kind))
    throw corruptFile('safetensors', `${name} lies outside its file`);
  const numbers = decodeNumbers(data.subarray(from, to), kind, count, true);
  if (!half) return { shape, data: numbers };
  // The upper half of a single-precision number.
  return { shape, data: new Float32Array(Uint32Array.from(numbers, (bits) => bits * 65536).buffer) };
}

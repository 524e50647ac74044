import type { ElementType } from './safetensors.js';

export interface TensorToWrite {
  dtype: ElementType;
  shape: readonly number[];
  /** Of the type's size. */
  data: Float32Array | Uint32Array | Uint16Array | Uint8Array;
}

/** The bytes of a safetensors file; the same input gives the same bytes. */
export function safetensorsBytes(
  tensors: Readonly<Record<string, TensorToWrite>>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
    pieces.push(bytes);
    at += bytes.length;
  }
  const text = JSON.stringify(header);
  // Spaces bring the data to a multiple of eight, as the format's own writer does.
  const json = Buffer.from(text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8)));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  return Buffer.concat([length, json, ...pieces]);
}

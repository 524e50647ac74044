import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HrnError } from '../lib/errors.js';
import { parseSafetensors } from '../lib/models/safetensors.js';

function file(header: unknown, data: Uint8Array = new Uint8Array()): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const corrupt = expect.objectContaining({ code: 'MODEL_CORRUPT' });
const two = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };

describe('safetensors', () => {
  it('reads tensors at any alignment, and metadata', () => {
    const data = new Uint8Array(new Float32Array([1.5, -2]).buffer);
    const parsed = parseSafetensors(file({ __metadata__: { name: 'x' }, a: two }, data));
    expect(parsed.metadata).toEqual({ name: 'x' });
    expect([...parsed.tensor('a', 'F32', [2])]).toEqual([1.5, -2]);
    const shifted = new Uint8Array(1 + file({ a: two }, data).length);
    shifted.set(file({ a: two }, data), 1);
    expect([...parseSafetensors(shifted.subarray(1)).tensor('a', 'F32', [null])]).toEqual([1.5, -2]);
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['a header length beyond the file', Uint8Array.from([255, 255, 0, 0, 0, 0, 0, 0, 1])],
    ['an absurd header length', new Uint8Array(16).fill(255)],
    ['text that is not JSON', file('{')],
    ['text that is not UTF-8', Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0, 255])],
    ['a list', file([])],
    ['metadata that is no map of texts', file({ __metadata__: { a: 1 } })],
    ['an entry that is no object', file({ a: 3 })],
    ['an unknown type', file({ a: { ...two, dtype: 'Q4' } }, new Uint8Array(8))],
    ['an inherited name for a type', file({ a: { ...two, dtype: 'constructor' } }, new Uint8Array(8))],
    ['offsets beyond the data', file({ a: two }, new Uint8Array(7))],
    ['offsets backwards', file({ a: { ...two, data_offsets: [8, 0] } }, new Uint8Array(8))],
    ['a shape that needs more than its bytes', file({ a: { ...two, shape: [3] } }, new Uint8Array(8))],
    ['a negative size', file({ a: { ...two, shape: [-2] } }, new Uint8Array(8))],
    ['a fraction of a size', file({ a: { ...two, shape: [1.5] } }, new Uint8Array(8))],
    ['a size that overflows', file({ a: { ...two, shape: [2 ** 40, 2 ** 40] } }, new Uint8Array(8))],
  ])('refuses %s', (_, bytes) => {
    expect(() => parseSafetensors(bytes)).toThrow(corrupt);
  });

  it('refuses a tensor of another name, type or shape', () => {
    const parsed = parseSafetensors(file({ a: two }, new Uint8Array(8)));
    expect(() => parsed.tensor('b', 'F32', [2])).toThrow(corrupt);
    expect(() => parsed.tensor('a', 'F16', [2])).toThrow(corrupt);
    expect(() => parsed.tensor('a', 'F32', [2, 1])).toThrow(corrupt);
    expect(() => parsed.tensor('a', 'F32', [3])).toThrow(corrupt);
  });

  it('meets mutated files with an HrnError or a valid result, never another failure', () => {
    const valid = file({ a: two, b: { dtype: 'U8', shape: [4], data_offsets: [8, 12] } }, new Uint8Array(12));
    const mutation = fc.record({ at: fc.nat(valid.length - 1), value: fc.nat(255), cut: fc.nat(valid.length) });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 6 }), (mutations) => {
        let bytes = valid.slice();
        for (const { at, value, cut } of mutations) {
          if (at < bytes.length) bytes[at] = value;
          if (cut % 7 === 0) bytes = bytes.slice(0, cut);
        }
        try {
          parseSafetensors(bytes).tensor('a', 'F32', [null]);
        } catch (error) {
          expect(error).toBeInstanceOf(HrnError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

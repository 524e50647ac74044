/**
 * Reads the parts of a TFLite file that the converter needs. Field numbers follow TensorFlow's schema.fbs (version 3).
 */
import * as flatbuffers from 'flatbuffers';

const OPERATOR_NAMES = {
  0: 'ADD',
  1: 'AVERAGE_POOL_2D',
  2: 'CONCATENATION',
  3: 'CONV_2D',
  4: 'DEPTHWISE_CONV_2D',
  6: 'DEQUANTIZE',
  14: 'LOGISTIC',
  17: 'MAX_POOL_2D',
  18: 'MUL',
  19: 'RELU',
  22: 'RESHAPE',
  23: 'RESIZE_BILINEAR',
  34: 'PAD',
  45: 'STRIDED_SLICE',
  54: 'PRELU',
  117: 'HARD_SWISH',
};
const CUSTOM = 32;

const TENSOR_TYPES = { 0: 'float32', 1: 'float16', 2: 'int32' };
const ARRAYS = { float32: Float32Array, float16: Uint16Array, int32: Int32Array };

/** A table of a FlatBuffer: fields are looked up by their number in the schema. */
export class Table {
  #buffer;
  #position;

  constructor(buffer, position) {
    this.#buffer = buffer;
    this.#position = position;
  }

  static root(buffer) {
    return new Table(buffer, buffer.readInt32(0));
  }

  /** Absolute position of a field, 0 where it is absent (and so has its default). */
  #field(number) {
    const offset = this.#buffer.__offset(this.#position, 4 + 2 * number);
    return offset === 0 ? 0 : this.#position + offset;
  }

  int8(number, fallback = 0) {
    const at = this.#field(number);
    return at === 0 ? fallback : this.#buffer.readInt8(at);
  }

  int32(number, fallback = 0) {
    const at = this.#field(number);
    return at === 0 ? fallback : this.#buffer.readInt32(at);
  }

  string(number) {
    const at = this.#field(number);
    return at === 0 ? '' : this.#buffer.__string(at);
  }

  table(number) {
    const at = this.#field(number);
    return at === 0 ? null : new Table(this.#buffer, this.#buffer.__indirect(at));
  }

  tables(number) {
    return this.#vector(number, (start, i) => new Table(this.#buffer, this.#buffer.__indirect(start + 4 * i)));
  }

  int32s(number) {
    return this.#vector(number, (start, i) => this.#buffer.readInt32(start + 4 * i));
  }

  bytes(number) {
    const at = this.#field(number);
    if (at === 0) return new Uint8Array(0);
    const start = this.#buffer.__vector(at);
    return this.#buffer.bytes().slice(start, start + this.#buffer.__vector_len(at));
  }

  #vector(number, read) {
    const at = this.#field(number);
    if (at === 0) return [];
    const start = this.#buffer.__vector(at);
    return Array.from({ length: this.#buffer.__vector_len(at) }, (_, i) => read(start, i));
  }
}

/**
 * @typedef {{ name: string, shape: number[], type: 'float32' | 'float16' | 'int32',
 *   values: Float32Array | Uint16Array | Int32Array | null }} Tensor `values` is null for activations
 * @typedef {{ type: string, inputs: number[], outputs: number[], options: Table | null, customOptions: Uint8Array }} Operator
 * @typedef {{ tensors: Tensor[], operators: Operator[], inputs: number[], outputs: number[] }} Network
 */

/**
 * @param {Uint8Array} bytes of a .tflite file with one subgraph
 * @returns {Network}
 */
export function readTflite(bytes) {
  const model = Table.root(new flatbuffers.ByteBuffer(new Uint8Array(bytes)));
  const types = model.tables(1).map(operatorType);
  const buffers = model.tables(4).map((buffer) => buffer.bytes(0));
  const [graph] = model.tables(2);
  return {
    tensors: graph.tables(0).map((table) => readTensor(table, buffers)),
    inputs: graph.int32s(1),
    outputs: graph.int32s(2),
    operators: graph.tables(3).map((table) => ({
      type: types[table.int32(0)],
      inputs: table.int32s(1),
      outputs: table.int32s(2),
      options: table.table(4),
      customOptions: table.bytes(5),
    })),
  };
}

/** The operator code grew from a byte to an int; whichever field is larger holds it. */
function operatorType(table) {
  const code = Math.max(table.int8(0), table.int32(3));
  if (code === CUSTOM) return table.string(1);
  const name = OPERATOR_NAMES[code];
  if (name === undefined) throw new Error(`TFLite operator ${code} is not supported`);
  return name;
}

function readTensor(table, buffers) {
  const name = table.string(3);
  if (table.table(6) !== null) throw new Error(`tensor ${name} is sparse, which is not supported`);
  const type = TENSOR_TYPES[table.int8(1)];
  if (type === undefined) throw new Error(`tensor ${name} has unsupported type ${table.int8(1)}`);
  const data = buffers[table.int32(2)];
  const values =
    data.length === 0
      ? null
      : new ARRAYS[type](data.buffer, data.byteOffset, data.length / ARRAYS[type].BYTES_PER_ELEMENT);
  return { name, shape: table.int32s(0), type, values };
}

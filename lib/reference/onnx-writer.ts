/**
 * Writes a network as an ONNX file. An ONNX file is one protocol-buffers message; the few fields that a graph of
 * convolutions needs are encoded here (the package protobufjs with the whole schema would be a dependency of 3 MB for it).
 */

const IR_VERSION = 8;
const OPERATOR_SET = 17;
const FLOAT = 1;
const INT64 = 7;

/** Of the operators that native/inference adds to ONNX Runtime. */
export const OWN_DOMAIN = 'hrn';

export type Attribute = number | string | readonly number[] | { float: number };

/** A message's fields, in pieces: weights are not copied until the end. */
class Message {
  readonly pieces: Uint8Array[] = [];
  length = 0;

  #push(bytes: Uint8Array): this {
    this.pieces.push(bytes);
    this.length += bytes.length;
    return this;
  }

  integer(field: number, value: number): this {
    return this.#push(varint(BigInt(field << 3))).#push(varint(BigInt.asUintN(64, BigInt(value))));
  }

  float(field: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return this.#push(varint(BigInt((field << 3) | 5))).#push(bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#push(varint(BigInt((field << 3) | 2)))
      .#push(varint(BigInt(value.length)))
      .#push(value);
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  message(field: number, value: Message): this {
    this.#push(varint(BigInt((field << 3) | 2))).#push(varint(BigInt(value.length)));
    for (const piece of value.pieces) this.#push(piece);
    return this;
  }
}

function varint(value: bigint): Uint8Array {
  const out: number[] = [];
  let rest = value;
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    out.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(out);
}

/** A network under construction: nodes in the order of their calls, one float input, named float outputs. */
export class OnnxGraph {
  readonly #graph = new Message().text(2, 'network');
  readonly #initialisers: Message[] = [];
  readonly #outputs: Message[] = [];
  readonly #input: Message;
  #count = 0;

  constructor(
    readonly input: string,
    shape: readonly number[],
  ) {
    this.#input = valueInfo(input, shape);
  }

  /** A constant of floats. */
  floats(data: Float32Array, shape: readonly number[]): string {
    return this.#constant(FLOAT, shape, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  integers(values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#constant(INT64, [values.length], new Uint8Array(data.buffer));
  }

  /**
   * Adds a node and names its output; an empty input name leaves an optional input out.
   *
   * @param domain of the operator: ONNX's own, or OWN_DOMAIN
   */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
  ): string {
    const output = `v${this.#count++}`;
    const node = new Message();
    for (const input of inputs) node.text(1, input);
    node.text(2, output).text(3, output).text(4, type);
    if (domain) node.text(7, domain);
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
    this.#graph.message(1, node);
    return output;
  }

  /** Names a value as an output of the network. */
  output(name: string, value: string, shape: readonly number[]): void {
    this.#graph.message(1, new Message().text(1, value).text(2, name).text(3, name).text(4, 'Identity'));
    this.#outputs.push(valueInfo(name, shape));
  }

  /** The bytes of the .onnx file. */
  encode(): Uint8Array {
    const graph = new Message();
    graph.pieces.push(...this.#graph.pieces);
    graph.length = this.#graph.length;
    for (const initialiser of this.#initialisers) graph.message(5, initialiser);
    graph.message(11, this.#input);
    for (const output of this.#outputs) graph.message(12, output);
    const model = new Message()
      .integer(1, IR_VERSION)
      .text(2, 'hrn')
      .message(7, graph)
      .message(8, new Message().text(1, '').integer(2, OPERATOR_SET))
      .message(8, new Message().text(1, OWN_DOMAIN).integer(2, 1));
    return Buffer.concat(model.pieces, model.length);
  }

  #constant(type: number, shape: readonly number[], data: Uint8Array): string {
    const name = `c${this.#count++}`;
    const tensor = new Message();
    for (const size of shape) tensor.integer(1, size);
    tensor.integer(2, type).text(8, name).bytes(9, data);
    this.#initialisers.push(tensor);
    return name;
  }
}

function attribute(name: string, value: Attribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2);
  if (typeof value === 'string') return message.text(4, value).integer(20, 3);
  if ('float' in value) return message.float(2, value.float).integer(20, 1);
  for (const entry of value) message.integer(8, entry);
  return message.integer(20, 7);
}

function valueInfo(name: string, shape: readonly number[]): Message {
  const dimensions = new Message();
  for (const size of shape) dimensions.message(1, new Message().integer(1, size));
  const tensor = new Message().integer(1, FLOAT).message(2, dimensions);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

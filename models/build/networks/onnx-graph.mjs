import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const schema = protobuf.loadSync(fileURLToPath(new URL('onnx.proto', import.meta.url)));
const ModelProto = schema.lookupType('onnx.ModelProto');

const IR_VERSION = 8;
/** 16 is the first operator set with GridSample. */
const OPERATOR_SET = 16;
const ELEMENT_TYPES = { float32: 1, int32: 6, int64: 7, float16: 10 };

/** Collects nodes and constants of an ONNX graph; values are referred to by name. */
export class OnnxGraph {
  #name;
  #nodes = [];
  #initializers = [];
  #inputs = [];
  #outputs = [];
  #valueCount = 0;

  constructor(name) {
    this.#name = name;
  }

  /** Adds a node with one output and returns the output's name (a fresh one unless given). */
  node(type, inputs, attributes = {}, output = this.#freshName()) {
    this.#nodes.push({
      name: `${type}_${this.#nodes.length}`,
      opType: type,
      input: inputs,
      output: [output],
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
    return output;
  }

  /** Adds a constant; `values` is a typed array in row-major order (fp16 as its bits). */
  constant(type, shape, values) {
    const name = this.#freshName();
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#initializers.push({ name, dims: shape, dataType: ELEMENT_TYPES[type], rawData });
    return name;
  }

  floats(values, shape = [values.length]) {
    return this.constant('float32', shape, Float32Array.from(values));
  }

  int64s(values) {
    return this.constant('int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  input(name, shape) {
    this.#inputs.push(floatValue(name, shape));
  }

  output(name, shape) {
    this.#outputs.push(floatValue(name, shape));
  }

  /** @param {Record<string, string>} metadata */
  serialize(metadata) {
    const graph = {
      name: this.#name,
      node: this.#nodes,
      initializer: this.#initializers,
      input: this.#inputs,
      output: this.#outputs,
    };
    const model = ModelProto.create({
      irVersion: IR_VERSION,
      producerName: 'hrn models/build/networks',
      graph,
      opsetImport: [{ domain: '', version: OPERATOR_SET }],
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    });
    return ModelProto.encode(model).finish();
  }

  #freshName() {
    return `v${this.#valueCount++}`;
  }
}

/** An attribute that is a float, where a plain number is an integer. */
export class Float {
  constructor(value) {
    this.value = value;
  }
}

function attribute(name, value) {
  if (value instanceof Float) return { name, f: value.value, type: 1 };
  if (typeof value === 'string') return { name, s: new TextEncoder().encode(value), type: 3 };
  if (Array.isArray(value)) return { name, ints: value, type: 7 };
  return { name, i: value, type: 2 };
}

function floatValue(name, shape) {
  const dimensions = shape.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType: ELEMENT_TYPES.float32, shape: { dim: dimensions } } } };
}

/**
 * TFLite to ONNX for the float networks of this project.
 *
 * ONNX Runtime computes convolutions in a layout of its own, and changes to it and back around every operator that it does
 * not know there: PRELU and gates are written as operators that it does know.
 *
 * TFLite computes in NHWC, ONNX in NCHW. Image-shaped activations are kept in NCHW throughout: one transpose at the
 * network's input, and one back before every RESHAPE and output, where the order of the elements matters. Weights stay
 * fp16 in the file (a Cast follows; the runtime folds it at load), so nothing is rounded twice.
 */

import { landmarksToTransform, transformLandmarks, transformTensor } from './attention-operators.mjs';
import { Float, OnnxGraph } from './onnx-graph.mjs';
import { readTflite } from './tflite-reader.mjs';

const TO_NCHW = [0, 3, 1, 2];
const TO_NHWC = [0, 2, 3, 1];
/** Axis of an NHWC tensor -> axis of the same tensor in NCHW. */
const NCHW_AXIS = [0, 2, 3, 1];

const CHANNELS_FIRST = 'NCHW';
const AS_STORED = 'as stored';

const ACTIVATIONS = { 0: null, 1: 'Relu' };
const PADDING_VALID = 1;

/**
 * @param {Uint8Array} tflite
 * @param {Record<string, string>} metadata written into the model
 * @returns {Uint8Array} bytes of an .onnx file; the same for the same input
 */
export function convert(tflite, metadata) {
  return new Converter(readTflite(tflite)).run(metadata);
}

class Converter {
  /** ONNX name and layout of every tensor computed so far, by TFLite index. @type {Map<number, { value: string, layout: string }>} */
  #computed = new Map();
  /** DEQUANTIZE outputs -> the fp16 constant they come from. @type {Map<number, number>} */
  #dequantized = new Map();

  /** @param {import('./tflite-reader.mjs').Network} network */
  constructor(network) {
    this.network = network;
    this.graph = new OnnxGraph('network');
    this.#forceBatchOfOne();
  }

  run(metadata) {
    const { network, graph } = this;
    for (const index of network.inputs) {
      const { name, shape } = this.tensor(index);
      graph.input(name, shape);
      this.#set(index, graph.node('Transpose', [name], { perm: TO_NCHW }), CHANNELS_FIRST);
    }
    for (const operator of network.operators) {
      const translate = TRANSLATORS[operator.type];
      if (translate === undefined) throw new Error(`operator ${operator.type} is not supported`);
      const result = translate(this, operator);
      if (result !== null) this.#set(operator.outputs[0], result.value, result.layout);
    }
    for (const index of network.outputs) {
      const { name, shape } = this.tensor(index);
      graph.node('Identity', [this.asStored(index)], {}, name);
      graph.output(name, shape);
    }
    return graph.serialize(metadata);
  }

  tensor(index) {
    return this.network.tensors[index];
  }

  layout(index) {
    return this.#computed.get(index)?.layout;
  }

  isConstant(index) {
    return this.#dequantized.has(index) || this.tensor(index).values !== null;
  }

  /** Values of an integer constant, such as paddings or axes. */
  integers(index) {
    return [...this.tensor(index).values];
  }

  markDequantized(output, source) {
    const { type, values } = this.tensor(source);
    if (type !== 'float16' || values === null) throw new Error('DEQUANTIZE of anything but an fp16 constant');
    this.#dequantized.set(output, source);
  }

  /** The value in the layout it was computed in. */
  value(index) {
    return this.#computed.get(index).value;
  }

  /** The value in TFLite's own element order. */
  asStored(index) {
    if (this.isConstant(index)) return this.constant(index);
    const { value, layout } = this.#computed.get(index);
    return layout === CHANNELS_FIRST ? this.graph.node('Transpose', [value], { perm: TO_NHWC }) : value;
  }

  /** A constant, its axes permuted, then given `shape` if stated. */
  constant(index, permutation, shape) {
    const source = this.tensor(this.#dequantized.get(index) ?? index);
    const axes = permutation ?? source.shape.map((_, axis) => axis);
    const values = permuted(source.values, source.shape, axes);
    const name = this.graph.constant(source.type, shape ?? axes.map((axis) => source.shape[axis]), values);
    return source.type === 'float16' ? this.graph.node('Cast', [name], { to: 1 }) : name;
  }

  /** An operand of an elementwise operator whose other operand has `layout`. */
  operand(index, layout) {
    if (!this.isConstant(index)) return this.value(index);
    const { shape } = this.tensor(index);
    if (layout !== CHANNELS_FIRST) return this.constant(index);
    if (shape.length === 4) return this.constant(index, TO_NCHW);
    if (shape.length === 3) return this.constant(index, [2, 0, 1]);
    return this.constant(index, undefined, shape.length === 1 ? [shape[0], 1, 1] : shape);
  }

  /** Adds the activation that TFLite fuses into an operator. */
  activated(value, code) {
    const type = ACTIVATIONS[code];
    if (type === undefined) throw new Error(`fused activation ${code} is not supported`);
    return type === null ? value : this.graph.node(type, [value]);
  }

  #set(index, value, layout) {
    this.#computed.set(index, { value, layout });
  }

  /** Some files are stored with a larger batch; activations are rewritten to a batch of one. */
  #forceBatchOfOne() {
    const batch = this.tensor(this.network.inputs[0]).shape[0];
    for (const tensor of this.network.tensors) {
      if (tensor.values === null && tensor.shape[0] === batch) tensor.shape[0] = 1;
    }
  }
}

const channelsFirst = (value) => ({ value, layout: CHANNELS_FIRST });
const asStored = (value) => ({ value, layout: AS_STORED });

/** One function per operator: adds nodes, returns the output's value and layout (null where nothing is computed). */
const TRANSLATORS = {
  DEQUANTIZE(converter, { inputs, outputs }) {
    converter.markDequantized(outputs[0], inputs[0]);
    return null;
  },
  CONV_2D(converter, operator) {
    const { options } = operator;
    const dilations = [options.int32(5, 1), options.int32(4, 1)];
    return convolution(converter, operator, { activation: options.int8(3), dilations, depthwise: false });
  },
  DEPTHWISE_CONV_2D(converter, operator) {
    const { options } = operator;
    const dilations = [options.int32(6, 1), options.int32(5, 1)];
    return convolution(converter, operator, { activation: options.int8(4), dilations, depthwise: true });
  },
  Convolution2DTransposeBias: transposedConvolution,
  MAX_POOL_2D: (converter, operator) => pooling(converter, operator, 'MaxPool'),
  AVERAGE_POOL_2D: (converter, operator) => pooling(converter, operator, 'AveragePool'),
  PAD(converter, { inputs: [input, paddings] }) {
    const pairs = converter.integers(paddings);
    const before = TO_NCHW.map((axis) => pairs[2 * axis]);
    const after = TO_NCHW.map((axis) => pairs[2 * axis + 1]);
    const pads = converter.graph.int64s([...before, ...after]);
    return channelsFirst(converter.graph.node('Pad', [converter.value(input), pads], { mode: 'constant' }));
  },
  ADD: (converter, operator) => elementwise(converter, operator, 'Add'),
  MUL: (converter, operator) => elementwise(converter, operator, 'Mul'),
  RELU: (converter, operator) => unary(converter, operator, 'Relu'),
  LOGISTIC: (converter, operator) => unary(converter, operator, 'Sigmoid'),
  HARD_SWISH(converter, { inputs: [input] }) {
    const { graph } = converter;
    const value = converter.value(input);
    const channels = converter.tensor(input).shape[3];
    // A convolution that changes nothing takes the gate's curve with it.
    const ones = graph.floats(Array(channels).fill(1), [channels, 1, 1, 1]);
    const same = graph.node('Conv', [value, ones], { kernel_shape: [1, 1], group: channels });
    const gate = graph.node('HardSigmoid', [same], { alpha: new Float(1 / 6), beta: new Float(0.5) });
    return channelsFirst(graph.node('Mul', [value, gate]));
  },
  PRELU(converter, { inputs: [input, slope] }) {
    const { graph } = converter;
    const value = converter.value(input);
    const channels = converter.tensor(slope).shape[2];
    const slopes = converter.constant(slope, [2, 0, 1], [channels, 1, 1, 1]);
    // Each channel's slope times the value, and what is left to 1 times its positive part.
    const scaled = (of, by) => graph.node('Conv', [of, by], { kernel_shape: [1, 1], group: channels });
    const left = graph.node('Sub', [graph.floats([1]), slopes]);
    const positive = scaled(graph.node('Relu', [value]), left);
    return channelsFirst(graph.node('Add', [scaled(value, slopes), positive]));
  },
  RESIZE_BILINEAR(converter, { inputs: [input], outputs: [output], options }) {
    const size = TO_NCHW.map((axis) => converter.tensor(output).shape[axis]);
    const half = options.int8(3) === 1 ? 'half_pixel' : 'asymmetric';
    const coordinates = options.int8(2) === 1 ? 'align_corners' : half;
    const attributes = { mode: 'linear', coordinate_transformation_mode: coordinates };
    const inputs = [converter.value(input), '', '', converter.graph.int64s(size)];
    return channelsFirst(converter.graph.node('Resize', inputs, attributes));
  },
  CONCATENATION(converter, { inputs, outputs: [output], options }) {
    const layout = converter.layout(inputs[0]);
    const rank = converter.tensor(output).shape.length;
    const stored = (options.int32(0) + rank) % rank;
    const axis = layout === CHANNELS_FIRST ? NCHW_AXIS[stored] : stored;
    const values = inputs.map((index) => converter.value(index));
    return { value: converter.graph.node('Concat', values, { axis }), layout };
  },
  RESHAPE(converter, { inputs: [input], outputs: [output] }) {
    const shape = converter.graph.int64s(converter.tensor(output).shape);
    return asStored(converter.graph.node('Reshape', [converter.asStored(input), shape]));
  },
  STRIDED_SLICE(converter, { inputs: [input], outputs: [output] }) {
    if (String(converter.tensor(input).shape) !== String(converter.tensor(output).shape)) {
      throw new Error('STRIDED_SLICE that cuts anything off is not supported');
    }
    return { value: converter.value(input), layout: converter.layout(input) };
  },
  Landmarks2TransformMatrix(converter, { inputs: [points], customOptions }) {
    return asStored(landmarksToTransform(converter.graph, converter.asStored(points), customOptions));
  },
  TransformTensorBilinear(converter, { inputs: [input, matrix], outputs: [output] }) {
    const from = converter.tensor(input).shape;
    const to = converter.tensor(output).shape;
    return channelsFirst(
      transformTensor(converter.graph, converter.value(input), converter.asStored(matrix), from, to),
    );
  },
  TransformLandmarks(converter, { inputs: [points, matrix] }) {
    return asStored(transformLandmarks(converter.graph, converter.asStored(points), converter.asStored(matrix)));
  },
};

function convolution(converter, operator, { activation, dilations, depthwise }) {
  const { inputs, options } = operator;
  const [input, weights, bias] = inputs;
  const [, height, width, channels] = converter.tensor(input).shape;
  const kernel = converter.tensor(weights).shape.slice(1, 3);
  const strides = [options.int32(2, 1), options.int32(1, 1)];
  const values = [converter.value(input), converter.constant(weights, depthwise ? [3, 0, 1, 2] : TO_NCHW)];
  if (bias >= 0) values.push(converter.constant(bias));
  const attributes = {
    kernel_shape: kernel,
    strides,
    dilations,
    pads: padding(options.int8(0), [height, width], kernel, strides, dilations),
    group: depthwise ? channels : 1,
  };
  return channelsFirst(converter.activated(converter.graph.node('Conv', values, attributes), activation));
}

/** MediaPipe's own operator; its options are the C struct { int padding, stride_width, stride_height }. */
function transposedConvolution(converter, { inputs: [input, weights, bias], outputs: [output], customOptions }) {
  const options = new DataView(customOptions.buffer, customOptions.byteOffset);
  const strides = [options.getInt32(8, true), options.getInt32(4, true)];
  const kernel = converter.tensor(weights).shape.slice(1, 3);
  const from = converter.tensor(input).shape.slice(1, 3);
  const to = converter.tensor(output).shape.slice(1, 3);
  const excess = from.map((size, axis) => Math.max(0, (size - 1) * strides[axis] + kernel[axis] - to[axis]));
  const begin = excess.map((total) => Math.floor(total / 2));
  const end = excess.map((total, axis) => total - begin[axis]);
  const values = [converter.value(input), converter.constant(weights, [3, 0, 1, 2]), converter.constant(bias)];
  const attributes = { kernel_shape: kernel, strides, pads: [...begin, ...end] };
  return channelsFirst(converter.graph.node('ConvTranspose', values, attributes));
}

function pooling(converter, { inputs: [input], options }, type) {
  const size = converter.tensor(input).shape.slice(1, 3);
  const strides = [options.int32(2), options.int32(1)];
  const kernel = [options.int32(4), options.int32(3)];
  const pads = padding(options.int8(0), size, kernel, strides, [1, 1]);
  const value = converter.graph.node(type, [converter.value(input)], { kernel_shape: kernel, strides, pads });
  return channelsFirst(converter.activated(value, options.int8(5)));
}

function elementwise(converter, { inputs: [a, b], options }, type) {
  const layout = converter.layout(converter.isConstant(a) ? b : a);
  const operands = [converter.operand(a, layout), converter.operand(b, layout)];
  if (!converter.isConstant(b) && layout === CHANNELS_FIRST) operands[1] = spread(converter, b, operands[1], a);
  const value = converter.graph.node(type, operands);
  return { value: converter.activated(value, options?.int8(0) ?? 0), layout };
}

/** A gate, one number a channel, as large as what it multiplies; other values as they are. */
function spread(converter, index, value, like) {
  const [from, to] = [index, like].map((tensor) => converter.tensor(tensor).shape.slice(1, 3));
  if (String(from) === String(to)) return value;
  const scales = converter.graph.floats([1, 1, to[0] / from[0], to[1] / from[1]]);
  const attributes = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  return converter.graph.node('Resize', [value, '', scales], attributes);
}

function unary(converter, { inputs: [input] }, type) {
  return { value: converter.graph.node(type, [converter.value(input)]), layout: converter.layout(input) };
}

/** TFLite's SAME padding puts the odd pixel at the end: [top, left, bottom, right]. */
function padding(mode, size, kernel, strides, dilations) {
  if (mode === PADDING_VALID) return [0, 0, 0, 0];
  const totals = size.map((extent, axis) => {
    const steps = Math.ceil(extent / strides[axis]);
    return Math.max(0, (steps - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 - extent);
  });
  const begin = totals.map((total) => Math.floor(total / 2));
  return [...begin, ...totals.map((total, axis) => total - begin[axis])];
}

/** Permutes the axes of a row-major array. */
function permuted(values, shape, axes) {
  const sourceStrides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const outShape = axes.map((axis) => shape[axis]);
  const outStrides = outShape.map((_, axis) => outShape.slice(axis + 1).reduce((product, size) => product * size, 1));
  return values.map((_, index) => {
    let source = 0;
    for (let axis = 0; axis < axes.length; axis++) {
      source += (Math.floor(index / outStrides[axis]) % outShape[axis]) * sourceStrides[axes[axis]];
    }
    return values[source];
  });
}

import { HrnError } from '../errors.js';
import { asFloats, type NdArray } from '../formats/nd-array.js';
import { OnnxGraph, OWN_DOMAIN } from './onnx-writer.js';

/** Tensors of a checkpoint by name. */
export type Tensors = ReadonlyMap<string, NdArray>;

/** PyTorch's default of both normalisations. */
const EPSILON = 1e-5;

/** Sides of outputs that Winograd's tiles fill, and from how many channels on they are worth their transformations. */
const WINOGRAD_SIDE = 64;
const WINOGRAD_CHANNELS = 64;

interface ConvolutionOptions {
  stride?: number;
  pad?: number;
  norm?: string;
  relu?: boolean;
  side?: number;
}

/** A layer's tensors, found by the names that PyTorch gives them. */
class Layers {
  constructor(
    readonly graph: OnnxGraph,
    private readonly tensors: Tensors,
    private readonly prefix: string,
  ) {}

  has(name: string): boolean {
    return this.tensors.has(this.prefix + name);
  }

  tensor(name: string): NdArray {
    const found = this.tensors.get(this.prefix + name);
    if (found) return found;
    const some = [...this.tensors.keys()].slice(0, 3).join(', ');
    throw new HrnError('MODEL_FORMAT', `the checkpoint holds no tensor ${this.prefix}${name}; it begins with ${some}`, {
      details: { tensor: this.prefix + name },
    });
  }

  /**
   * A convolution, with the batch normalisation that follows it folded into its weights, and with `relu` its
   * rectification. Where the `side` of its square output is told and suits, by fewer multiplications
   * (native/inference/winograd.hpp).
   */
  convolution(
    input: string,
    name: string,
    { stride = 1, pad = 0, norm, relu = false, side = 0 }: ConvolutionOptions = {},
  ): string {
    const { shape, data } = this.tensor(`${name}.weight`);
    const [outputs = 0, channels = 0, size = 1] = shape;
    let weights = asFloats({ shape, data });
    let bias = this.has(`${name}.bias`) ? asFloats(this.tensor(`${name}.bias`)) : undefined;
    if (norm !== undefined) {
      const [gain, shift, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
        asFloats(this.tensor(`${norm}.${part}`)),
      ) as [Float32Array, Float32Array, Float32Array, Float32Array];
      const scale = gain.map((g, i) => g / Math.sqrt(variance[i]! + EPSILON));
      const perOutput = weights.length / outputs;
      weights = weights.map((w, i) => w * scale[Math.floor(i / perOutput)]!);
      bias = shift.map((b, i) => b + ((bias?.[i] ?? 0) - mean[i]!) * scale[i]!);
    }
    const inputs = [input, this.graph.floats(weights, shape)];
    const tiled = side > 0 && side % WINOGRAD_SIDE === 0 && channels >= WINOGRAD_CHANNELS && outputs % 4 === 0;
    if (tiled && size === 3 && stride === 1) {
      inputs.push(this.graph.floats(bias ?? new Float32Array(outputs), [outputs]));
      return this.graph.node('WinogradConv', inputs, { pad, relu: Number(relu) }, OWN_DOMAIN);
    }
    if (bias) inputs.push(this.graph.floats(bias, [outputs]));
    const output = this.graph.node('Conv', inputs, {
      kernel_shape: [size, size],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
    return relu ? this.relu(output) : output;
  }

  transposedConvolution(input: string, name: string): string {
    const { shape, data } = this.tensor(`${name}.weight`);
    const inputs = [input, this.graph.floats(asFloats({ shape, data }), shape)];
    if (this.has(`${name}.bias`)) inputs.push(this.graph.floats(asFloats(this.tensor(`${name}.bias`)), [shape[1]!]));
    return this.graph.node('ConvTranspose', inputs, {
      kernel_shape: [shape[2]!, shape[2]!],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      output_padding: [1, 1],
    });
  }

  /** Without learned parts: every channel of the picture gets mean 0 and deviation 1. */
  instanceNorm(input: string, channels: number): string {
    const ones = this.graph.floats(new Float32Array(channels).fill(1), [channels]);
    const zeros = this.graph.floats(new Float32Array(channels), [channels]);
    return this.graph.node('InstanceNormalization', [input, ones, zeros], { epsilon: { float: EPSILON } });
  }

  reflected(input: string, by: number): string {
    return this.graph.node('Pad', [input, this.graph.integers([0, 0, by, by, 0, 0, by, by])], { mode: 'reflect' });
  }

  relu(input: string): string {
    return this.graph.node('Relu', [input]);
  }

  resized(input: string, sizes: readonly number[], mode: 'half_pixel' | 'align_corners'): string {
    return this.graph.node('Resize', [input, '', '', this.graph.integers(sizes)], {
      mode: 'linear',
      coordinate_transformation_mode: mode,
    });
  }
}

const COEFFICIENT_LAYERS = 7;
const RESNET_PX = 224;

/**
 * The regression network: ResNet-50 on `image` `[1][3][224][224]`, RGB 0..1, to `coefficients` `[257]`: identity 80,
 * expression 64, albedo 80, angles 3, light 27, translation 3.
 */
export function coefficientNetwork(tensors: Tensors, prefix = 'net_recon.'): Uint8Array {
  const graph = new OnnxGraph('image', [1, 3, RESNET_PX, RESNET_PX]);
  const net = new Layers(graph, tensors, prefix);
  let x = net.relu(net.convolution('image', 'backbone.conv1', { stride: 2, pad: 3, norm: 'backbone.bn1' }));
  x = graph.node('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  for (let layer = 1; layer <= 4; layer++) {
    for (let block = 0; net.has(`backbone.layer${layer}.${block}.conv1.weight`); block++) {
      const at = `backbone.layer${layer}.${block}`;
      const stride = layer > 1 && block === 0 ? 2 : 1;
      const part = (input: string, k: number, options: { stride?: number; pad?: number }) =>
        net.convolution(input, `${at}.conv${k}`, { ...options, norm: `${at}.bn${k}` });
      const inner = net.relu(part(net.relu(part(x, 1, {})), 2, { stride, pad: 1 }));
      const shortcut = net.has(`${at}.downsample.0.weight`)
        ? net.convolution(x, `${at}.downsample.0`, { stride, norm: `${at}.downsample.1` })
        : x;
      x = net.relu(graph.node('Add', [part(inner, 3, {}), shortcut]));
    }
  }
  x = graph.node('GlobalAveragePool', [x]);
  const outputs = Array.from({ length: COEFFICIENT_LAYERS }, (_, i) => net.convolution(x, `final_layers.${i}`));
  const count = outputs.reduce((sum, _, i) => sum + net.tensor(`final_layers.${i}.weight`).shape[0]!, 0);
  const joined = graph.node('Concat', outputs, { axis: 1 });
  graph.output('coefficients', graph.node('Reshape', [joined, graph.integers([count])]), [count]);
  return graph.encode();
}

/**
 * A map-to-map network of the mid or the high level: a residual generator between two halvings and two doublings, on
 * `maps` `[1][channels][size][size]` to `map` `[1][outputs][size][size]`, -1..1.
 */
export function mapNetwork(tensors: Tensors, prefix: string, size: number): Uint8Array {
  const first = tensors.get(`${prefix}model.1.weight`);
  const channels = first?.shape[1] ?? 1;
  const width = first?.shape[0] ?? 1;
  const graph = new OnnxGraph('maps', [1, channels, size, size]);
  const net = new Layers(graph, tensors, `${prefix}model.`);
  const normed = (input: string, count: number) => net.relu(net.instanceNorm(input, count));
  let x = normed(net.convolution(net.reflected('maps', 3), '1'), width);
  x = normed(net.convolution(x, '4', { stride: 2, pad: 1 }), 2 * width);
  x = normed(net.convolution(x, '7', { stride: 2, pad: 1 }), 4 * width);
  let layer = 10;
  for (; net.has(`${layer}.conv_block.1.weight`); layer++) {
    // Dropout, which does nothing here, stands between the two where the network was trained with it.
    const second = [5, 6].find((k) => net.has(`${layer}.conv_block.${k}.weight`)) ?? 5;
    const part = (input: string, k: number) =>
      net.convolution(net.reflected(input, 1), `${layer}.conv_block.${k}`, { side: size / 4 });
    const inner = net.instanceNorm(part(normed(part(x, 1), 4 * width), second), 4 * width);
    x = graph.node('Add', [x, inner]);
  }
  x = normed(net.transposedConvolution(x, `${layer}`), 2 * width);
  x = normed(net.transposedConvolution(x, `${layer + 3}`), width);
  x = net.convolution(net.reflected(x, 3), `${layer + 7}`);
  const outputs = net.tensor(`${layer + 7}.weight`).shape[0]!;
  graph.output('map', graph.node('Tanh', [x]), [1, outputs, size, size]);
  return graph.encode();
}

/** The de-retouching network sees the texture at twice its size. */
const ENLARGED = 2;

/**
 * The de-retouching network: a U-Net on `texture` `[1][3][size][size]`, -1..1, to `blend` of the same shape, 0..1, which
 * says how the texture was retouched.
 */
export function deRetouchingNetwork(tensors: Tensors, prefix = 'generator.', size = 256): Uint8Array {
  const graph = new OnnxGraph('texture', [1, 3, size, size]);
  const net = new Layers(graph, tensors, prefix);
  const twice = (input: string, at: string, side: number) => {
    const part = (from: string, k: number) =>
      net.convolution(from, `${at}.${k}`, { pad: 1, norm: `${at}.${k + 1}`, relu: true, side });
    return part(part(input, 0), 3);
  };
  const channelsOf = (at: string) => net.tensor(`${at}.3.weight`).shape[0]!;
  const large = ENLARGED * size;
  const levels = [twice(net.resized('texture', [1, 3, large, large], 'half_pixel'), 'inc.conv.conv', large)];
  for (let k = 1; k <= 4; k++) {
    const halved = graph.node('MaxPool', [levels[k - 1]!], { kernel_shape: [2, 2], strides: [2, 2] });
    levels.push(twice(halved, `down${k}.mpconv.1.conv`, large / 2 ** k));
  }
  let x = levels[4]!;
  let channels = channelsOf('down4.mpconv.1.conv');
  for (let k = 1; k <= 4; k++) {
    const side = large / 2 ** (4 - k);
    const doubled = net.resized(x, [1, channels, side, side], 'align_corners');
    x = twice(graph.node('Concat', [levels[4 - k]!, doubled], { axis: 1 }), `up${k}.conv.conv`, side);
    channels = channelsOf(`up${k}.conv.conv`);
  }
  const blend = graph.node('Sigmoid', [net.convolution(x, 'outc.conv')]);
  graph.output('blend', net.resized(blend, [1, 3, size, size], 'half_pixel'), [1, 3, size, size]);
  return graph.encode();
}

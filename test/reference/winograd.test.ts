/** Our convolution of 3 x 3 with fewer multiplications, as a node of ONNX Runtime, beside ONNX Runtime's own. */
import { describe, expect, it } from 'vitest';
import { runJob } from '../../lib/native/job.js';
import { native } from '../../lib/native/load.js';
import { onnxRuntime } from '../../lib/native/onnx-runtime.js';
import { OnnxGraph, OWN_DOMAIN } from '../../lib/reference/onnx-writer.js';
import { randoms } from './random-tensors.js';

interface Layer {
  channels: number;
  outputs: number;
  /** Of the input. */
  height: number;
  width: number;
  pad: number;
  relu: boolean;
}

function network({ channels, outputs, height, width, pad, relu }: Layer, own: boolean): Uint8Array {
  const graph = new OnnxGraph('x', [1, channels, height, width]);
  const weights = graph.floats(randoms('weights', 9 * channels * outputs, 0.1), [outputs, channels, 3, 3]);
  const inputs = ['x', weights, graph.floats(randoms('bias', outputs, 1), [outputs])];
  let y: string;
  if (own) {
    y = graph.node('WinogradConv', inputs, { pad, relu: Number(relu) }, OWN_DOMAIN);
  } else {
    y = graph.node('Conv', inputs, { kernel_shape: [3, 3], strides: [1, 1], pads: [pad, pad, pad, pad] });
    if (relu) y = graph.node('Relu', [y]);
  }
  graph.output('y', y, [1, outputs, height + 2 * pad - 2, width + 2 * pad - 2]);
  return graph.encode();
}

async function run(model: Uint8Array, input: Float32Array, threads: number): Promise<Float32Array> {
  const session = new (native().Session)();
  await session.open({ library: onnxRuntime('cpu').library, model, threads }).promise;
  try {
    return Object.values(await runJob(() => session.run(input)))[0]!;
  } finally {
    session.dispose();
  }
}

describe('WinogradConv', () => {
  // Before all others: a process meets the operators once.
  it('may be met by several sessions at a time', async () => {
    const layer = { channels: 3, outputs: 4, height: 4, width: 64, pad: 1, relu: false };
    const input = randoms('input', 3 * 4 * 64, 1);
    const results = await Promise.all(Array.from({ length: 4 }, () => run(network(layer, true), input, 1)));
    for (const result of results) expect(result).toEqual(results[0]);
  });

  it.each<[string, Layer]>([
    // Many panels of tiles in several blocks, edges on all sides.
    ['padded, rectified', { channels: 70, outputs: 20, height: 44, width: 192, pad: 1, relu: true }],
    ['as it is', { channels: 5, outputs: 8, height: 66, width: 66, pad: 0, relu: false }],
    ['one panel', { channels: 3, outputs: 4, height: 4, width: 64, pad: 1, relu: false }],
  ])('%s: what Conv gives, the same bytes on any threads', async (_, layer) => {
    const input = randoms('input', layer.channels * layer.height * layer.width, 1);
    const truth = await run(network(layer, false), input, 1);
    const ours = await run(network(layer, true), input, 1);
    expect(ours.length).toBe(truth.length);
    const largest = truth.reduce((most, y) => Math.max(most, Math.abs(y)), 0);
    const worst = ours.reduce((most, y, i) => Math.max(most, Math.abs(y - truth[i]!)), 0);
    expect(worst / largest).toBeLessThan(1e-5);
    expect(await run(network(layer, true), input, 3)).toEqual(ours);
  });

  it('refuses sizes that its tiles do not fill, and outputs that are not by four', async () => {
    const layer = { channels: 4, outputs: 4, height: 8, width: 60, pad: 1, relu: false };
    await expect(run(network(layer, true), new Float32Array(4 * 8 * 60), 1)).rejects.toThrow(/WinogradConv/);
    await expect(
      run(network({ ...layer, outputs: 6, width: 64 }, true), new Float32Array(4 * 8 * 64), 1),
    ).rejects.toThrow(/WinogradConv/);
  });
});

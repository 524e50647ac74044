import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseNpyNumbers } from '../../lib/formats/npy.js';
import { runJob } from '../../lib/native/job.js';
import { native } from '../../lib/native/load.js';
import { onnxRuntime } from '../../lib/native/onnx-runtime.js';
import { coefficientNetwork, deRetouchingNetwork, mapNetwork, type Tensors } from '../../lib/reference/networks.js';
import { randoms, randomTensors } from './random-tensors.js';

const folder = fileURLToPath(new URL('fixtures/', import.meta.url));
let shapes: Record<string, Record<string, number[]>>;
beforeAll(async () => {
  shapes = JSON.parse(await readFile(`${folder}network-shapes.json`, 'utf8'));
});

async function run(model: Uint8Array, input: Float32Array): Promise<Float32Array> {
  const session = new (native().Session)();
  await session.open({ library: onnxRuntime('cpu').library, model, threads: 2 }).promise;
  try {
    return Object.values(await runJob(() => session.run(input)))[0]!;
  } finally {
    session.dispose();
  }
}

const NETWORKS: readonly [
  name: string,
  build: (tensors: Tensors) => Uint8Array,
  inputs: number,
  shift: number,
  step: number,
][] = [
  ['coefficients', (tensors) => coefficientNetwork(tensors), 3 * 224 * 224, 0.5, 1],
  ['mid', (tensors) => mapNetwork(tensors, 'mid_net.', 64), 6 * 64 * 64, 0, 7],
  ['high', (tensors) => mapNetwork(tensors, 'high_net.', 256), 9 * 256 * 256, 0, 61],
  ['retouch', (tensors) => deRetouchingNetwork(tensors), 3 * 256 * 256, 0, 151],
];

describe("the reference's networks with random weights", () => {
  it.each(NETWORKS)(
    '%s: as PyTorch runs them',
    async (name, build, inputs, shift, step) => {
      const model = build(randomTensors(shapes[name]!));
      const input = randoms(`input ${name}`, inputs, name === 'coefficients' ? 0.5 : 1, shift);
      const output = await run(model, input);
      const { data: truth } = parseNpyNumbers(await readFile(`${folder}${name}.npy`));
      const range = Math.max(...truth) - Math.min(...truth);
      let worst = 0;
      for (let i = 0; i < truth.length; i++) worst = Math.max(worst, Math.abs(output[step * i]! - truth[i]!));
      expect(worst / range).toBeLessThan(1e-3);
    },
    60_000,
  );

  it('names a tensor that the checkpoint lacks', () => {
    const tensors = randomTensors(shapes.mid!);
    tensors.delete('mid_net.model.4.bias');
    tensors.delete('mid_net.model.7.weight');
    expect(() => mapNetwork(tensors, 'mid_net.', 64)).toThrow(expect.objectContaining({ code: 'MODEL_FORMAT' }));
  });
});

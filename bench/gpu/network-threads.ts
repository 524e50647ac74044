/**
 * `network-threads.js [--quick]`: what a run of each face network takes on the CPU with several threads, a line of JSON for
 * each. hrn runs them on one: whether more pay depends on the machine.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { locateModels } from '../../lib/models/locate.js';
import { native } from '../../lib/native/load.js';
import { onnxRuntime } from '../../lib/native/onnx-runtime.js';

const quick = process.argv.includes('--quick');
/** Pixels a side of what each sees. */
const SIDES = {
  'face-detection-short-range': 128,
  'face-detection-full-range': 192,
  'face-landmarks': 192,
  'person-segmentation': 256,
  'dense-face': 256,
} as const;
const RUNS = quick ? 1 : 15;
const THREADS = quick ? [1, 2] : [1, 2, 4, 8].filter((threads) => threads <= availableParallelism());

const { library } = onnxRuntime('cpu');
for (const [network, side] of Object.entries(SIDES)) {
  const model = readFileSync(join(locateModels(undefined), `${network}.onnx`));
  const input = Float32Array.from({ length: 3 * side * side }, (_, i) => 0.5 + 0.5 * Math.sin(0.37 * i));
  for (const threads of THREADS) {
    const session = new (native().Session)();
    await session.open({ library, model, threads }).promise;
    const times: number[] = [];
    for (let i = 0; i <= RUNS; i++) {
      const start = performance.now();
      await session.run(input).promise;
      if (i > 0) times.push(performance.now() - start);
    }
    session.dispose();
    times.sort((a, b) => a - b);
    console.log(JSON.stringify({ network, threads, medianMs: times[times.length >> 1] }));
  }
}

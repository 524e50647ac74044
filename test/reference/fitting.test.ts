import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parseNpyNumbers } from '../../lib/formats/npy.js';
import { runJob } from '../../lib/native/job.js';
import { native } from '../../lib/native/load.js';
import { OFFSET_MAP_PX } from '../../lib/reference/fitting-method.js';
import { fadedMap } from '../../lib/reference/map-border.js';
import { randoms } from './random-tensors.js';

/** A curved grid of 41 x 41 vertices: the oracle's face. */
const G = 41;
const V = G * G;

/** `[rows][columns]`, drawn as the oracle does, to `[columns][rows]`. */
function basis(name: string, columns: number, scale: number, divisor = 1): Float32Array {
  const drawn = randoms(name, 3 * V * columns, scale);
  return Float32Array.from(drawn, (_, i) =>
    Math.fround(drawn[(i % (3 * V)) * columns + Math.floor(i / (3 * V))]! / divisor),
  );
}

function start() {
  const noise = randoms('mean', 3 * V, 0.004);
  const mean = new Float32Array(3 * V);
  const uvs = new Float32Array(2 * V);
  const middle = [0, 0, 0];
  for (let v = 0; v < V; v++) {
    const [x, y] = [((v % G) / (G - 1)) * 2 - 1, (Math.floor(v / G) / (G - 1)) * 2 - 1];
    const point = [x * 0.75, -y * 0.95, 0.6 * Math.sqrt(Math.max(0, 1 - 0.5 * (x * x + y * y)))];
    for (let k = 0; k < 3; k++) {
      mean[3 * v + k] = point[k]! + noise[3 * v + k]!;
      middle[k]! += mean[3 * v + k]! / V;
    }
    uvs.set([(x * 0.9 + 1) / 2, (1 - y * 0.9) / 2], 2 * v);
  }
  const triangles: number[] = [];
  for (let y = 0; y < G - 1; y++)
    for (let x = 0; x < G - 1; x++) {
      const a = y * G + x;
      triangles.push(a, a + G, a + 1, a + 1, a + G, a + G + 1);
    }
  const shapeBasis = new Float32Array(3 * V * 144);
  shapeBasis.set(basis('id', 80, 0.004));
  shapeBasis.set(basis('exp', 64, 0.004), 3 * V * 80);
  const coefficients = [
    randoms('c id', 80, 0.5),
    randoms('c exp', 64, 0.5),
    randoms('c tex', 80, 0.5),
    randoms('c angle', 3, 0.2),
    randoms('c gamma', 27, 0.1),
    randoms('c trans', 3, 0.1),
  ];
  const model = {
    identityCount: 80,
    expressionCount: 64,
    albedoCount: 80,
    mean: mean.map((x, i) => x - middle[i % 3]!),
    shapeBasis,
    meanAlbedo: randoms('tex', 3 * V, 30, 150).map((x) => x / 255),
    albedoBasis: basis('texb', 80, 2, 255),
    triangles: Uint32Array.from(triangles),
    uvs,
    keypoints: Uint32Array.from({ length: 68 }, (_, i) => (i * 23 + 7) % V),
  };
  const problem = {
    side: 224,
    mapSize: OFFSET_MAP_PX,
    focal: 1015,
    cameraDistance: 10,
    picture: randoms('img', 3 * 224 * 224, 0.4, 0.5),
    landmarks: randoms('lm', 136, 60, 112),
    rows: Float32Array.from({ length: 448 }, (_, i) => (i % 2 === 0 ? 40 : 180)),
    coefficients: Float32Array.from(coefficients.flatMap((part) => [...part])),
    iterations: 10,
  };
  return { model, problem };
}

it("ten steps of the reference's loop end where PyTorch's do", async () => {
  const context = new (native().Context)({ threads: 2 });
  const { model, problem } = start();
  const prepared = await native().buildReferenceModel(model).promise;
  const fitted = await runJob(() => native().referenceFit(context, prepared, problem));
  context.dispose();
  const truth = parseNpyNumbers(await readFile(fileURLToPath(new URL('fixtures/loop.npy', import.meta.url)))).data;
  // Ten losses, then what only the oracle needs, at the end the coefficients and the shape.
  const losses = truth.subarray(0, 10);
  // From the second step on, steps of Adam where a gradient is nearly zero go one way or the other.
  for (let i = 0; i < 10; i++) expect(Math.abs(fitted.losses[i]! / losses[i]! - 1)).toBeLessThan(i === 0 ? 1e-5 : 1e-3);
  const shape = truth.subarray(truth.length - 3 * V);
  const coefficients = truth.subarray(truth.length - 3 * V - 257, truth.length - 3 * V);
  let [worst, moved] = [0, 0];
  for (let i = 0; i < shape.length; i++) {
    worst = Math.max(worst, Math.abs(fitted.positions[i]! - shape[i]!));
    moved = Math.max(moved, Math.abs(shape[i]! - model.mean[i]!));
  }
  const SIZE = 1.9;
  expect(worst / SIZE).toBeLessThan(1e-3);
  expect(moved / SIZE).toBeGreaterThan(1e-2);
  const largest = Math.max(...fitted.coefficients.map((x, i) => Math.abs(x - coefficients[i]!)));
  expect(largest).toBeLessThan(2e-3);
});

it('the map fades out at the border of the face, and stays in its middle', () => {
  const uvs = Float32Array.from({ length: 2 * 101 * 101 }, (_, i) => {
    const v = Math.floor(i / 2);
    return 0.2 + (0.6 * (i % 2 === 0 ? v % 101 : Math.floor(v / 101))) / 100;
  });
  const map = new Float32Array(3 * 100 * 100).fill(1);
  const faded = fadedMap(map, 100, uvs, new Uint32Array());
  expect(faded[3 * (50 * 100 + 50)]).toBeCloseTo(1, 5);
  expect(faded[3 * (50 * 100 + 10)]).toBe(0);
  const edge = faded[3 * (50 * 100 + 22)]!;
  expect(edge).toBeGreaterThan(0);
  expect(edge).toBeLessThan(1);
});

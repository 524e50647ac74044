import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create } from '../lib/index.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import type { MorphableModel } from '../lib/morphable-model.js';
import type { NativeContext } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';
import type { Sample } from '../lib/sample.js';
import { sample } from '../lib/sample.js';
import { detectFaces } from '../lib/stages/detect.js';
import { framedLandmarks } from '../lib/stages/face-frame.js';
import { focalLengthPrior } from '../lib/stages/focal-length.js';
import { findLandmarks } from '../lib/stages/framing.js';
import type { DenseLandmarks } from '../lib/stages/landmarks.js';
import { FaceNetworks } from '../lib/stages/networks.js';
import { Photo } from '../lib/stages/photo.js';
import { EMBEDDED_REGRESSOR, regress } from '../lib/stages/regress.js';
import { OnnxGraph } from '../models/build/networks/onnx-graph.mjs';

let model: MorphableModel;
let context: NativeContext;
let networks: FaceNetworks;
let portrait: Sample;
let photo: Photo;
let landmarks: DenseLandmarks;

beforeAll(async () => {
  model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
  context = new (native().Context)({ threads: 2 });
  networks = new FaceNetworks();
  portrait = await sample({ seed: 3, size: 512, model });
  photo = new Photo(context, portrait.image);
  const [face] = await detectFaces(networks, photo);
  landmarks = await findLandmarks(networks, photo, face!);
});

afterAll(() => {
  photo.dispose();
  networks.dispose();
  context.dispose();
});

/** A network that gives the same outputs for any input. */
function constantNetwork(inputSize: number, outputs: Record<string, number[]>): Uint8Array {
  const graph = new OnnxGraph('constant');
  graph.input('face', [1, inputSize]);
  for (const [name, values] of Object.entries(outputs)) {
    const zeros = graph.floats(new Float32Array(inputSize * values.length), [inputSize, values.length]);
    graph.node('Add', [graph.node('MatMul', ['face', zeros]), graph.floats(values, [1, values.length])], {}, name);
    graph.output(name, [1, values.length]);
  }
  return graph.serialize({});
}

const LANDMARK_VALUES = 4 * 478;
const byLandmarks = { ...EMBEDDED_REGRESSOR, input: 'landmarks' } as const;

async function estimateOf(outputs: Record<string, number[]>) {
  const own = new FaceNetworks({ regressor: constantNetwork(LANDMARK_VALUES, outputs) });
  try {
    return await regress(own, byLandmarks, model, photo, landmarks);
  } finally {
    own.dispose();
  }
}

describe('the face frame', () => {
  it('does not depend on where the face is, how large and how far it is turned in the picture', () => {
    const [scale, turn, dx, dy] = [2.5, 0.7, 300, -40];
    const pixels = landmarks.pixels.slice();
    const move = (x: number, y: number): [number, number] => [
      scale * (Math.cos(turn) * x - Math.sin(turn) * y) + dx,
      scale * (Math.sin(turn) * x + Math.cos(turn) * y) + dy,
    ];
    for (let i = 0; i < pixels.length; i += 2) pixels.set(move(pixels[i]!, pixels[i + 1]!), i);
    const { region } = landmarks;
    const [x, y] = move(region.x, region.y);
    const moved = framedLandmarks({
      pixels,
      depth: landmarks.depth.map((z) => scale * z),
      presence: landmarks.presence,
      disagreement: 0,
      region: { x, y, size: scale * region.size, angle: region.angle + turn },
      eyes: landmarks.eyes,
    });
    const before = framedLandmarks(landmarks);
    for (const [i, value] of moved.entries()) expect(value).toBeCloseTo(before[i]!, 4);
  });
});

describe("a user's coefficient network", () => {
  it('may tell leading coefficients only: the rest keeps the prior of the model', async () => {
    const estimate = await estimateOf({ identity: [0.5, -1], identityDeviation: [0.2, 0.3] });
    expect([...estimate.identity.mean.subarray(0, 3)]).toEqual([0.5, -1, 0]);
    expect(estimate.identity.sigma[0]).toBeCloseTo(0.2);
    expect(estimate.identity.sigma[2]).toBe(1);
    expect([...estimate.expression.sigma]).toEqual([...Float64Array.from(model.expression.sigma)]);
    expect(estimate.distance).toBeUndefined();
  });

  it('may leave deviations out', async () => {
    const estimate = await estimateOf({ identity: [0.5], expression: [0.25], logDistance: [6.5] });
    expect(estimate.identity.sigma[0]).toBe(0.5);
    expect(estimate.expression.mean[0]).toBeCloseTo(0.25);
    expect(estimate.expression.sigma[0]).toBeCloseTo(0.5 * model.expression.sigma[0]!);
    expect(estimate.distance).toEqual({ logMm: 6.5, logSigma: 0.5 });
  });

  it.each([
    [{ identity: Array(121).fill(0) }],
    [{ identity: [0, 1], identityDeviation: [1] }],
    [{ identity: [Number.NaN] }],
    [{ identity: [0], expression: Array(53).fill(0) }],
    [{ expression: [0] }],
  ])('whose outputs do not fit the model: MODEL_CORRUPT', async (outputs: Record<string, number[]>) => {
    await expect(estimateOf(outputs)).rejects.toMatchObject({ name: 'HrnError', code: 'MODEL_CORRUPT' });
  });

  it('is shown the crop in the order that it asks for', async () => {
    const seen: Float32Array[] = [];
    const watching = {
      run: async (_: string, input: Float32Array) => {
        seen.push(input);
        return { identity: new Float32Array([0]) };
      },
    } as unknown as FaceNetworks;
    for (const cropLayout of ['hwc', 'chw'] as const) {
      await regress(watching, { input: 'crop', cropPx: 20, cropLayout }, model, photo, landmarks);
    }
    const [hwc, chw] = seen as [Float32Array, Float32Array];
    expect(hwc).toHaveLength(3 * 20 * 20);
    for (let i = 0; i < 400; i++) for (let k = 0; k < 3; k++) expect(chw[400 * k + i]).toBe(hwc[3 * i + k]);
  });

  it('is where the fit of its model starts, and what it is held to', async () => {
    const identity = Array.from(portrait.head.identity);
    const regressor = {
      onnx: constantNetwork(LANDMARK_VALUES, { identity, identityDeviation: identity.map(() => 0.02) }),
      input: 'landmarks' as const,
    };
    await using own = await create({ model, regressor });
    const options = { detail: 'coarse', textureSize: 256 } as const;
    const face = await own.fit(portrait.image, options);
    const without = await own.fit(portrait.image, { ...options, regressor: false });
    const error = (fitted: Float32Array) => Math.hypot(...identity.map((x, k) => fitted[k]! - x));
    expect(error(face.coefficients.identity)).toBeLessThan(0.3 * error(without.coefficients.identity));
  });

  it('that is not there: MODEL_MISSING', async () => {
    await using own = await create({ regressor: { onnx: '/no/such/network.onnx' } });
    await expect(own.fit(portrait.image)).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  });
});

describe('the focal length', () => {
  it('follows the distance that the network sees, as far as it is sure of it', () => {
    const habit = focalLengthPrior(landmarks, undefined, undefined);
    const seen = (logSigma: number) => {
      const none = { mean: new Float64Array(), sigma: new Float64Array() };
      const distance = { logMm: Math.log(850) + 0.4, logSigma };
      return focalLengthPrior(landmarks, undefined, undefined, { identity: none, expression: none, distance });
    };
    expect(Math.log(seen(0.01).px / habit.px)).toBeCloseTo(0.4, 2);
    expect(Math.log(seen(0.3).px / habit.px)).toBeCloseTo(0.2, 5);
    expect(seen(0.3).logSigma).toBeLessThan(habit.logSigma);
    expect(seen(100).px).toBeCloseTo(habit.px, 1);
  });
});

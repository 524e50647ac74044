import { beforeAll, describe, expect, it } from 'vitest';
import type { MorphableModel } from '../lib/morphable-model.js';
import type { NativeModel } from '../lib/native/binding.js';
import type { CoarseProblem } from '../lib/native/coarse.js';
import { native } from '../lib/native/load.js';
import { syntheticHead } from './synthetic-head.js';

/** The exporters' head with landmarks on its front, some of them dynamic. */
function headWithLandmarks(): MorphableModel {
  const { model } = syntheticHead();
  const front: number[] = [];
  for (let v = 0; v < model.vertexCount && model.mean[3 * v] !== undefined; v++)
    if ((model.mean[3 * v + 2] as number) > 10) front.push(v);
  const count = front.length;
  const vertices = new Uint32Array(3 * count);
  const weights = new Float32Array(3 * count);
  front.forEach((v, i) => {
    vertices.fill(v, 3 * i, 3 * i + 3);
    weights[3 * i] = 1;
  });
  const sigmaMm = new Float32Array(count).fill(1);
  const dynamic = Uint8Array.from({ length: count }, (_, i) => (i % 9 === 0 ? 1 : 0));
  return {
    ...model,
    deformable: new Float32Array(model.vertexCount).fill(1),
    dense: { count, vertices, weights, sigmaMm, dynamic },
  };
}

const focalPx = 1200;
const centre = 400;
const truth = { x: 12, y: -8, z: 650 };

function pixelsOf(model: MorphableModel, expression: number): Float64Array {
  const pixels = new Float64Array(2 * model.dense.count);
  for (let i = 0; i < model.dense.count; i++) {
    const v = model.dense.vertices[3 * i] as number;
    const p = [0, 1, 2].map((k) => {
      const half = model.expression.halfs[3 * v + k] as number;
      const sign = half & 0x8000 ? -1 : 1;
      const exponent = (half >> 10) & 31;
      const fraction = (half & 1023) / 1024;
      const value = sign * (exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14);
      return (model.mean[3 * v + k] as number) + expression * value;
    }) as [number, number, number];
    pixels[2 * i] = (focalPx * (p[0] + truth.x)) / (truth.z - p[2]) + centre;
    pixels[2 * i + 1] = (focalPx * (truth.y - p[1])) / (truth.z - p[2]) + centre;
  }
  return pixels;
}

function problemOf(model: MorphableModel, change: Partial<CoarseProblem> = {}): CoarseProblem {
  return {
    pixels: pixelsOf(model, 0.6),
    focalPx,
    principalPx: Float64Array.of(centre, centre),
    identityCount: 0,
    sigmaMm: new Float64Array(model.dense.count).fill(0.05),
    sigmaFloorPx: 0.02,
    ...change,
  };
}

describe('coarse fit', () => {
  const addon = native();
  const model = headWithLandmarks();
  const context = new addon.Context({ threads: 2 });
  let nativeModel: NativeModel;
  beforeAll(async () => {
    nativeModel = await addon.buildModel(model).promise;
  });
  const fit = (change: Partial<CoarseProblem> = {}) =>
    addon.coarseFit(context, nativeModel, problemOf(model, change)).promise;

  it('finds the pose and expression that made the landmarks', async () => {
    const progress: number[] = [];
    const face = await addon.coarseFit(context, nativeModel, problemOf(model), (done) => progress.push(done)).promise;
    expect(face.converged).toBe(true);
    expect(Math.max(...face.residualPx)).toBeLessThan(0.1);
    expect(face.translation[0]).toBeCloseTo(truth.x, 0);
    expect(face.translation[2]).toBeCloseTo(truth.z, -1);
    expect([...face.rotation].map((r) => Math.round(10 * r) / 10 + 0)).toEqual([1, 0, 0, 0, -1, 0, 0, 0, -1]);
    expect(face.expression[0]).toBeCloseTo(0.6, 1);
    expect(progress.length).toBeGreaterThan(0);
  });

  it('estimates the focal length within its prior and says how sure it is', async () => {
    const face = await fit({ focalPx: 1.2 * focalPx, logFocalSigma: 0.3 });
    expect(face.focalPx / focalPx).toBeCloseTo(1, 1);
    expect(face.logFocalSigma).toBeGreaterThan(0);
    expect(face.logFocalSigma).toBeLessThan(0.3);
  });

  it('leaves an outlier out, also where all landmarks weigh little', async () => {
    const pixels = pixelsOf(model, 0.6);
    pixels[0]! += 60;
    const noise = { pixels, robust: 'gemanMcClure' as const, robustScale: 4 };
    const face = await fit({ ...noise, weights: new Float64Array(model.dense.count).fill(1 / 25) });
    expect(face.translation[0]).toBeCloseTo((await fit()).translation[0]!, 2);
  });

  it('gives the same bits for one thread and three', async () => {
    const contourVertices = addon.contourCandidates(nativeModel, 40);
    const problem = problemOf(model, { contourVertices, logFocalSigma: 0.2 });
    const run = (threads: number) => addon.coarseFit(new addon.Context({ threads }), nativeModel, problem).promise;
    expect(await run(3)).toEqual(await run(1));
  });

  it.each<[string, Partial<CoarseProblem>, string]>([
    ['landmarks in one place', { pixels: new Float64Array(2 * model.dense.count).fill(300) }, 'FIT_FAILED'],
    ['a NaN', { pixels: new Float64Array(2 * model.dense.count).fill(Number.NaN) }, 'INVALID_ARGUMENT'],
    ['too few landmarks', { pixels: new Float64Array(6) }, 'INVALID_ARGUMENT'],
    ['no weight at all', { weights: new Float64Array(model.dense.count) }, 'INVALID_ARGUMENT'],
    ['a focal length of zero', { focalPx: 0 }, 'INVALID_ARGUMENT'],
    ['a contour vertex outside the mesh', { contourVertices: Uint32Array.of(1e9) }, 'INVALID_ARGUMENT'],
    ['more identity than the model has', { identityCount: 3 }, 'INVALID_ARGUMENT'],
  ])('refuses %s', async (_, change, code) => {
    await expect(fit(change)).rejects.toMatchObject({ name: 'HrnError', code });
  });

  it('ends when cancelled', async () => {
    const job = addon.coarseFit(context, nativeModel, problemOf(model));
    job.cancel();
    await expect(job.promise).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('native model', () => {
  const model = headWithLandmarks();
  const build = async (change: Partial<MorphableModel>) => native().buildModel({ ...model, ...change }).promise;
  const refused = (change: Partial<MorphableModel>) =>
    build(change).then(
      () => 'accepted',
      (error) => error,
    );

  it('names the array at fault', async () => {
    const triangles = model.triangles.slice();
    triangles[5] = model.vertexCount;
    expect(await refused({ triangles })).toMatchObject({
      code: 'MODEL_CORRUPT',
      message: expect.stringContaining('triangles'),
    });
    const mean = model.mean.slice();
    mean[7] = Number.NaN;
    expect(await refused({ mean })).toMatchObject({ code: 'MODEL_CORRUPT', message: expect.stringContaining('mean') });
    expect(await refused({ uvs: new Float32Array(3) })).toMatchObject({ message: expect.stringContaining('uvs') });
    const halfs = model.expression.halfs.slice();
    halfs[11] = 0x7c00;
    expect(await refused({ expression: { ...model.expression, halfs } })).toMatchObject({
      message: expect.stringContaining('expression.halfs'),
    });
    expect(await refused({ vertexCount: 2 ** 40 })).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('is a copy: the arrays may change while it is made', async () => {
    const mean = model.mean.slice();
    const job = native().buildModel({ ...model, mean });
    mean.fill(Number.NaN);
    await expect(job.promise).resolves.toMatchObject({ vertexCount: model.vertexCount });
  });

  it('refuses what is no model', async () => {
    expect(() => native().buildModel(undefined as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
    expect(await refused({ mean: [1, 2, 3] as never })).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('is not confused by a foreign object', async () => {
    const made = await build({});
    for (const forged of [{}, { ...made }, Object.create(made), new Proxy(made, {})]) {
      expect(() => native().contourCandidates(forged as never, 15)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    }
  });
});

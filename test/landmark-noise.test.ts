import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  BIAS_TERMS,
  landmarkBias,
  landmarkResponse,
  noiseOfPerson,
  parseLandmarkNoise,
} from '../lib/models/landmark-noise.js';
import { locateModels } from '../lib/models/locate.js';
import { Random } from '../lib/sample/random.js';
import { expectedErrors, landmarkErrors } from '../lib/stages/landmark-errors.js';
import type { DenseLandmarks } from '../lib/stages/landmarks.js';
import { ALL_POINTS, IMAGE_LEFT_EYE, IMAGE_RIGHT_EYE, LIPS, MIRROR } from '../lib/stages/mesh-points.js';
import { noiseStatistics } from '../models/build/landmark-noise/statistics.js';

describe('noiseStatistics', () => {
  it('recovers planted bias, modes and independent noise', () => {
    const points = 40;
    // Of two identity coefficients one is symmetric, one changes sides.
    const mirror = {
      points: Array.from({ length: points }, (_, p) => p ^ 1),
      identity: [Float64Array.of(1, 0), Float64Array.of(0, -1)],
    };
    // A larger first coefficient moves every other pair of points.
    const astray = Float64Array.from({ length: 2 * points }, (_, i) => (i % 2 === 1 && (i >> 2) % 2 === 0 ? 1 : 0));
    const random = new Random(5);
    const people = new Random(6);
    // One mode that mirrors onto itself, one onto its negative, so that doubling the data leaves both as they are.
    const symmetric = Float64Array.from({ length: 2 * points }, (_, i) => (i % 2 === 0 ? (i % 4 === 0 ? 1 : -1) : 0.5));
    const odd = Float64Array.from({ length: 2 * points }, (_, i) => (i % 2 === 0 ? 0.6 : i % 4 === 1 ? 0.4 : -0.4));
    const bias = Float64Array.from({ length: 2 * points }, (_, i) => (i % 2 === 0 ? (i % 4 === 0 ? -0.7 : 0.7) : 0.3));
    // Moves with the turn: odd under mirroring.
    const turn = Float64Array.from({ length: 2 * points }, (_, i) => (i % 2 === 0 ? 1.5 : 0));
    const samples = Array.from({ length: 3000 }, () => {
      const [a, b] = [random.normal(), random.normal()];
      const yawDegrees = random.uniform(-40, 40);
      const s = Math.sin((yawDegrees * Math.PI) / 180);
      const identity = Float64Array.of(people.normal(), people.normal());
      const error = Float64Array.from(
        bias,
        (m, i) =>
          m + turn[i]! * s + identity[0]! * astray[i]! + a * symmetric[i]! + b * odd[i]! + random.normal(0, 0.2),
      );
      return { error, view: { turn: s, nod: random.uniform(-0.5, 0.5) }, identity };
    });
    const used = new Uint8Array(points).fill(1);
    used[4] = 0;
    used[5] = 0;
    const found = noiseStatistics(samples, mirror, used, { modes: 3, rank: 2 });
    expect(found.modes).toHaveLength(3);
    expect(found.bias[0]![20]).toBeCloseTo(bias[20]!, 1);
    expect(found.bias[0]![21]).toBeCloseTo(bias[21]!, 1);
    expect(found.bias[1]![20]).toBeCloseTo(1.5, 1);
    expect(found.bias[1]![21]).toBeCloseTo(0, 1);
    expect(found.bias[0]![8]).toBe(0);
    expect(found.modes[0]![9]).toBe(0);
    const sizes = [symmetric, odd].map((mode) => Math.hypot(...mode.map((x, i) => (used[i >> 1] ? x : 0))));
    expect(Math.hypot(...found.modes[0]!) / sizes[0]!).toBeCloseTo(1, 1);
    expect(Math.hypot(...found.modes[1]!) / sizes[1]!).toBeCloseTo(1, 1);
    const along = found.modes[0]!.reduce((sum, x, i) => sum + x * symmetric[i]!, 0);
    expect(Math.abs(along) / (Math.hypot(...found.modes[0]!) * sizes[0]!)).toBeGreaterThan(0.99);
    expect(found.sigma[10]).toBeCloseTo(0.2, 1);
    const response = (k: number, i: number): number =>
      found.patterns.reduce((sum, pattern, r) => sum + found.gains[0]![r]![k]! * pattern[i]!, 0);
    // Every sample is also there in the mirror, where points change places.
    expect(response(0, 17)).toBeCloseTo(1, 1);
    expect(response(0, 19)).toBeCloseTo(1, 1);
    expect(response(0, 16)).toBeCloseTo(0, 1);
    expect(response(1, 17)).toBeCloseTo(0, 1);
    // A point that is left out keeps its whole spread.
    expect(found.sigma[4]).toBeGreaterThan(0.6);
  });
});

describe('landmark-noise.safetensors', () => {
  const file = path.join(locateModels(), 'landmark-noise.safetensors');

  it.skipIf(!existsSync(file))('is symmetric, finite and of believable size', async () => {
    const noise = parseLandmarkNoise(await readFile(file), ALL_POINTS);
    expect(noise.modeCount).toBeLessThanOrEqual(24);
    expect(noise.modesMm).toHaveLength(noise.modeCount * ALL_POINTS * 2);
    const { response } = noise;
    expect(response.patternsMm).toHaveLength(response.rank * ALL_POINTS * 2);
    // A coefficient of one deviation is seen a millimetre or two astray at most.
    for (const s of [-0.6, 0, 0.6]) {
      expect(landmarkResponse(response, s).every((mm) => Math.abs(mm) < 3)).toBe(true);
    }
    const turned = (turn: number, nod = 0): Float64Array => landmarkBias(noise, { turn, nod });
    const [right, left, ahead, bowed] = [turned(0.4), turned(-0.4), turned(0), turned(0, 0.4)];
    for (let p = 0; p < ALL_POINTS; p++) {
      const other = MIRROR[p]!;
      // Heads that bow by 24 degrees are seen as bowing by 20: that alone is 6 mm at the chin.
      for (const [bias, mirror, most] of [
        [right, left, 7],
        [ahead, ahead, 6],
        [bowed, bowed, 10],
      ] as const) {
        expect(bias[2 * p]).toBeCloseTo(-mirror[2 * other]!, 4);
        expect(bias[2 * p + 1]).toBeCloseTo(mirror[2 * other + 1]!, 4);
        expect(Math.hypot(bias[2 * p]!, bias[2 * p + 1]!)).toBeLessThan(most);
      }
      expect(noise.sigmaMm[p]).toBeGreaterThan(0.2);
    }
  });

  it('refuses what does not belong to the model', async () => {
    const bytes = existsSync(file) ? await readFile(file) : Buffer.from('not a model');
    expect(() => parseLandmarkNoise(bytes, 100)).toThrowError(expect.objectContaining({ code: 'MODEL_CORRUPT' }));
  });
});

describe('the errors on one person', () => {
  it('are the bias of the noise that knows the person', () => {
    const random = new Random(8);
    const normals = (length: number) => Float32Array.from({ length }, () => random.normal());
    const points = 5;
    const noise = {
      biasTermsMm: normals(2 * BIAS_TERMS * points),
      sigmaMm: normals(points),
      modeCount: 0,
      modesMm: new Float32Array(),
      response: { rank: 2, identityCount: 3, patternsMm: normals(4 * points), gains: normals(12) },
    };
    const identity = Float64Array.from(normals(3));
    const personal = noiseOfPerson(noise, identity);
    for (const sine of [0, 0.5, -0.3]) {
      const view = { turn: sine, nod: 0.2 - sine };
      const problem = { biasMm: landmarkBias(noise, view), responseMm: landmarkResponse(noise.response, sine) };
      const expected = expectedErrors(problem, identity)!;
      for (const [i, mm] of landmarkBias(personal, view).entries()) expect(mm).toBeCloseTo(expected[i]!, 5);
      expect(Math.max(...expected.map((mm, i) => Math.abs(mm - problem.biasMm[i]!)))).toBeGreaterThan(0.1);
    }
    expect(landmarkResponse(personal.response, 0.5)).toHaveLength(0);
  });
});

describe('landmarkErrors', () => {
  it('lets lips and lids shift, each as one, and leaves other points as measured', () => {
    const random = new Random(3);
    const modesMm = Float32Array.from({ length: 2 * 2 * ALL_POINTS }, () => random.normal());
    const noise = {
      biasTermsMm: new Float32Array(2 * BIAS_TERMS * ALL_POINTS),
      sigmaMm: new Float32Array(ALL_POINTS).fill(1),
      modeCount: 2,
      modesMm,
      response: {
        rank: 1,
        identityCount: 1,
        patternsMm: modesMm.slice(0, 2 * ALL_POINTS),
        gains: Float32Array.of(2, 1),
      },
    };
    const face = { pixels: new Float32Array(2 * ALL_POINTS), depth: new Float32Array(ALL_POINTS) } as DenseLandmarks;
    const { nuisanceMm, responseMm } = landmarkErrors(noise, face);
    const mode = 2 * ALL_POINTS;
    for (const feature of [LIPS, IMAGE_LEFT_EYE.slice(0, 16), IMAGE_RIGHT_EYE.slice(0, 16)]) {
      const mean = feature.reduce((sum, p) => sum + modesMm[mode + 2 * p + 1]!, 0) / feature.length;
      for (const p of feature) expect(nuisanceMm[mode + 2 * p + 1]).toBeCloseTo(mean, 5);
    }
    const nose = 4;
    // Looking ahead: the constant gain alone.
    expect(responseMm[2 * nose]).toBeCloseTo(2 * modesMm[2 * nose]!, 5);
    expect(responseMm[2 * LIPS[0]!]).toBeCloseTo(responseMm[2 * LIPS[1]!]!, 5);
    expect(nuisanceMm[2 * nose]).toBe(modesMm[2 * nose]);
    expect(nuisanceMm[mode + 2 * nose]).toBe(modesMm[mode + 2 * nose]);
  });
});

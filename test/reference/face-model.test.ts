import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseNpyNumbers } from '../../lib/formats/npy.js';
import {
  albedoOf,
  type FaceCoefficients,
  type FaceModel,
  normalsOf,
  projected,
  rotationOf,
  shaded,
  shapeOf,
  toCamera,
  turned,
  withOffsets,
} from '../../lib/reference/face-model.js';
import { detailNormals, overMap, resized, textureOf, uvGrid } from '../../lib/reference/uv-grid.js';
import { G, gridModel, gridUvs, V } from './grid-face.js';
import { randoms } from './random-tensors.js';

const fixture = async (name: string) =>
  parseNpyNumbers(await readFile(fileURLToPath(new URL(`fixtures/${name}.npy`, import.meta.url)))).data;

const S = 64;

const coefficients: FaceCoefficients = {
  identity: randoms('c id', 80, 1.5),
  expression: randoms('c exp', 64, 1),
  albedo: randoms('c tex', 80, 1),
  angles: randoms('c angle', 3, 0.5),
  light: randoms('c gamma', 27, 0.3),
  translation: randoms('c trans', 3, 0.3),
};

/** What the oracle wrote, one behind the other. */
const PARTS = {
  shape: 3 * V,
  albedo: 3 * V,
  normals: 3 * V,
  turnedNormals: 3 * V,
  camera: 3 * V,
  pixels: 2 * V,
  colours: 3 * V,
  offsets: 3 * V,
  detailNormals: 3 * S * S,
  texture: 3 * 32 * 32,
} as const;

describe("the reference's face model", () => {
  let model: FaceModel;
  const truth: Record<string, Float32Array> = {};
  beforeAll(async () => {
    model = gridModel();
    const all = Float32Array.from(await fixture('face'));
    let at = 0;
    for (const [name, count] of Object.entries(PARTS)) {
      truth[name] = all.subarray(at, at + count);
      at += count;
    }
    expect(at).toBe(all.length);
  });

  /** Largest difference in shares of the largest value. */
  const error = (name: keyof typeof PARTS, values: Float32Array) => {
    expect(values).toHaveLength(PARTS[name]);
    let [worst, largest] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      worst = Math.max(worst, Math.abs(values[i]! - truth[name]![i]!));
      largest = Math.max(largest, Math.abs(truth[name]![i]!));
    }
    return worst / largest;
  };

  it('has its shapes, colours, normals, light and camera', () => {
    const shape = shapeOf(model, coefficients);
    expect(error('shape', shape)).toBeLessThan(1e-5);
    const albedo = albedoOf(model, coefficients);
    expect(error('albedo', albedo)).toBeLessThan(1e-5);
    const normals = normalsOf(model, shape);
    expect(error('normals', normals)).toBeLessThan(1e-5);
    const rotation = rotationOf(coefficients.angles);
    const turnedNormals = turned(normals, rotation);
    expect(error('turnedNormals', turnedNormals)).toBeLessThan(1e-5);
    const camera = toCamera(turned(shape, rotation, coefficients.translation));
    expect(error('camera', camera)).toBeLessThan(1e-5);
    expect(error('pixels', projected(camera))).toBeLessThan(1e-5);
    expect(error('colours', shaded(albedo, turnedNormals, coefficients.light))).toBeLessThan(1e-5);
  });

  it('takes maps as it does', () => {
    const uvs = gridUvs();
    const offsets = withOffsets(shapeOf(model, coefficients), randoms('map', 3 * S * S, 0.05), S, uvs);
    expect(error('offsets', offsets)).toBeLessThan(1e-5);

    const positions = randoms('pmap', 3 * S * S, 0.004).map((value, i) => {
      const [texel, k] = [Math.floor(i / 3), i % 3];
      return value + (k === 0 ? (texel % S) / S : k === 1 ? -Math.floor(texel / S) / S : 0);
    });
    const normals = randoms('nmap', 3 * S * S, 0.4).map((value, i) => value + (i % 3 === 2 ? 1 : 0));
    for (let i = 0; i < normals.length; i += 3) {
      const length = Math.hypot(normals[i]!, normals[i + 1]!, normals[i + 2]!);
      for (let k = 0; k < 3; k++) normals[i + k]! /= length;
    }
    // Differences of nearby single-precision numbers, normalised: the reference itself is no more precise.
    expect(error('detailNormals', detailNormals(positions, normals, randoms('disp', S * S, 0.01), S))).toBeLessThan(
      1e-4,
    );

    const cameraMap = Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => {
      const [texel, k] = [Math.floor(i / 3), i % 3];
      return k === 0 ? (texel % 32) / 16 - 1 : k === 1 ? 1 - Math.floor(texel / 32) / 16 : 10;
    });
    const picture = randoms('img', 3 * 100 * 100, 0.5);
    const image = Float32Array.from(picture, (_, i) => picture[(i % 3) * 10_000 + Math.floor(i / 3)]!);
    const texture = textureOf(cameraMap, 32, { data: image, side: 100, channels: 3 }, projected);
    expect(error('texture', texture)).toBeLessThan(1e-4);
  });

  it('resizes maps without smoothing', async () => {
    const picture = randoms('img', 3 * 100 * 100, 0.5);
    const image = Float32Array.from(picture, (_, i) => picture[(i % 3) * 10_000 + Math.floor(i / 3)]!);
    const small = resized(image, 100, 37, 3);
    const expected = await fixture('resized');
    for (let i = 0; i < small.length; i++) expect(Math.abs(small[i]! - expected[i]!)).toBeLessThan(1e-5);
  });

  it('covers its map once', () => {
    const uvs = Float32Array.from({ length: 2 * V }, (_, i) => {
      const v = Math.floor(i / 2);
      return i % 2 === 0 ? (v % G) / (G - 1) : 1 - Math.floor(v / G) / (G - 1);
    });
    const grid = uvGrid(model, uvs, 40);
    expect(grid.triangle.every((t) => t >= 0)).toBe(true);
    const values = Float32Array.from({ length: 3 * V }, (_, i) => (i % 3 === 0 ? uvs[2 * Math.floor(i / 3)]! : 1));
    const map = overMap(grid, model, values);
    expect(map[3 * 5]).toBeCloseTo(5.5 / 40, 5);
    expect(map[3 * 5 + 1]).toBeCloseTo(1, 5);
  });
});

// What a fit of a photo promises, whatever the photo and however the stages are tuned.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Hrn } from '../lib/hrn.js';
import { create } from '../lib/index.js';
import { REGION_NAMES, type RegionName } from '../lib/morphable-model.js';
import type { Raster, Reconstruction } from '../lib/result.js';
import { assemble, type Fitted } from '../lib/stages/assemble.js';
import { ALL_POINTS } from '../lib/stages/mesh-points.js';
import { astronaut, onCanvas, sideBySide } from './photos.js';

const FAST = { textureSize: 256 } as const;

let photo: Raster;
let instance: Hrn;
let face: Reconstruction;
beforeAll(async () => {
  photo = await astronaut();
  instance = await create({ threads: 2 });
  face = await instance.fit(photo, FAST);
});
afterAll(() => instance.dispose());

function digest(result: Reconstruction): string {
  const hash = createHash('sha256');
  const { mesh, coefficients, pose, camera, landmarks, levels, deformationMap, texture, quality, scale } = result;
  const arrays = [mesh.positions, mesh.normals, mesh.uvs, mesh.indices, landmarks.positions, landmarks.pixels];
  for (const array of [...arrays, levels.coarse, levels.medium, deformationMap?.data, texture.data]) {
    if (array) hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  }
  const { identity, albedo, lighting, expression } = coefficients;
  hash.update(JSON.stringify([[...identity], [...albedo], [...lighting], expression, pose, camera, quality, scale]));
  return hash.digest('hex');
}

/** Point `i` of `[n][3]` through the 3x4 matrix, in pixels. */
function project(projection: readonly number[], points: Float32Array, i: number): [number, number] {
  const [u, v, w] = [0, 4, 8].map(
    (row) => [0, 1, 2].reduce((sum, k) => sum + projection[row + k]! * points[3 * i + k]!, 0) + projection[row + 3]!,
  ) as [number, number, number];
  return [u / w, v / w];
}

describe('a fitted head', () => {
  it('projects its landmarks to the pixels it tells', () => {
    const { positions, pixels } = face.landmarks;
    expect(positions.length).toBe(3 * 68);
    expect(pixels.length).toBe(2 * 68);
    for (let i = 0; i < 68; i++) {
      const [u, v] = project(face.camera.projection, positions, i);
      expect(u).toBeCloseTo(pixels[2 * i]!, 2);
      expect(v).toBeCloseTo(pixels[2 * i + 1]!, 2);
    }
  });

  it('has landmarks on its surface', () => {
    const { count, vertices, weights } = face.model.ibug68;
    for (let i = 0; i < 3 * count; i++) {
      const [point, axis] = [Math.floor(i / 3), i % 3];
      const at = [0, 1, 2].reduce(
        (sum, j) => sum + weights[3 * point + j]! * face.mesh.positions[3 * vertices[3 * point + j]! + axis]!,
        0,
      );
      expect(face.landmarks.positions[i]).toBeCloseTo(at, 3);
    }
  });

  it('projects by K [R | t] of the pose and camera it tells', () => {
    const { rotation, translation } = face.pose;
    const { projection, focalLengthPx, principalPointPx } = face.camera;
    // The lens is not known: its axis goes through the face.
    const { x: left, y: top, width, height } = face.face.box;
    expect(Math.abs(principalPointPx[0] - (left + width / 2))).toBeLessThan(0.1 * width);
    expect(Math.abs(principalPointPx[1] - (top + height / 2))).toBeLessThan(0.1 * height);
    for (let column = 0; column < 4; column++) {
      const [x, y, z] = [0, 1, 2].map((row) => (column < 3 ? rotation[3 * row + column]! : translation[row]!));
      expect(projection[column]).toBeCloseTo(focalLengthPx * x! + principalPointPx[0] * z!, 6);
      expect(projection[4 + column]).toBeCloseTo(focalLengthPx * y! + principalPointPx[1] * z!, 6);
      expect(projection[8 + column]).toBeCloseTo(z!, 9);
    }
    // A rotation: rows of unit length, across each other, right-handed.
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        const dot = [0, 1, 2].reduce((sum, k) => sum + rotation[3 * i + k]! * rotation[3 * j + k]!, 0);
        expect(dot).toBeCloseTo(i === j ? 1 : 0, 9);
      }
    }
    const cofactor = (j: number) =>
      rotation[3 + ((j + 1) % 3)]! * rotation[6 + ((j + 2) % 3)]! -
      rotation[3 + ((j + 2) % 3)]! * rotation[6 + ((j + 1) % 3)]!;
    expect([0, 1, 2].reduce((sum, j) => sum + rotation[j]! * cofactor(j), 0)).toBeCloseTo(1, 9);
    expect(translation[2]).toBeGreaterThan(0);
  });

  it('has its origin between the eyes', () => {
    const centres = ['leftEye', 'rightEye'].map((name) => {
      const { firstIndex, indexCount } = face.mesh.parts.find((part) => part.name === name)!;
      const vertices = [...new Set(face.mesh.indices.subarray(firstIndex, firstIndex + indexCount))];
      return [0, 1, 2].map(
        (k) => vertices.reduce((sum, v) => sum + face.mesh.positions[3 * v + k]!, 0) / vertices.length,
      );
    });
    const [left, right] = centres as [number[], number[]];
    for (let k = 0; k < 3; k++) expect((left[k]! + right[k]!) / 2).toBeCloseTo(0, 3);
    // The subject's left is at positive x.
    expect(left[0]! - right[0]!).toBeGreaterThan(40);
  });

  it('has finite values, unit normals and all its parts', () => {
    const { positions, normals, uvs, indices, parts } = face.mesh;
    expect(positions.every(Number.isFinite)).toBe(true);
    const vertices = positions.length / 3;
    expect(normals.length).toBe(3 * vertices);
    expect(uvs.length).toBe(2 * vertices);
    expect(indices.every((v) => v < vertices)).toBe(true);
    expect(parts.reduce((sum, { indexCount }) => sum + indexCount, 0)).toBe(indices.length);
    let worst = 0;
    for (let v = 0; v < normals.length; v += 3) {
      worst = Math.max(worst, Math.abs(Math.hypot(normals[v]!, normals[v + 1]!, normals[v + 2]!) - 1));
    }
    expect(worst).toBeLessThan(1e-3);
    expect(face.texture).toMatchObject({ width: 256, height: 256, channels: 3 });
    expect(face.texture.data.length).toBe(3 * 256 * 256);
    const { landmarkErrorPx, landmarkErrorPercent, photometricError } = face.quality;
    for (const value of [landmarkErrorPx, landmarkErrorPercent, photometricError]) expect(value).toBeGreaterThan(0);
    expect(face.quality.landmarkErrorPercent).toBeLessThan(10);
    expect(face.quality.photometricError).toBeLessThan(0.3);
  });

  it('tells how far its shape rests on the photo', () => {
    expect(['full', 'partial']).toContain(face.quality.refinement);
    expect(face.quality.refinementReason === undefined).toBe(face.quality.refinement === 'full');
    const evidence = face.evidence!;
    expect(evidence.length).toBe(face.mesh.positions.length / 3);
    expect(evidence.every((e) => e >= 0 && e <= 1)).toBe(true);
    const meanOf = (name: RegionName) => {
      const own = evidence.filter((_, v) => face.model.regions[v] === REGION_NAMES.indexOf(name));
      return own.reduce((sum, e) => sum + e, 0) / own.length;
    };
    // Nobody sees the back of the head.
    expect(meanOf('nose')).toBeGreaterThan(meanOf('scalp') + 0.2);
    expect(meanOf('cheeks')).toBeGreaterThan(meanOf('scalp') + 0.2);
  });

  it('owns its arrays', () => {
    expect(face.mesh.indices.buffer).not.toBe(face.model.triangles.buffer);
    expect(face.mesh.uvs.buffer).not.toBe(face.model.uvs.buffer);
  });

  it('moves by what its deformation map says', () => {
    const { size, data } = face.deformationMap!;
    expect(data.length).toBe(3 * size * size);
    expect(data.every(Number.isFinite)).toBe(true);
    expect(data.some((value) => value !== 0)).toBe(true);
    expect(Buffer.from(face.levels.medium!.buffer).equals(Buffer.from(face.mesh.positions.buffer))).toBe(true);
    expect(face.levels.coarse.length).toBe(face.mesh.positions.length);
  });
});

describe('metric scaling', () => {
  it('changes sizes and the distance, never a pixel', () => {
    // The fitted head as the stages hand it over, its origin elsewhere.
    const { model, mesh, pose, camera, coefficients } = face;
    const origin = [3, -5, 8];
    const away = (points: Float32Array) => points.map((value, i) => value + origin[i % 3]!);
    const translation = pose.translation.map(
      (t, row) => t - [0, 1, 2].reduce((sum, k) => sum + pose.rotation[3 * row + k]! * origin[k]!, 0),
    );
    const fitted = (factor: number): Fitted => ({
      head: model,
      landmarks: {
        pixels: Float32Array.from({ length: 2 * ALL_POINTS }, (_, i) => 200 + (i % 97)),
        depth: new Float32Array(ALL_POINTS),
        eyes: { left: { shut: 0, outwards: 0, up: 0 }, right: { shut: 0, outwards: 0, up: 0 } },
      } as unknown as Fitted['landmarks'],
      told: Object.values(coefficients.expression),
      coarse: { problem: {} } as Fitted['coarse'],
      refined: {
        camera: {
          rotation: Float64Array.from(pose.rotation),
          translation: Float64Array.from(translation),
          focalPx: camera.focalLengthPx,
          principalPx: Float64Array.from(camera.principalPointPx),
        },
        identity: Float64Array.from(coefficients.identity),
        expression: Float64Array.from(Object.values(coefficients.expression)),
        albedo: Float64Array.from(coefficients.albedo),
        lighting: Float64Array.from(coefficients.lighting),
        coarsePositions: away(face.levels.coarse),
        positions: away(mesh.positions),
        deformationMap: face.deformationMap!,
        photometricError: 0.1,
      },
      scale: { factor, source: 'iris', irisDiameterPx: 20 },
      focal: { px: camera.focalLengthPx, logSigma: 0, source: 'option' },
      principalPx: camera.principalPointPx,
    });
    const [one, two] = [assemble(fitted(1)), assemble(fitted(1.13))];
    const near = (got: ArrayLike<number>, from: ArrayLike<number>, factor: number, tolerance: number) => {
      expect(got.length).toBe(from.length);
      let worst = 0;
      for (let i = 0; i < from.length; i++) worst = Math.max(worst, Math.abs(got[i]! - factor * from[i]!));
      expect(worst).toBeLessThan(tolerance);
    };
    // The stages' frame is left behind.
    near(one.mesh.positions, mesh.positions, 1, 1e-3);
    near(one.landmarks.pixels, face.landmarks.pixels, 1, 0.01);
    near(two.landmarks.pixels, one.landmarks.pixels, 1, 0.01);
    near(two.landmarks.positions, one.landmarks.positions, 1.13, 1e-3);
    near(two.mesh.positions, one.mesh.positions, 1.13, 1e-3);
    near(two.levels.coarse, one.levels.coarse, 1.13, 1e-3);
    near(two.deformationMap!.data, one.deformationMap!.data, 1.13, 1e-4);
    near(two.pose.translation, one.pose.translation, 1.13, 1e-9);
    expect(two.pose.rotation).toEqual(one.pose.rotation);
    expect(two.camera.focalLengthPx).toBe(one.camera.focalLengthPx);
    expect(two.quality.landmarkErrorPx).toBeCloseTo(one.quality.landmarkErrorPx, 2);
    expect(two.scale).toEqual({ source: 'iris', irisDiameterPx: 20 });
  });
});

describe('determinism', () => {
  it('two fits of one instance give the same bytes, one after the other and at once', {
    timeout: 180_000,
  }, async () => {
    const [again, beside] = await Promise.all([instance.fit(photo, FAST), instance.fit(photo, FAST)]);
    expect(digest(again)).toBe(digest(face));
    expect(digest(beside)).toBe(digest(face));
  });
  it.each([1, 3])('%i threads give the bytes of two', async (threads) => {
    const other = await create({ threads });
    expect(digest(await other.fit(photo, FAST))).toBe(digest(face));
    await other.dispose();
  });
});

describe('detail coarse', () => {
  it('has neither a medium level nor a deformation map', async () => {
    const coarse = await instance.fit(photo, { ...FAST, detail: 'coarse' });
    expect(coarse.levels).not.toHaveProperty('medium');
    expect(coarse.deformationMap).toBeUndefined();
    expect(coarse.mesh.positions).toHaveLength(face.mesh.positions.length);
    expect(Buffer.from(coarse.levels.coarse.buffer).equals(Buffer.from(coarse.mesh.positions.buffer))).toBe(true);
    expect(coarse.mesh.indices).toEqual(face.mesh.indices);
  });
});

describe('fitAll', () => {
  it('fits every face of a photo, largest first, each as fit() with its number', { timeout: 180_000 }, async () => {
    const small = await onCanvas(photo, 400, { width: 420, height: 512 });
    const both = sideBySide(small, photo);
    const options = { ...FAST, minFacePx: 60 };
    const faces = await instance.fitAll(both, options);
    expect(faces).toHaveLength(2);
    const [first, second] = [faces[0]!, faces[1]!];
    expect(first.face.box.width).toBeGreaterThan(second.face.box.width);
    // The larger one stands right.
    expect(first.face.box.x).toBeGreaterThan(420);
    expect(second.face.box.x + second.face.box.width).toBeLessThan(420);
    for (const fitted of faces) {
      const { x, y, width, height } = fitted.face.box;
      // iBUG 31 is the tip of the nose.
      const [u, v] = [fitted.landmarks.pixels[60]!, fitted.landmarks.pixels[61]!];
      expect(u > x && u < x + width && v > y && v < y + height).toBe(true);
    }
    expect(digest(await instance.fit(both, { ...options, face: 1 }))).toBe(digest(second));
    expect(digest(await instance.fit(both, { ...options, face: 'largest' }))).toBe(digest(first));
  });

  it('leaves out what is smaller than minFacePx', async () => {
    const small = await onCanvas(photo, 400, { width: 420, height: 512 });
    const both = sideBySide(small, photo);
    const [large] = await instance.detect(both);
    const side = Math.floor(Math.max(large!.width, large!.height)) - 2;
    expect(await instance.fitAll(both, { ...FAST, minFacePx: side })).toHaveLength(1);
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeHalfs } from '../../lib/half-float.js';
import { IMPORTERS } from '../../lib/importers/index.js';
import { pointsOn } from '../../lib/importers/surface.js';
import { create, importModel } from '../../lib/index.js';
import { loadHead } from '../../lib/models/head.js';
import { locateModels } from '../../lib/models/locate.js';
import { readModel } from '../../lib/models/manifest.js';
import type { MorphableModel } from '../../lib/morphable-model.js';
import { bfm2009, bfmFront, flame, gnm, npy } from './head-files.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const coded = (code: string) => expect.objectContaining({ code });
let head: MorphableModel;
let folder: string;
beforeAll(async () => {
  head = await loadHead(await readModel(locateModels(), 'head.safetensors'));
  folder = await mkdtemp(join(tmpdir(), 'hrn-importers-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Largest distance, mm, between numbers of two arrays. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

describe('FLAME', () => {
  it('is read with its joints as blend shapes', async () => {
    const path = join(folder, 'flame2023.npz');
    await writeFile(path, flame(head));
    const model = await IMPORTERS.flame!.read(path);
    expect(model.parts.map(({ name }) => name).sort()).toEqual(['leftEye', 'rightEye', 'skin']);
    expect(model.identity.components).toHaveLength(75);
    expect(model.expression.names).toHaveLength(25 + 11);
    // The parts come in another order, the vertices do not: only teeth and tongue are left out.
    expect(model.vertexCount).toBeLessThan(head.vertexCount);
    expect(apart(model.mean.subarray(0, 300), head.mean.subarray(0, 300))).toBeLessThan(1e-4);
    const component = decodeHalfs(head.identity.halfs, 0, 300);
    expect(apart(model.identity.components[0]!.subarray(0, 300), component)).toBeLessThan(1e-4);
    // An eye that looks up turns about its middle: its front rises, its back sinks.
    const up = model.expression.components[model.expression.names.indexOf('eyeLookUpLeft')]!;
    const heights = Array.from({ length: model.vertexCount }, (_, v) => up[3 * v + 1]!);
    expect(Math.max(...heights)).toBeGreaterThan(3);
    expect(Math.min(...heights)).toBeLessThan(-3);
  });

  it('is read with its landmarks, where they lie beside it', async () => {
    const path = join(folder, 'flame2023.npz');
    await writeFile(join(folder, 'landmark_embedding.npy'), npy(new Float32Array(3), [3]));
    await expect(IMPORTERS.flame!.read(path)).rejects.toEqual(coded('MODEL_FORMAT'));
    await rm(join(folder, 'landmark_embedding.npy'));
  });
});

describe('GNM', () => {
  it('is read in parts, with its names', async () => {
    const path = join(folder, 'gnm_head.npz');
    await writeFile(path, gnm(head));
    const lines = Array.from({ length: 68 }, (_, i) =>
      [0, 1, 2].map((j) => `${head.ibug68.vertices[3 * i + j]} ${head.ibug68.weights[3 * i + j]}`).join(' '),
    );
    await writeFile(join(folder, 'head_sparse_68.txt'), `${lines.join('\n')}\n`);
    const model = await IMPORTERS.gnm!.read(path);
    expect(model.name).toMatch(/not one of the files/);
    expect(model.parts).toHaveLength(6);
    expect(model.expression.names[3]).toBe('lower_face_region_3');
    expect(model.vertexCount).toBe(head.vertexCount);
    expect(apart(pointsOn(model.mean, model.landmarks!), pointsOn(head.mean, head.ibug68))).toBeLessThan(1e-3);
  });
});

describe('the front part of BFM', () => {
  it('is completed and fits a photo', async () => {
    const path = join(folder, 'BFM_model_front.mat');
    await writeFile(path, bfmFront(head, { identity: 40, expression: 52, albedo: 12 }));
    const { model, quality } = await importModel(folder, { as: 'hrn' });
    // It is the embedded head in another's clothes, so everything derived must be the embedded head's again.
    expect(quality.bentMm).toBeLessThan(0.05);
    expect(quality.scale).toBeCloseTo(1, 2);
    expect(model.expression.names[51]).toBe('expression52');
    const far = [...model.dense.sigmaMm].filter((sigma) => sigma > 20).length;
    // Irises: this model has no eyes.
    expect(far).toBeLessThanOrEqual(10);
    const placed = pointsOn(model.mean, model.dense);
    const true478 = pointsOn(head.mean, head.dense);
    const errors = Array.from({ length: 468 }, (_, i) =>
      Math.hypot(
        ...[0, 1, 2].map((k) => placed[3 * i + k]! - placed[3 + k]! - (true478[3 * i + k]! - true478[3 + k]!)),
      ),
    ).sort((a, b) => a - b);
    // What is left is sliding along the surface.
    expect(errors[234]!).toBeLessThan(0.3);
    await using hrn = await create({ model, threads: 2 });
    const face = await hrn.fit(join(root, 'examples', 'astronaut.png'), { textureSize: 256 });
    expect(face.quality.landmarkErrorPercent).toBeLessThan(2);
    expect(Object.keys(face.coefficients.expression)).toContain('expression1');
  }, 120_000);

  it('of another size is refused', async () => {
    const bytes = bfmFront({ ...head, mean: head.mean.map((x) => 3 * x) }, { identity: 2, expression: 2, albedo: 1 });
    const path = join(folder, 'large.mat');
    await writeFile(path, bytes);
    await expect(importModel(path, { as: 'bfm' })).rejects.toEqual(coded('REGISTRATION_FAILED'));
  });
});

describe('BFM 2009 without expressions', () => {
  it('is fitted without them', async () => {
    const path = join(folder, '01_MorphableModel.mat');
    await writeFile(path, bfm2009(head));
    const { model, quality, write } = await importModel(path, { as: 'bfm' });
    expect(quality.bentMm).toBeLessThan(0.05);
    expect(model.expression.count).toBe(0);
    await write(join(folder, 'bfm.safetensors'));
    await using hrn = await create({ model: join(folder, 'bfm.safetensors'), threads: 2 });
    // She smiles.
    const face = await hrn.fit(join(root, 'examples', 'astronaut.png'), { textureSize: 256 });
    expect(face.quality.landmarkErrorPercent).toBeLessThan(6);
    expect(face.warnings.map(({ code }) => code)).toContain('POOR_FIT');
  }, 120_000);
});

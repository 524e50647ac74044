import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { landmarkPositions } from '../bench/accuracy/model-face.js';
import { bestRigid, moved } from '../lib/importers/rigid.js';
import { create, type ImportedHeadModel, importModel, type MorphableModel, type Translation } from '../lib/index.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import { parseModelFile } from '../lib/models/model-file.js';
import { Random } from '../lib/sample/random.js';
import { addBasis } from '../lib/sample/random-head.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const shared = process.env.HRN_SHARED ?? join(root, '..', 'shared');
const ict = join(shared, 'ict', 'ict_facekit_light.npz');
const coded = (code: string) => expect.objectContaining({ code });

describe('importing', () => {
  it('says what it cannot read', async () => {
    const npy = join(root, 'test', 'formats', 'fixtures', 'plain.npz');
    await expect(importModel(npy, { as: 'ict' })).rejects.toEqual(coded('MODEL_FORMAT'));
    await expect(importModel(npy, { as: 'nothing' })).rejects.toEqual(coded('INVALID_OPTION'));
    await expect(importModel(join(root, 'absent.npz'), { as: 'ict' })).rejects.toEqual(coded('MODEL_MISSING'));
  });
});

function translated({ from, rows, variance }: Translation, coefficients: readonly number[]): number[] {
  return Array.from(variance, (_, i) =>
    coefficients.reduce((sum, c, k) => sum + c * rows[i * (1 + from) + 1 + k]!, rows[i * (1 + from)]!),
  );
}

describe.skipIf(!existsSync(ict))('ICT-FaceKit (skipped: ../shared/ict is not here)', () => {
  let imported: ImportedHeadModel;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hrn-import-'));
    imported = await importModel(ict, { as: 'ict' });
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('has the embedded head laid closely over it', () => {
    const { quality, model } = imported;
    expect(quality.bentMm).toBeLessThan(0.1);
    expect(quality.fittedMm).toBeLessThan(0.6);
    expect(quality.landmarksMm).toBeLessThan(0.2);
    expect(model.identity.count).toBe(100);
    expect(model.expression.names).toContain('jawOpen');
    expect(model.expression.names).toContain('mouthSmileLeft');
    expect(new Set(model.parts.map(({ name }) => name)).size).toBe(6);
  });

  it('tells shapes of the embedded head in its own coefficients, and back', async () => {
    const { model } = imported;
    const { identity, expression, embeddedIdentity } = model.kinship!;
    const head = await loadHead(await readModel(locateModels(), 'head.safetensors'));
    expect([identity.from, expression.from, embeddedIdentity.from]).toEqual([120, 52, 100]);
    const random = new Random(17);
    const coefficients = Array.from({ length: 120 }, () => random.normal());
    const told = translated(identity, coefficients);
    const shape = (of: MorphableModel, values: readonly number[]): Float64Array => {
      const positions = of.mean.slice();
      addBasis(positions, of.identity, Float32Array.from(values));
      // Those within the face: the others follow the outline.
      return landmarkPositions(of.ibug68, positions).subarray(3 * 17);
    };
    const apartMm = (a: Float64Array, b: Float64Array): number => {
      const pose = bestRigid(Float32Array.from(a), Float32Array.from(b));
      const there = moved(Float32Array.from(a), pose);
      return Math.sqrt(there.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0) / (a.length / 3));
    };
    const wanted = shape(head, coefficients);
    const usual = apartMm(shape(model, translated(identity, new Array(120).fill(0))), wanted);
    expect(apartMm(shape(model, told), wanted)).toBeLessThan(0.8 * usual);
    expect(apartMm(shape(head, translated(embeddedIdentity, told)), wanted)).toBeLessThan(0.4 * usual);
    // What both name alike is alike.
    const jaw = model.expression.names.indexOf('jawOpen');
    const open = head.expression.names.map((name) => Number(name === 'jawOpen'));
    const closed = head.expression.names.map(() => 0);
    expect(translated(expression, open)[jaw]! - translated(expression, closed)[jaw]!).toBeGreaterThan(0.6);
  });

  it('is the same head after a walk through its file, and fits a photo', async () => {
    const path = join(folder, 'ict.safetensors');
    await imported.write(path);
    const bytes = await readFile(path);
    const { model, licence } = parseModelFile(bytes);
    // Not toEqual(): on arrays of millions that takes minutes.
    const bytesOf = (m: typeof model) =>
      [m.mean, m.identity.halfs, m.expression.halfs, m.albedo.mean, m.albedo.halfs, m.triangles, m.uvs, m.mirror]
        .concat([m.dense.vertices, m.dense.weights, m.ibug68.vertices, m.regions, m.deformable] as never)
        .map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength));
    const original = bytesOf(imported.model);
    for (const [i, array] of bytesOf(model).entries()) expect(array.equals(original[i]!)).toBe(true);
    expect(model.expression.names).toEqual(imported.model.expression.names);
    expect(model.parts).toEqual(imported.model.parts);
    expect(model.kinship).toEqual(imported.model.kinship);
    expect(licence).toMatch(/^MIT/);
    await using hrn = await create({ model: path, threads: 2 });
    const face = await hrn.fit(join(root, 'examples', 'astronaut.png'), { textureSize: 256 });
    expect(face.mesh.positions).toHaveLength(3 * model.vertexCount);
    expect(face.quality.landmarkErrorPercent).toBeLessThan(2);
    const damaged = join(folder, 'damaged.safetensors');
    await writeFile(damaged, bytes.subarray(0, 1000));
    await using broken = await create({ model: damaged });
    await expect(broken.fit(join(root, 'examples', 'astronaut.png'))).rejects.toEqual(coded('MODEL_CORRUPT'));
  }, 120_000);
});

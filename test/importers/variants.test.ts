import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { IMPORTERS } from '../../lib/importers/index.js';
import { importModel } from '../../lib/index.js';
import { matlab } from './head-files.js';

const fixtures = fileURLToPath(new URL('fixtures/', import.meta.url));
const coded = (code: string) => expect.objectContaining({ code });
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-variants-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const floats = (...values: number[]) => Float32Array.from(values);

it('BFM 2009, with the expressions that others made for it', async () => {
  const V = 4;
  const rows = 3 * V;
  const columns = (count: number, value: (row: number, k: number) => number) => ({
    rows,
    data: Float32Array.from({ length: rows * count }, (_, i) => value(Math.floor(i / count), i % count)),
  });
  const path = join(folder, '01_MorphableModel.mat');
  const model = {
    shapeMU: columns(1, (row) => 1000 * row),
    shapePC: columns(2, (row, k) => row + k),
    shapeEV: { rows: 2, data: floats(3000, 500) },
    texMU: columns(1, () => 51),
    texPC: columns(1, (row) => row / 11),
    texEV: { rows: 1, data: floats(25.5) },
    tl: { rows: 2, data: floats(1, 2, 3, 2, 3, 4) },
  };
  await writeFile(path, matlab(model));
  const neutral = await IMPORTERS.bfm!.read(path);
  expect([...neutral.mean]).toEqual(Array.from({ length: rows }, (_, i) => i));
  expect([...neutral.triangles]).toEqual([0, 1, 2, 1, 2, 3]);
  expect([...neutral.identity.components[0]!.subarray(0, 3)]).toEqual([0, 3, 6]);
  expect(neutral.identity.components[1]![2]).toBeCloseTo(1.5);
  expect(neutral.albedo!.mean[5]).toBeCloseTo(0.2);
  expect(neutral.albedo!.components[0]![11]).toBeCloseTo(0.1);
  expect(neutral.expression.components).toEqual([]);

  // Of vertices 2 and 4: a mean, which counts for nothing, and two components.
  const numbers = floats(...[9, 9, 9, 9, 9, 9], ...[1, 2, 3, 4, 5, 6], ...[0, 0, 0, 0, 0, 7]);
  await writeFile(join(folder, 'Exp_Pca.bin'), Buffer.concat([Buffer.from([2, 0, 0, 0]), Buffer.from(numbers.buffer)]));
  await writeFile(join(folder, 'std_exp.txt'), '2000 1000 500\n');
  await writeFile(join(folder, 'BFM_exp_idx.mat'), matlab({ trimIndex: { rows: 2, data: floats(2, 4) } }));
  const { expression } = await IMPORTERS.bfm!.read(path);
  expect(expression.names).toEqual(['expression1', 'expression2']);
  expect([...expression.components[0]!]).toEqual([0, 0, 0, 2, 4, 6, 0, 0, 0, 8, 10, 12]);
  expect(expression.components[1]![11]).toBe(7);
  await writeFile(join(folder, 'BFM_exp_idx.mat'), matlab({ trimIndex: { rows: 2, data: floats(2, 5) } }));
  await expect(IMPORTERS.bfm!.read(path)).rejects.toEqual(coded('MODEL_FORMAT'));
});

it('BFM 2017 and 2019', async () => {
  const model = await IMPORTERS.bfm!.read(join(fixtures, 'model2017.h5'));
  // The expressions' mean belongs to the neutral face.
  expect([...model.mean.subarray(0, 3)]).toEqual([0.5, 1.5, 2.5]);
  expect([...model.triangles]).toEqual([0, 1, 2, 1, 2, 4]);
  // Components times their deviations: 2 and a half.
  expect([...model.identity.components[0]!.subarray(0, 3)]).toEqual([0, 0.75, 1.5]);
  expect([...model.identity.components[1]!.subarray(0, 2)]).toEqual([0.0625, 0.25]);
  expect(model.expression.names).toEqual(['expression1', 'expression2']);
  expect(model.albedo!.mean[14]).toBeCloseTo(0.7);
});

it('FLAME as a pickle of chumpy arrays, with its masks', async () => {
  const model = await IMPORTERS.flame!.read(join(fixtures, 'generic_model.pkl'));
  expect(model.parts.map(({ name }) => name)).toEqual(['skin', 'leftEye', 'rightEye']);
  expect(model.identity.components).toHaveLength(45);
  expect(model.expression.names).toHaveLength(15 + 11);
  expect(model.identity.components[0]![0]).toBeCloseTo(1);
  expect(model.expression.components[0]![1]).toBeCloseTo(2);
  expect(model.regions!.slice(0, 7)).toEqual([undefined, 'nose', undefined, undefined, 'nose', 'scalp', undefined]);
  // Half of the vertex in the middle follows the jaw, whose joint has no vertices here: it turns about the origin.
  const jaw = model.expression.components[model.expression.names.indexOf('jawOpen')]!;
  expect(jaw[3 * 4 + 1]).toBeCloseTo(50 * (Math.cos(0.4) - 1), 3);
  expect(jaw[3 * 4 + 2]).toBeCloseTo(50 * Math.sin(0.4), 3);
  expect(jaw[1]).toBe(0);
});

it('FLAME with masks of another mesh is refused', async () => {
  await copyFile(join(fixtures, 'generic_model.pkl'), join(folder, 'generic_model.pkl'));
  await writeFile(join(folder, 'FLAME_masks.pkl'), Buffer.from("(dp0\nS'nose'\np1\nI7\ns."));
  await expect(IMPORTERS.flame!.read(join(folder, 'generic_model.pkl'))).rejects.toEqual(coded('MODEL_FORMAT'));
});

it('ICT-FaceKit as a folder of OBJ files', async () => {
  const V = 26_719;
  const obj = (shift: number, faces: boolean) => {
    const lines = Array.from({ length: V }, (_, v) => `v ${(v % 100) / 10 + shift} ${Math.floor(v / 100) / 10} 0`);
    return `${lines.join('\n')}\n${faces ? 'f 1 2 102 101\nf 21500 21501 21502\nf 18000 18001 18002\nf 20000 20001 20002\n' : ''}`;
  };
  const path = join(folder, 'FaceXModel');
  await mkdir(path);
  await writeFile(join(path, 'identity000.obj'), obj(0.2, false));
  await expect(IMPORTERS.ict!.read(path)).rejects.toThrow(/generic_neutral_mesh\.obj.*github\.com\/USC-ICT/);
  await writeFile(join(path, 'generic_neutral_mesh.obj'), obj(0, true));
  await writeFile(join(path, 'mouthSmile_L.obj'), obj(0.1, false));
  await writeFile(join(path, 'still.obj'), obj(0, false));
  const model = await IMPORTERS.ict!.read(path);
  expect(model.parts.map(({ name, triangleCount }) => [name, triangleCount])).toEqual([
    ['skin', 2],
    ['leftEye', 1],
    ['lowerTeeth', 1],
    ['upperTeeth', 1],
  ]);
  expect(model.expression.names).toEqual(['mouthSmileLeft']);
  expect(model.expression.components[0]![0]).toBeCloseTo(1);
  expect(model.identity.components[0]![3]).toBeCloseTo(2);
});

it.each(Object.keys(IMPORTERS))('%s says what it expected and where that comes from', async (as) => {
  const path = join(folder, 'other.bin');
  await writeFile(path, 'nothing of the kind');
  await expect(importModel(path, { as })).rejects.toThrow(IMPORTERS[as]!.source);
  await expect(importModel(join(folder, 'absent'), { as })).rejects.toEqual(coded('MODEL_MISSING'));
  await expect(importModel(path, { as })).rejects.toEqual(
    expect.objectContaining({ code: expect.stringMatching(/^MODEL_/) }),
  );
});

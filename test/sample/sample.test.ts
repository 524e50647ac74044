import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sample, sample, writeSample } from '../../lib/sample.js';

let folder: string;
let first: Sample;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hrn-sample-'));
  first = await sample({ seed: 7, size: 256 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('sample', () => {
  it('follows from the seed alone', async () => {
    const again = await sample({ seed: 7, size: 256, model: first.model });
    expect(again.image.data).toEqual(first.image.data);
    expect(again.camera).toEqual(first.camera);
    const other = await sample({ seed: 8, size: 256, model: first.model });
    expect(other.image.data).not.toEqual(first.image.data);
  });

  it('keeps the head when only size and pose change', async () => {
    const larger = await sample({ seed: 7, size: 320, yawDegrees: 20, model: first.model });
    expect(larger.head.positions).toEqual(first.head.positions);
    expect(larger.camera.anglesDegrees.yaw).toBe(20);
  });

  it('draws the head where its camera says', () => {
    // Behind every landmark of the inner face lies skin, not backdrop: its colour is near the mean of its surroundings.
    const { model, head, camera, image } = first;
    const p = camera.projection;
    const { vertices, weights } = model.ibug68;
    for (let l = 27; l < 36; l++) {
      const point = [0, 0, 0];
      for (let j = 0; j < 3; j++) {
        for (let k = 0; k < 3; k++) point[k]! += weights[3 * l + j]! * head.positions[3 * vertices[3 * l + j]! + k]!;
      }
      const row = (o: number): number => p[o]! * point[0]! + p[o + 1]! * point[1]! + p[o + 2]! * point[2]! + p[o + 3]!;
      const x = Math.floor(row(0) / row(8));
      const y = Math.floor(row(4) / row(8));
      expect(x).toBeGreaterThan(0.2 * image.width);
      expect(x).toBeLessThan(0.8 * image.width);
      const [red, , blue] = image.data.subarray(3 * (y * image.width + x));
      expect(red!).toBeGreaterThan(blue!);
    }
  });

  it('writes picture and truth that agree', async () => {
    const paths = await writeSample(first, path.join(folder, 'new'), 'face');
    expect(paths.map((file) => path.basename(file))).toEqual(['face.png', 'face.obj', 'face.json']);
    const png = await sharp(paths[0]!).raw().toBuffer();
    expect(new Uint8Array(png)).toEqual(first.image.data);
    const truth = JSON.parse(await readFile(paths[2]!, 'utf8'));
    expect(truth.camera.projection).toHaveLength(12);
    expect(truth.seed).toBe(7);
    expect(Object.keys(truth.coefficients.expression)).toHaveLength(52);
    const lines = (await readFile(paths[1]!, 'utf8')).split('\n');
    const vertices = lines.filter((line) => line.startsWith('v '));
    expect(vertices).toHaveLength(truth.mesh.vertices);
    expect(lines.filter((line) => line.startsWith('f '))).toHaveLength(truth.mesh.triangles);
    expect(Number(vertices[100]!.split(' ')[1])).toBeCloseTo(first.head.positions[300]!, 4);
  });

  it('refuses what it cannot draw', async () => {
    await expect(sample({ seed: 0.5 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(sample({ seed: 1, size: 20 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(sample({ seed: 1, yawDegrees: Number.NaN })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

// `detail: 'high'`: the map, the finer mesh, and what the files hold of them.
import { NodeIO } from '@gltf-transform/core';
import { validateBytes } from 'gltf-validator';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeDisplacement } from '../lib/exporters/displacement-map.js';
import * as hrn from '../lib/index.js';

let instance: hrn.Hrn;
let face: hrn.Reconstruction;

beforeAll(async () => {
  instance = await hrn.create({ threads: 2 });
  const { image } = await hrn.sample({ seed: 3, size: 512 });
  face = await instance.fit(image, { detail: 'high', displacementSize: 512, highTriangles: 60_000, textureSize: 256 });
}, 120_000);
afterAll(() => instance.dispose());

describe('detail high', () => {
  it('has a map of heights in mm, 0 where the face ends', () => {
    const map = face.displacementMap!;
    expect(map.size).toBe(512);
    expect(map.data.length).toBe(512 * 512);
    expect(map.data.every((h) => Math.abs(h) < 4)).toBe(true);
    expect(map.data.some((h) => h !== 0)).toBe(true);
    expect(map.seen.every((s) => s >= 0 && s <= 1)).toBe(true);
    expect(map.data[0]).toBe(0);
  });

  it('has a finer mesh whose first vertices are those of the mesh, displaced', () => {
    const { mesh, levels } = face;
    const high = levels.high!;
    expect(Math.abs(high.indices.length / 3 / 60_000 - 1)).toBeLessThan(0.1);
    expect(high.parts.map(({ name }) => name)).toEqual(mesh.parts.map(({ name }) => name));
    expect(high.uvs.length / 2).toBe(high.positions.length / 3);
    expect(levels.medium).toBe(mesh.positions);
    for (let i = 0; i < mesh.positions.length; i++) {
      expect(Math.abs(high.positions[i]! - mesh.positions[i]!)).toBeLessThan(4);
    }
  });

  it('is in a GLB as a normal map with unit tangents across the normals', async () => {
    const bytes = await face.encode('glb', { targets: 'none' });
    const { issues } = await validateBytes(bytes);
    expect(issues.messages.filter(({ severity }) => severity < 2)).toEqual([]);
    const document = await new NodeIO().readBinary(bytes);
    const skin = document
      .getRoot()
      .listMeshes()[0]!
      .listPrimitives()
      .find((primitive) => primitive.getMaterial()?.getName() === 'skin')!;
    expect(skin.getMaterial()!.getNormalTexture()!.getSize()).toEqual([512, 512]);
    const [tangents, normals] = ['TANGENT', 'NORMAL'].map((name) => skin.getAttribute(name)!.getArray()!);
    for (let v = 0; v < tangents!.length / 4; v++) {
      const t = [0, 1, 2, 3].map((k) => tangents![4 * v + k]!);
      expect(Math.hypot(t[0]!, t[1]!, t[2]!)).toBeCloseTo(1, 3);
      expect(Math.abs(t[3]!)).toBe(1);
      const along = [0, 1, 2].reduce((sum, k) => sum + t[k]! * normals![3 * v + k]!, 0);
      expect(Math.abs(along)).toBeLessThan(0.15);
    }
  });

  it('wears other expressions, and is itself with those of the photo', async () => {
    const high = face.levels.high!;
    const same = await face.posed(face.coefficients.expression);
    expect(same.indices).toBe(high.indices);
    let off = 0;
    same.positions.forEach((value, i) => {
      off = Math.max(off, Math.abs(value - high.positions[i]!));
    });
    expect(off).toBeLessThan(1e-3);
    const open = await face.posed({ jawOpen: 1 });
    // The vertex at the chin's landmark goes down with the jaw.
    const landmark = face.landmarks.positions.subarray(3 * 8, 3 * 9);
    const from = (v: number): number => Math.hypot(...[0, 1, 2].map((k) => high.positions[3 * v + k]! - landmark[k]!));
    let chin = 0;
    for (let v = 1; v < high.positions.length / 3; v++) if (from(v) < from(chin)) chin = v;
    expect(from(chin)).toBeLessThan(2);
    expect(open.positions[3 * chin + 1]!).toBeLessThan(high.positions[3 * chin + 1]! - 10);
    await expect(face.posed({ grin: 1 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(face.posed({ jawOpen: Number.NaN })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('is in a PLY as the finer mesh', async () => {
    const header = Buffer.from(await face.encode('ply')).toString('latin1', 0, 400);
    expect(header).toContain(`element vertex ${face.levels.high!.positions.length / 3}`);
  });

  it('is in a PNG of 16 bits whose scale the JSON has', async () => {
    const map = face.displacementMap!;
    const image = sharp(await encodeDisplacement(map))
      .toColourspace('grey16')
      .raw({ depth: 'ushort' });
    const { data, info } = await image.toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 512, height: 512, channels: 1 });
    const values = new Uint16Array(data.buffer, data.byteOffset, 512 * 512);
    const { zero, mmPerStep, size, solvedSize } = face.toJSON().displacementMap!;
    expect({ zero, mmPerStep, size, solvedSize }).toEqual({
      zero: 32768,
      mmPerStep: 1 / 8000,
      size: 512,
      solvedSize: map.solvedSize,
    });
    let off = 0;
    values.forEach((value, i) => {
      off = Math.max(off, Math.abs((value - zero) * mmPerStep - map.data[i]!));
    });
    expect(off).toBeLessThan(0.51 * mmPerStep);
  });
});

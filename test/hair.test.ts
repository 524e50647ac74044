/** A volume of hair: where it is, what it leaves free, and how a GLB holds it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NodeIO } from '@gltf-transform/core';
import { EXTTextureWebP } from '@gltf-transform/extensions';
import { validateBytes } from 'gltf-validator';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create, type Hrn } from '../lib/hrn.js';
import { REGION_NAMES, type RegionName } from '../lib/morphable-model.js';
import { native } from '../lib/native/load.js';
import { renderPreview } from '../lib/preview.js';
import { renderVisibility } from '../lib/render.js';
import type { Reconstruction } from '../lib/result.js';
import type { Hair, ReconstructionData } from '../lib/result-data.js';
import { sample } from '../lib/sample.js';

const PHOTO = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
const SIZE = 256;
const DISTANCE_MM = 1200;

let hrn: Hrn;
let face: Reconstruction;
let hair: Hair;
const context = new (native().Context)({ threads: 2 });
beforeAll(async () => {
  hrn = await create({ device: 'cpu', threads: 2 });
  face = await hrn.fit(PHOTO, { hair: true, detail: 'coarse', textureSize: 256 });
  hair = face.hair!;
});
afterAll(async () => {
  await hrn.dispose();
  context.dispose();
});

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'hrn-hair-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** Of the pixels that show these regions of the bald head, the share that hair covers, seen from an angle. */
async function covered(regions: readonly RegionName[], yawDegrees: number): Promise<number> {
  const { mesh, model } = face;
  const [cos, sin] = [Math.cos((yawDegrees * Math.PI) / 180), Math.sin((yawDegrees * Math.PI) / 180)];
  const rotation = [cos, 0, sin, 0, -1, 0, sin, 0, -cos];
  const centre = [0, 0, -60];
  const place = [0, 1, 2].map((row) => centre.reduce((sum, v, k) => sum + rotation[3 * row + k]! * v, 0));
  const view = {
    pose: {
      rotation,
      translation: [-place[0]!, -place[1]!, DISTANCE_MM - place[2]!] as [number, number, number],
    },
    camera: { focalLengthPx: (SIZE * DISTANCE_MM) / 330, principalPointPx: [SIZE / 2, SIZE / 2] as [number, number] },
    width: SIZE,
    height: SIZE,
  };
  const count = mesh.positions.length / 3;
  const both = {
    positions: Float32Array.from([...mesh.positions, ...hair.positions]),
    indices: Uint32Array.from([...mesh.indices, ...hair.indices.map((i) => i + count)]),
  };
  const options = { cullBackFaces: false };
  const bald = await renderVisibility(context, mesh, view, options);
  const haired = await renderVisibility(context, both, view, options);
  const wanted = new Set(regions.map((name) => REGION_NAMES.indexOf(name)));
  let [shown, hidden] = [0, 0];
  bald.triangleId.forEach((triangle, pixel) => {
    if (triangle < 0 || !wanted.has(model.regions[mesh.indices[3 * triangle]!]!)) return;
    shown++;
    if (haired.triangleId[pixel]! >= mesh.indices.length / 3) hidden++;
  });
  expect(shown).toBeGreaterThan(200);
  return hidden / shown;
}

describe('hair', () => {
  it('encloses the scalp from behind and from both sides', async () => {
    expect(await covered(['scalp'], 180)).toBeGreaterThan(0.9);
    expect(await covered(['scalp'], 90)).toBeGreaterThan(0.8);
    expect(await covered(['scalp'], -90)).toBeGreaterThan(0.8);
  });

  it('leaves the face free', async () => {
    for (const yaw of [-30, 0, 30]) expect(await covered(['nose', 'mouth', 'eyes', 'chin'], yaw)).toBeLessThan(0.01);
    expect(await covered(['cheeks'], 0)).toBeLessThan(0.05);
    expect(await covered(['neck'], 0)).toBeLessThan(0.05);
  });

  it('stands out by centimetres, in the colour of the photo', async () => {
    const half = (positions: Float32Array) => Math.max(...positions.filter((_, i) => i % 3 === 0));
    const out = half(hair.positions) - half(face.mesh.positions);
    expect(out).toBeGreaterThan(5);
    expect(out).toBeLessThan(50);
    const { data } = hair.texture;
    const mean = [0, 1, 2].map(
      (k) => data.filter((_, i) => i % 3 === k).reduce((sum, v) => sum + v, 0) / (data.length / 3),
    );
    // Fair: not black, redder than blue.
    expect(mean[0]).toBeGreaterThan(60);
    expect(mean[0]! - mean[2]!).toBeGreaterThan(15);
  });

  it.each([
    ['as it is', {}],
    ['without skeleton and eyes', { skeleton: false, eyeParts: false }],
    ['with WebP, without targets', { textureFormat: 'webp', targets: 'none' }],
  ] as const)('is a node of its own in a valid GLB: %s', async (_, options) => {
    const bytes = await face.encode('glb', options);
    expect((await validateBytes(bytes)).issues.messages).toEqual([]);
    const document = await new NodeIO().registerExtensions([EXTTextureWebP]).readBinary(bytes);
    const node = document
      .getRoot()
      .listNodes()
      .find((one) => one.getName() === 'hair')!;
    const [primitive] = node.getMesh()!.listPrimitives();
    expect(primitive!.getAttribute('POSITION')!.getCount()).toBe(hair.positions.length / 3);
    expect(primitive!.getIndices()!.getCount()).toBe(hair.indices.length);
    expect(primitive!.getMaterial()!.getBaseColorTexture()!.getSize()).toEqual([1024, 512]);
  });

  it('is not made up for a bald head, and is the same whatever the threads', async () => {
    const { image } = await sample({ seed: 3, size: 512 });
    expect((await hrn.fit(image, { hair: true, detail: 'coarse', textureSize: 256 })).hair).toBeUndefined();
    await using one = await create({ device: 'cpu', threads: 1 });
    const again = await one.fit(PHOTO, { hair: true, detail: 'coarse', textureSize: 256 });
    expect(Buffer.from(again.hair!.texture.data).equals(Buffer.from(hair.texture.data))).toBe(true);
    expect(again.hair!.positions).toEqual(hair.positions);
  });

  it('follows the head in OBJ, PLY and USDZ', async () => {
    const [count, own] = [face.mesh.positions.length / 3, hair.positions.length / 3];
    await using folder = await temporaryFolder();
    await face.write(join(folder.path, 'x.obj'));
    const text = await readFile(join(folder.path, 'x.obj'), 'utf8');
    expect(text.match(/^v /gm)).toHaveLength(count + own);
    const [, after] = text.split('g hair\nusemtl hair\n') as [string, string];
    const corners = [...after.matchAll(/ (\d+)\/\1\/\1/g)].map(([, n]) => Number(n) - 1 - count);
    expect(corners).toEqual([...hair.indices]);
    const material = (await readFile(join(folder.path, 'x.mtl'), 'utf8')).split('newmtl hair')[1]!;
    const [, texture] = /map_Kd (.*)/.exec(material)!;
    expect(await sharp(join(folder.path, texture!)).metadata()).toMatchObject({ width: 1024, height: 512 });

    const ply = Buffer.from(await face.encode('ply'));
    const end = ply.indexOf('end_header\n') + 'end_header\n'.length;
    expect(ply.subarray(0, end).toString()).toContain(`element vertex ${count + own}\n`);
    const stride = 8 * 4 + 3 + (face.evidence ? 4 : 0);
    for (const v of [0, own - 1]) {
      const at = end + stride * (count + v);
      expect([0, 4, 8].map((k) => ply.readFloatLE(at + k))).toEqual([...hair.positions.subarray(3 * v, 3 * v + 3)]);
      if (face.evidence) expect(ply.readFloatLE(at + stride - 4)).toBe(0);
    }
    const last = ply.length - 13 * (hair.indices.length / 3);
    expect(ply.readInt32LE(last + 1)).toBe(count + hair.indices[0]!);

    const usdz = Buffer.from(await face.encode('usdz'));
    expect(usdz.includes('def Mesh "hair"')).toBe(true);
    expect(usdz.includes('asset inputs:file = @hair.jpg@')).toBe(true);
  });

  it('is seen in previews', async () => {
    const { hair: _, ...bald } = face;
    const panels = async (result: ReconstructionData) =>
      sharp(await renderPreview(result))
        .raw()
        .toBuffer();
    const [with_, without] = [await panels(face), await panels(bald as ReconstructionData)];
    const side = 512 + 6;
    const width = 5 * side - 6;
    const differing = [0, 0, 0, 0, 0];
    for (let i = 0; i < with_.length; i += 3) {
      const panel = Math.floor(((i / 3) % width) / side);
      if (Math.abs(with_[i]! - without[i]!) > 20) differing[panel]!++;
    }
    // Photo and shapes are the same, the head is not.
    expect(differing.slice(0, 3)).toEqual([0, 0, 0]);
    for (const count of differing.slice(3)) expect(count / 512 ** 2).toBeGreaterThan(0.05);
  });
});

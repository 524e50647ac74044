import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeIO } from '@gltf-transform/core';
import { validateBytes } from 'gltf-validator';
import sharp from 'sharp';
import type { Mesh as ThreeMesh } from 'three';
import { MTLLoader } from 'three/examples/jsm/loaders/MTLLoader.js';
import { OBJLoader } from 'three/examples/jsm/loaders/OBJLoader.js';
import { PLYLoader } from 'three/examples/jsm/loaders/PLYLoader.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exporterFor, FORMATS } from '../lib/exporters/index.js';
import { rimOf } from '../lib/exporters/neck-rim.js';
import { sampleTexture } from '../lib/exporters/ply.js';
import { roughnessMap } from '../lib/exporters/roughness-map.js';
import { vertexNormals } from '../lib/exporters/vertex-normals.js';
import { halfTable } from '../lib/half-float.js';
import { loadHead } from '../lib/models/head.js';
import { REGION_NAMES, type RegionName } from '../lib/morphable-model.js';
import { native } from '../lib/native/load.js';
import { Reconstruction } from '../lib/result.js';
import { syntheticHead } from './synthetic-head.js';

const head = syntheticHead();
const vertexCount = head.mesh.positions.length / 3;
/** The synthetic head's expressions as Apple lists them. */
const APPLES_ORDER = ['eyeBlinkLeft', 'jawOpen', 'mouthSmileLeft', 'browInnerUp', 'tongueOut'];
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-exporters-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Largest absolute difference of two arrays of the same length. */
function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let most = 0;
  for (let i = 0; i < actual.length; i++)
    most = Math.max(most, Math.abs((actual[i] as number) - (expected[i] as number)));
  return most;
}

describe('roughness of the skin', () => {
  it('is least on lips and nose, most on neck and scalp, and has no steps', async () => {
    const model = await loadHead(await readFile(new URL('../models/head.safetensors', import.meta.url)));
    const map = await roughnessMap(model, (problem) => native().layoutMap(problem).promise);
    const of = (region: RegionName) => {
      const values: number[] = [];
      for (let v = 0; v < model.vertexCount; v++) {
        if (REGION_NAMES[model.regions[v]!] !== region || v % 7 !== 0) continue;
        values.push(sampleTexture(map, model.uvs[2 * v]!, model.uvs[2 * v + 1]!, 1) / 255);
      }
      return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
    };
    for (const [smooth, rough] of [
      ['nose', 'cheeks'],
      ['forehead', 'neck'],
      ['cheeks', 'scalp'],
    ] as const)
      expect(of(smooth)).toBeLessThan(of(rough) - 0.04);
    const values = Array.from({ length: map.width * map.height }, (_, i) => map.data[3 * i + 1]! / 255);
    expect(Math.min(...values)).toBeGreaterThan(0.38);
    expect(Math.max(...values)).toBeLessThan(0.78);
    // Metal there is none.
    expect(values.every((_, i) => map.data[3 * i + 2] === 0)).toBe(true);
  });
});

describe('the rim of the neck', () => {
  it('is one closed loop below the chin that expressions leave alone', async () => {
    const model = await loadHead(await readFile(new URL('../models/head.safetensors', import.meta.url)));
    const skin = model.parts.find(({ name }) => name === 'skin')!;
    const corners = model.triangles.subarray(3 * skin.firstTriangle, 3 * (skin.firstTriangle + skin.triangleCount));
    const rim = rimOf(corners);
    expect(rim).toHaveLength(84);
    expect(new Set(rim).size).toBe(84);
    for (const v of rim) expect(model.mean[3 * v + 1]).toBeLessThan(-110);
    const { halfs, count } = model.expression;
    const millimetres = halfTable();
    let most = 0;
    for (const v of rim) {
      for (let k = 0; k < count; k++) {
        const at = 3 * (k * model.vertexCount + v);
        most = Math.max(most, Math.hypot(...[0, 1, 2].map((i) => millimetres[halfs[at + i]!]!)));
      }
    }
    expect(most).toBeLessThan(0.5);
    expect(rimOf(Uint32Array.of(0, 1, 2, 3, 4, 5))).toEqual([]);
    expect(rimOf(Uint32Array.of(0, 1, 2, 0, 2, 1))).toEqual([]);
  });
});

describe('registry', () => {
  it('knows its formats in any letter case', async () => {
    expect(FORMATS).toEqual(['glb', 'obj', 'stl', 'usdz', 'ply']);
    expect((await exporterFor('a/B.GLB')).extension).toBe('.glb');
  });

  it.each(['x.fbx', 'x', 'x.constructor', '.glb'])('refuses %s and names the formats', async (path) => {
    await expect(head.write(join(folder, path))).rejects.toMatchObject({
      code: 'UNSUPPORTED_FORMAT',
      message: expect.stringContaining('.glb, .obj, .stl, .usdz, .ply'),
    });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('GLB', () => {
  let bytes: Uint8Array;
  beforeAll(async () => {
    await head.write(join(folder, 'a.glb'));
    bytes = await readFile(join(folder, 'a.glb'));
  });

  it('says who made it and in which unit', () => {
    const jsonLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true);
    const json = JSON.parse(Buffer.from(bytes.subarray(20, 20 + jsonLength)).toString());
    expect(json.asset).toMatchObject({ version: '2.0', generator: expect.stringMatching(/^hrn \d/) });
    expect(json.meshes[0].extras).toMatchObject({ units: 'metres', scaleSource: 'iris' });
  });

  it('passes the Khronos validator without a message', async () => {
    const { issues } = await validateBytes(bytes);
    expect(issues.messages).toEqual([]);
  });

  it('has one mesh, a primitive and material per part, named morph targets and the fitted weights', async () => {
    const root = (await new NodeIO().readBinary(bytes)).getRoot();
    const [mesh, ...otherMeshes] = root.listMeshes();
    expect(otherMeshes).toEqual([]);
    expect(mesh!.listPrimitives().map((primitive) => primitive.getMaterial()!.getName())).toEqual(
      head.mesh.parts.map((part) => part.name),
    );
    expect(mesh!.getExtras().targetNames).toEqual(APPLES_ORDER);
    expect(maxDifference(mesh!.getWeights(), [0, 0.4, 0.25, 0, 0])).toBeLessThan(1e-12);
    const [node] = root.listNodes();
    expect(node!.getMatrix()).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  });

  it('shows the fitted mesh at its default weights and keeps triangles, UVs and texture', async () => {
    const root = (await new NodeIO().readBinary(bytes)).getRoot();
    const mesh = root.listMeshes()[0]!;
    const weights = mesh.getWeights();
    let part = 0;
    for (const primitive of mesh.listPrimitives()) {
      const { firstIndex, indexCount } = head.mesh.parts[part++]!;
      const corners = head.mesh.indices.subarray(firstIndex, firstIndex + indexCount);
      const indices = primitive.getIndices()!.getArray()!;
      const shown = (semantic: 'POSITION' | 'NORMAL', corner: number): number[] => {
        const point = primitive.getAttribute(semantic)!.getElement(indices[corner]!, []) as number[];
        primitive.listTargets().forEach((target, k) => {
          const offset = target.getAttribute(semantic)!.getElement(indices[corner]!, []) as number[];
          for (let i = 0; i < 3; i++) point[i] = point[i]! + weights[k]! * offset[i]!;
        });
        return point;
      };
      expect(indices.length).toBe(indexCount);
      for (let corner = 0; corner < indexCount; corner += 7) {
        const vertex = corners[corner]!;
        const metres = [...head.mesh.positions.subarray(3 * vertex, 3 * vertex + 3)].map((mm) => mm / 1000);
        expect(maxDifference(shown('POSITION', corner), metres)).toBeLessThan(1e-7);
        const uv = primitive.getAttribute('TEXCOORD_0')!.getElement(indices[corner]!, []);
        expect(uv).toEqual([...head.mesh.uvs.subarray(2 * vertex, 2 * vertex + 2)]);
        // Normals add only to first order, so the shown ones are close, not equal.
        expect(
          maxDifference(shown('NORMAL', corner), head.mesh.normals.subarray(3 * vertex, 3 * vertex + 3)),
        ).toBeLessThan(0.05);
      }
    }
    const image = await sharp(root.listTextures()[0]!.getImage()!).raw().toBuffer({ resolveWithObject: true });
    expect(image.info).toMatchObject({ width: 256, height: 256, channels: 3 });
    expect(maxDifference(image.data, head.texture.data)).toBeLessThan(12);
  });

  it('is the same file for the same result', async () => {
    await head.write(join(folder, 'b.glb'));
    expect(Buffer.compare(await readFile(join(folder, 'b.glb')), bytes)).toBe(0);
  });
});

describe('OBJ', () => {
  it('is read back by an independent parser: vertices, UVs, normals, parts, texture', async () => {
    await head.write(join(folder, 'my head.obj'));
    const text = await readFile(join(folder, 'my head.obj'), 'utf8');
    expect(text).toContain('mtllib my head.mtl\n');

    const group = new OBJLoader().parse(text);
    expect(group.children.map((child) => child.name)).toEqual(head.mesh.parts.map((part) => part.name));
    group.children.forEach((child, i) => {
      const { firstIndex, indexCount, name } = head.mesh.parts[i]!;
      const { geometry, material } = child as ThreeMesh;
      expect(material).toMatchObject({ name });
      const corners = head.mesh.indices.subarray(firstIndex, firstIndex + indexCount);
      const expand = (values: Float32Array, width: number) =>
        Float32Array.from(
          { length: indexCount * width },
          (_, j) => values[corners[Math.floor(j / width)]! * width + (j % width)]!,
        );
      expect(maxDifference(geometry.getAttribute('position').array, expand(head.mesh.positions, 3))).toBeLessThan(1e-5);
      expect(maxDifference(geometry.getAttribute('normal').array, expand(head.mesh.normals, 3))).toBeLessThan(1e-4);
      const uvs = expand(head.mesh.uvs, 2).map((value, j) => (j % 2 ? 1 - value : value));
      expect(maxDifference(geometry.getAttribute('uv').array, uvs)).toBeLessThan(1e-5);
    });

    const materials = new MTLLoader().parse(await readFile(join(folder, 'my head.mtl'), 'utf8'), '') as unknown as {
      materialsInfo: Record<string, Record<string, string>>;
    };
    expect(Object.keys(materials.materialsInfo)).toEqual(head.mesh.parts.map((part) => part.name));
    for (const material of Object.values(materials.materialsInfo)) expect(material.map_kd).toBe('my head_texture.png');
    const image = await sharp(join(folder, 'my head_texture.png')).raw().toBuffer();
    expect(Buffer.compare(image, head.texture.data)).toBe(0);
  });

  it('keeps the vertex order of mesh.positions', async () => {
    await head.write(join(folder, 'order.obj'));
    const text = await readFile(join(folder, 'order.obj'), 'utf8');
    const vertices = [...text.matchAll(/^v (.*)$/gm)].flatMap((match) => match[1]!.split(' ').map(Number));
    expect(vertices.length).toBe(3 * vertexCount);
    expect(maxDifference(vertices, head.mesh.positions)).toBeLessThan(1e-5);
  });

  it('survives a line break in the name', async () => {
    await head.write(join(folder, 'two\nlines.obj'));
    expect(await readFile(join(folder, 'two\nlines.obj'), 'utf8')).toContain('mtllib two_lines.mtl\n');
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['two_lines.mtl', 'two_lines_texture.png']));
  });
});

describe('PLY', () => {
  it('is read back by an independent parser, with the texture as vertex colours', async () => {
    await head.write(join(folder, 'a.ply'));
    const bytes = await readFile(join(folder, 'a.ply'));
    const geometry = new PLYLoader().parse(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
    );
    expect(maxDifference(geometry.getAttribute('position').array, head.mesh.positions)).toBe(0);
    expect(maxDifference(geometry.getAttribute('normal').array, head.mesh.normals)).toBe(0);
    expect(maxDifference(geometry.index!.array, head.mesh.indices)).toBe(0);
    const uvs = head.mesh.uvs.map((value, i) => (i % 2 ? 1 - value : value));
    expect(maxDifference(geometry.getAttribute('uv').array, uvs)).toBe(0);
    expect(geometry.getAttribute('color').count).toBe(vertexCount);
    expect(bytes.includes('property uchar red')).toBe(true);
    expect(bytes.includes('property float evidence')).toBe(false);
  });

  it('carries the evidence of each vertex where there is one', async () => {
    const evidence = Float32Array.from({ length: vertexCount }, (_, v) => v / vertexCount);
    const bytes = await new Reconstruction({ ...head, evidence }).encode('ply');
    const loader = new PLYLoader();
    loader.setCustomPropertyNameMapping({ evidence: ['evidence'] });
    const geometry = loader.parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer);
    expect(maxDifference(geometry.getAttribute('evidence').array, evidence)).toBe(0);
    expect(maxDifference(geometry.getAttribute('position').array, head.mesh.positions)).toBe(0);
  });

  it('samples the texture at texel centres and between them, clamped', () => {
    const texture = {
      data: Uint8Array.of(0, 0, 0, 100, 0, 0, 200, 0, 0, 60, 0, 0),
      width: 2,
      height: 2,
      channels: 3 as const,
    };
    expect(sampleTexture(texture, 0.25, 0.25, 0)).toBe(0);
    expect(sampleTexture(texture, 0.75, 0.25, 0)).toBe(100);
    expect(sampleTexture(texture, 0.25, 0.75, 0)).toBe(200);
    expect(sampleTexture(texture, 0.5, 0.5, 0)).toBe(90);
    expect(sampleTexture(texture, 1, 1, 0)).toBe(60);
    expect(sampleTexture(texture, -1, 2, 0)).toBe(200);
  });
});

describe('vertexNormals', () => {
  const { positions, indices, normals } = head.mesh;

  it('points outwards, has unit length and survives a triangle without area', () => {
    expect(maxDifference(vertexNormals(positions, indices), normals)).toBeLessThan(1e-5);
    expect([...vertexNormals(new Float32Array(9), Uint32Array.of(0, 1, 2))]).toEqual([0, 0, 1, 0, 0, 1, 0, 0, 1]);
  });

  it('change with blend shapes as if the moved mesh were looked at anew', async () => {
    const offsets = positions.map((value, i) => (value > 20 ? 0.2 * Math.sin(i) : 0));
    const moved = positions.map((value, i) => value + offsets[i]!);
    const { normals: before, normalOffsets } = await native().blendShapes({
      positions,
      indices,
      shapes: [new Float32Array(positions.length), offsets],
      leastMm: 0,
      leastNormal: 0,
    }).promise;
    expect([...normalOffsets.ends]).toEqual([0, normalOffsets.vertices.length]);
    const change = new Float32Array(positions.length);
    normalOffsets.vertices.forEach((vertex, i) => {
      change.set(normalOffsets.values.subarray(3 * i, 3 * i + 3), 3 * vertex);
    });
    const anew = vertexNormals(moved, indices).map((value, i) => value - before[i]!);
    expect(maxDifference(before, vertexNormals(positions, indices))).toBe(0);
    expect(maxDifference(change, anew)).toBeLessThan(1e-4);
  });
});

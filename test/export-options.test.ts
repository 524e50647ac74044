import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { NodeIO } from '@gltf-transform/core';
import { ALL_EXTENSIONS } from '@gltf-transform/extensions';
import { unzipSync } from 'fflate';
import { validateBytes } from 'gltf-validator';
import { MeshoptDecoder } from 'meshoptimizer/decoder';
import sharp from 'sharp';
import { STLLoader } from 'three/examples/jsm/loaders/STLLoader.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ARKIT_ORDER, inArkitOrder } from '../lib/exporters/arkit.js';
import { JOINTS } from '../lib/exporters/skeleton.js';
import { syntheticHead } from './synthetic-head.js';

const head = syntheticHead();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-export-options-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const io = new NodeIO().registerExtensions(ALL_EXTENSIONS).registerDependencies({ 'meshopt.decoder': MeshoptDecoder });

async function documentOf(bytes: Uint8Array) {
  const { issues } = await validateBytes(bytes);
  expect(issues.messages.filter(({ severity }) => severity <= 1)).toEqual([]);
  return (await io.readBinary(bytes)).getRoot();
}

/** The JSON chunk as it stands in the file. */
function jsonOf(bytes: Uint8Array) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true);
  return JSON.parse(Buffer.from(bytes.subarray(20, 20 + length)).toString());
}

describe('morph targets', () => {
  it('come in the order in which Apple counts them', () => {
    expect(ARKIT_ORDER).toHaveLength(52);
    expect(new Set(ARKIT_ORDER).size).toBe(52);
    expect(ARKIT_ORDER.indexOf('jawOpen')).toBe(17);
    expect(inArkitOrder(['own', 'tongueOut', 'eyeBlinkLeft', 'other'])).toEqual([2, 1, 0, 3]);
  });

  it('are those of a list, the other expressions staying in the base shape', async () => {
    const root = await documentOf(await head.encode('glb', { targets: ['mouthSmileLeft', 'jawOpen'] }));
    const mesh = root.listMeshes()[0]!;
    expect(mesh.getExtras().targetNames).toEqual(['mouthSmileLeft', 'jawOpen']);
    expect(mesh.getWeights()).toEqual([0.25, 0.4]);
    const primitive = mesh.listPrimitives()[0]!;
    const indices = primitive.getIndices()!.getArray()!;
    for (let corner = 0; corner < indices.length; corner += 101) {
      const point = primitive.getAttribute('POSITION')!.getElement(indices[corner]!, []) as number[];
      primitive.listTargets().forEach((target, k) => {
        const offset = target.getAttribute('POSITION')!.getElement(indices[corner]!, []) as number[];
        for (let i = 0; i < 3; i++) point[i] = point[i]! + mesh.getWeights()[k]! * offset[i]!;
      });
      const vertex = head.mesh.indices[corner]!;
      for (let k = 0; k < 3; k++) expect(point[k]).toBeCloseTo(head.mesh.positions[3 * vertex + k]! / 1000, 6);
    }
  });

  it('can be left out; what is left looks like the photo', async () => {
    const json = jsonOf(await head.encode('glb', { targets: 'none', skeleton: false }));
    expect(json.meshes[0].weights).toBeUndefined();
    expect(json.meshes[0].primitives[0].targets).toBeUndefined();
    expect(json.skins).toBeUndefined();
    expect(json.nodes).toEqual([{ name: 'head', mesh: 0 }]);
  });

  it('are refused by names that the model does not have', async () => {
    await expect(head.encode('glb', { targets: ['jawOpen', 'noseSneerLeft'] })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('noseSneerLeft (an ARKit name'),
    });
  });

  it('have a buffer view each, which Assimp and game engines insist on', async () => {
    const json = jsonOf(await head.encode('glb'));
    const without = json.accessors.filter(({ bufferView }: { bufferView?: number }) => bufferView === undefined);
    expect(without).toEqual([]);
    expect(json.extensionsUsed).toBeUndefined();
  });
});

describe('skeleton', () => {
  it('has neck, skull, jaw and eyes, bound so that each vertex has weights of sum one', async () => {
    const bytes = await head.encode('glb');
    const root = await documentOf(bytes);
    expect(root.listNodes().map((node) => node.getName())).toEqual(['head', ...JOINTS.map(({ name }) => name)]);
    const skin = root.listSkins()[0]!;
    expect(skin.listJoints().map((node) => node.getName())).toEqual(JOINTS.map(({ name }) => name));
    for (const primitive of root.listMeshes()[0]!.listPrimitives()) {
      const weights = primitive.getAttribute('WEIGHTS_0')!;
      for (let v = 0; v < weights.getCount(); v++) {
        expect(weights.getElement(v, []).reduce((sum: number, value: number) => sum + value, 0)).toBeCloseTo(1, 6);
      }
    }
    const eye = root.listNodes().find((node) => node.getName() === 'leftEye')!;
    expect(eye.getWorldTranslation()[0]).toBeCloseTo(0.032, 3);
  });
});

describe('level of detail', () => {
  it.each([
    [1, 0.3],
    [2, 0.09],
  ] as const)('%d keeps all parts and about its share of the triangles', async (lod, share) => {
    const root = await documentOf(await head.encode('glb', { lod }));
    const primitives = root.listMeshes()[0]!.listPrimitives();
    expect(primitives).toHaveLength(head.mesh.parts.length);
    const skin = primitives[0]!.getIndices()!.getCount() / head.mesh.parts[0]!.indexCount;
    expect(skin).toBeGreaterThan(0.6 * share);
    expect(skin).toBeLessThan(1.5 * share);
  });

  it('drops the vertices of the other formats that nothing uses', async () => {
    const text = Buffer.from((await head.encode('ply', { lod: 2 })).subarray(0, 400)).toString('latin1');
    const count = Number(/element vertex (\d+)/.exec(text)![1]);
    expect(count).toBeLessThan(0.25 * (head.mesh.positions.length / 3));
  });
});

describe('the thread that makes GLBs', () => {
  it('makes several at a time, and fails for one alone', { timeout: 60_000 }, async () => {
    const bad = syntheticHead();
    bad.texture.data = bad.texture.data.subarray(0, 100);
    const [whole, failed, small] = await Promise.allSettled([
      head.encode('glb'),
      bad.encode('glb'),
      syntheticHead().encode('glb', { targets: 'none' }),
    ]);
    expect(failed).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(/memory area/i) } });
    const meshes = async (one: typeof whole) => {
      if (one.status === 'rejected') throw one.reason;
      return (await documentOf(one.value)).listMeshes()[0]!.listPrimitives()[0]!.listTargets().length;
    };
    expect(await meshes(whole)).toBeGreaterThan(0);
    expect(await meshes(small)).toBe(0);
  });

  it('keeps no program from its end', { timeout: 60_000 }, async () => {
    const program = `
      import { encodeInThread } from ${JSON.stringify(new URL('../dist/exporters/glb-thread.js', import.meta.url).href)};
      await encodeInThread({ head: { model: {} } }, Promise.resolve(new Uint8Array())).catch((error) => console.log(error.name));
      const start = performance.now();
      process.on('exit', () => console.log(performance.now() - start < 2000));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
    expect(stdout).toBe('TypeError\ntrue\n');
  });
});

describe('compression', () => {
  it('keeps positions to a hundredth of a millimetre, names, weights and the skeleton', async () => {
    const plain = await documentOf(await head.encode('glb'));
    const bytes = await head.encode('glb', { compression: 'meshopt', textureFormat: 'webp' });
    const json = jsonOf(bytes);
    expect(json.extensionsRequired.sort()).toEqual([
      'EXT_meshopt_compression',
      'EXT_texture_webp',
      'KHR_mesh_quantization',
    ]);
    const root = (await io.readBinary(bytes)).getRoot();
    const mesh = root.listMeshes()[0]!;
    expect(mesh.getExtras().targetNames).toEqual(plain.listMeshes()[0]!.getExtras().targetNames);
    expect(mesh.getWeights()).toEqual(plain.listMeshes()[0]!.getWeights());
    // At rest every joint's matrix undoes the scaling of the stored integers.
    const skin = root.listSkins()[0]!;
    const joint = skin.listJoints()[1]!;
    const inverse = skin.getInverseBindMatrices()!.getElement(1, []) as number[];
    const pole = joint.getWorldTranslation();
    const place = (p: number[], axis: number) =>
      pole[axis]! +
      inverse[axis]! * p[0]! +
      inverse[4 + axis]! * p[1]! +
      inverse[8 + axis]! * p[2]! +
      inverse[12 + axis]!;
    const extent = (of: typeof root, map: (p: number[], axis: number) => number) => {
      const positions = of.listMeshes()[0]!.listPrimitives()[0]!.getAttribute('POSITION')!;
      const all = Array.from({ length: positions.getCount() }, (_, v) => positions.getElement(v, []) as number[]);
      return [0, 1, 2].flatMap((axis) => {
        const values = all.map((p) => map(p, axis));
        return [Math.min(...values), Math.max(...values), values.reduce((sum, value) => sum + value, 0) / all.length];
      });
    };
    const shown = extent(root, place);
    extent(plain, (p, axis) => p[axis]!).forEach((value, i) => {
      expect(Math.abs(value - shown[i]!)).toBeLessThan(1e-5);
    });
    const image = await sharp(root.listTextures()[0]!.getImage()!).metadata();
    expect(image).toMatchObject({ format: 'webp', width: 256 });
  });
});

describe('other formats', () => {
  it('STL holds every triangle', async () => {
    const bytes = await head.encode('stl');
    const geometry = new STLLoader().parse(Uint8Array.from(bytes).buffer);
    const position = geometry.getAttribute('position');
    expect(position.count).toBe(head.mesh.indices.length);
    for (let corner = 0; corner < position.count; corner += 211) {
      const vertex = head.mesh.indices[corner]!;
      expect(position.getX(corner)).toBe(head.mesh.positions[3 * vertex]);
      expect(position.getZ(corner)).toBe(head.mesh.positions[3 * vertex + 2]);
    }
  });

  it('USDZ is a stored zip whose files begin at multiples of 64 bytes', async () => {
    const bytes = await head.encode('usdz');
    const files = unzipSync(bytes);
    expect(Object.keys(files)).toEqual(['head.usda', 'texture.jpg']);
    for (const data of Object.values(files)) {
      const start = Buffer.from(bytes).indexOf(Buffer.from(data.subarray(0, 64)));
      expect(start % 64).toBe(0);
    }
    const text = Buffer.from(files['head.usda']!).toString();
    for (const { name } of head.mesh.parts) expect(text).toContain(`def Mesh "${name}"`);
    const points = /point3f\[\] points = \[\(([-\d.]+), ([-\d.]+), ([-\d.]+)\)/.exec(text)!;
    expect(points.slice(1).map(Number)).toEqual(
      [...head.mesh.positions.subarray(0, 3)].map((value) => Number(value.toFixed(4))),
    );
  });
});

describe('write and encode', () => {
  it('give the same bytes to a path, a file: URL, a stream and a web stream', async () => {
    const bytes = Buffer.from(await head.encode('stl'));
    const path = join(folder, 'a.stl');
    await head.write(path);
    expect(bytes.equals(await readFile(path))).toBe(true);
    await head.write(pathToFileURL(join(folder, 'b.stl')));
    expect(bytes.equals(await readFile(join(folder, 'b.stl')))).toBe(true);

    const stream = new PassThrough();
    const collected = stream.toArray();
    await head.write(stream, { format: 'stl' });
    expect(bytes.equals(Buffer.concat(await collected))).toBe(true);

    const web = new TransformStream<Uint8Array, Uint8Array>();
    const response = new Response(web.readable).arrayBuffer();
    await head.write(web.writable, { format: '.stl' });
    expect(bytes.equals(Buffer.from(await response))).toBe(true);
  });

  it.each([
    [() => head.encode('obj'), 'UNSUPPORTED_FORMAT', '3 files'],
    [() => head.encode('fbx'), 'UNSUPPORTED_FORMAT', 'fbx'],
    [() => head.write(new PassThrough()), 'INVALID_OPTION', 'format'],
    [() => head.write(new URL('https://example.org/x.glb')), 'INVALID_OPTION', 'file: URL'],
    [() => head.encode('glb', { lod: 3 as 2 }), 'INVALID_OPTION', 'lod'],
    [() => head.encode('glb', { compression: 'zip' as 'none' }), 'INVALID_OPTION', "'meshopt'"],
    [() => head.encode('glb', { textureFormat: 'gif' as 'png' }), 'INVALID_OPTION', "'webp'"],
    [() => head.encode('glb', { targets: [] }), 'INVALID_OPTION', 'targets'],
    [() => head.encode('glb', { skeleton: 1 as unknown as boolean }), 'INVALID_OPTION', 'skeleton'],
  ])('refuse what they cannot do (%#)', async (call, code, message) => {
    await expect(call()).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { hasProgram } from './has-program.js';
import { syntheticHead } from './synthetic-head.js';

/**
 * Reads a GLB and writes the corners of each mesh's triangles as it has them: metres, x to the left of the face, y
 * backwards, z up.
 */
const PROGRAM = `
import json, struct, sys
import numpy
# The exporter of Debian 12's Blender asks for a name that its numpy no longer has.
if 'bool' not in vars(numpy): numpy.bool = bool
import bpy
glb, out = sys.argv[sys.argv.index('--') + 1:]
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.gltf(filepath=glb)
facts = {'meshes': [], 'bones': []}
corners = []
for thing in bpy.data.objects:
    if thing.type == 'ARMATURE': facts['bones'] += [bone.name for bone in thing.data.bones]
    if thing.type != 'MESH': continue
    mesh = thing.data
    keys = [] if mesh.shape_keys is None else [[key.name, key.value] for key in mesh.shape_keys.key_blocks]
    facts['meshes'].append({'materials': [m.name for m in mesh.materials], 'triangles': len(mesh.polygons), 'keys': keys})
    for polygon in mesh.polygons:
        for vertex in polygon.vertices: corners += mesh.vertices[vertex].co[:]
open(out + '.json', 'w').write(json.dumps(facts))
open(out, 'wb').write(struct.pack('<%df' % len(corners), *corners))
`;

interface Facts {
  meshes: { materials: string[]; triangles: number; keys: [string, number][] }[];
  bones: string[];
}

async function readByBlender(bytes: Uint8Array) {
  const folder = await mkdtemp(join(tmpdir(), 'hrn-blender-'));
  try {
    const [glb, program, out] = ['head.glb', 'read.py', 'corners'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(glb, bytes);
    await writeFile(program, PROGRAM);
    const args = ['--background', '-noaudio', '--python-exit-code', '3', '--python', program, '--', glb, out];
    await promisify(execFile)('blender', args, { maxBuffer: 1 << 24 });
    const facts = JSON.parse(await readFile(`${out}.json`, 'utf8')) as Facts;
    const corners = await readFile(out);
    return { ...facts, corners: new Float32Array(corners.buffer, corners.byteOffset, corners.length / 4) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

it.skipIf(!hasProgram('blender', ['--background', '--version']))(
  'Blender reads every triangle of a GLB where it is, with its expressions and joints',
  {
    timeout: 120_000,
  },
  async () => {
    const head = syntheticHead();
    const still = await readByBlender(await head.encode('glb', { targets: 'none' }));
    const { positions, indices } = head.mesh;
    expect(still.bones).toEqual(expect.arrayContaining(['neck', 'skull', 'jaw', 'leftEye', 'rightEye']));
    const places = new Set<string>();
    const place = (x: number, y: number, z: number) => [x, y, z].map((v) => Math.round(v * 1e6)).join();
    for (let i = 0; i < still.corners.length; i += 3)
      places.add(place(still.corners[i]!, still.corners[i + 2]!, -still.corners[i + 1]!));
    const missing = Array.from(indices).filter((vertex) => {
      const [x, y, z] = [0, 1, 2].map((k) => Math.fround(positions[3 * vertex + k]! / 1000)) as [
        number,
        number,
        number,
      ];
      return !places.has(place(x, y, z));
    });
    expect(missing).toEqual([]);
    expect(still.meshes.reduce((sum, mesh) => sum + mesh.triangles, 0)).toBeGreaterThanOrEqual(indices.length / 3);
    expect(still.meshes.flatMap(({ keys }) => keys)).toEqual([]);

    const moving = await readByBlender(await head.encode('glb', { targets: ['mouthSmileLeft', 'jawOpen'] }));
    const { keys } = moving.meshes.reduce((a, b) => (a.triangles > b.triangles ? a : b));
    expect(keys.slice(1).map(([name, value]) => [name, Number(value.toFixed(3))])).toEqual([
      ['mouthSmileLeft', 0.25],
      ['jawOpen', 0.4],
    ]);
  },
);

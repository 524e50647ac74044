import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { syntheticHead } from './synthetic-head.js';

interface Geometry {
  name: string;
  getVerticesData(kind: string): Float32Array | null;
  getIndices(): Uint32Array | null;
  morphTargetManager: { numTargets: number; getTarget(i: number): { name: string; influence: number } } | null;
}

/** What Babylon.js reads of a GLB, without a browser. Its own types, eight megabytes of them, are not asked for. */
async function readByBabylon(bytes: Uint8Array) {
  const require = createRequire(import.meta.url);
  const babylon = require('babylonjs');
  require('babylonjs-loaders');
  babylon.Logger.LogLevels = babylon.Logger.NoneLogLevel;
  const engine = new babylon.NullEngine();
  const data = `data:model/gltf-binary;base64,${Buffer.from(bytes).toString('base64')}`;
  const { meshes, skeletons, materials } = await babylon.LoadAssetContainerAsync(data, new babylon.Scene(engine), {
    pluginExtension: '.glb',
  });
  return {
    meshes: (meshes as Geometry[]).filter((mesh) => (mesh.getIndices()?.length ?? 0) > 0),
    joints: skeletons.flatMap(({ bones }: { bones: { name: string }[] }) => bones.map(({ name }) => name)) as string[],
    materials: materials.map(({ name }: { name: string }) => name) as string[],
  };
}

it('Babylon.js reads every part of a GLB where it is, with its expressions and joints', {
  timeout: 60_000,
}, async () => {
  const head = syntheticHead();
  const still = await readByBabylon(await head.encode('glb', { targets: 'none' }));
  const parts = head.mesh.parts.filter(({ indexCount }) => indexCount > 0);
  expect(still.meshes.length).toBeGreaterThanOrEqual(parts.length);
  for (const [i, { firstIndex, indexCount }] of parts.entries()) {
    const mesh = still.meshes[i]!;
    const [positions, indices] = [mesh.getVerticesData('position')!, mesh.getIndices()!];
    expect(indices).toHaveLength(indexCount);
    for (let corner = 0; corner < indexCount; corner++) {
      const vertex = head.mesh.indices[firstIndex + corner]!;
      for (let k = 0; k < 3; k++) {
        const apart = positions[3 * indices[corner]! + k]! - head.mesh.positions[3 * vertex + k]! / 1000;
        // Single precision of metres.
        if (Math.abs(apart) > 2e-7) expect(apart).toBe(0);
      }
    }
  }
  expect(still.joints).toEqual(expect.arrayContaining(['neck', 'skull', 'jaw', 'leftEye', 'rightEye']));
  expect(still.materials).toEqual(expect.arrayContaining(parts.map(({ name }) => name)));

  const { meshes } = await readByBabylon(await head.encode('glb', { targets: ['mouthSmileLeft', 'jawOpen'] }));
  const targets = meshes[0]!.morphTargetManager!;
  expect(targets.numTargets).toBe(2);
  expect([0, 1].map((i) => targets.getTarget(i).name)).toEqual(['mouthSmileLeft', 'jawOpen']);
  expect([0, 1].map((i) => targets.getTarget(i).influence)).toEqual([0.25, 0.4]);
});

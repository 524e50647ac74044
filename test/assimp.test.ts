import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { hasProgram } from './has-program.js';
import { syntheticHead } from './synthetic-head.js';

it.skipIf(!hasProgram('assimp', ['version']))(
  'Assimp reads a GLB with expressions, every vertex where it is',
  { timeout: 60_000 },
  async () => {
    const head = syntheticHead();
    const folder = await mkdtemp(join(tmpdir(), 'hrn-assimp-'));
    try {
      const [glb, obj] = [join(folder, 'head.glb'), join(folder, 'head.obj')];
      // Both weights are 0: the base shape is the head's own.
      await writeFile(glb, await head.encode('glb', { targets: ['browInnerUp', 'tongueOut'] }));
      await promisify(execFile)('assimp', ['export', glb, obj], { maxBuffer: 1 << 24 });
      const places = new Set<string>();
      const place = (v: readonly number[]) => v.map((x) => Math.round(x * 1e5)).join();
      for (const line of (await readFile(obj, 'utf8')).split('\n'))
        if (line.startsWith('v ')) places.add(place(line.trim().split(/\s+/).slice(1, 4).map(Number)));
      const { positions, indices } = head.mesh;
      const missing = Array.from(new Set(indices)).filter(
        (vertex) => !places.has(place([0, 1, 2].map((k) => Math.fround(positions[3 * vertex + k]! / 1000)))),
      );
      // Six digits are written, which round otherwise at the fifth here and there.
      expect(missing.length).toBeLessThan(indices.length / 500);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

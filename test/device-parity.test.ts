// Whole fits on the GPU against those on the CPU; without a GPU they are skipped, and that is said aloud.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compare, inputs, LIMIT_MM } from '../bench/parity/compare.js';
import type { Hrn } from '../lib/hrn.js';
import { create, fit, fitAll } from '../lib/index.js';
import { native, packageRoot } from '../lib/native/load.js';
import { astronaut } from './photos.js';

const { devices, reason } = await native().probeCuda().promise;
const usable = devices.some((device) => device.reason === '');
if (!usable) {
  const why = reason || devices.map((device) => `${device.name}: ${device.reason}`).join('; ');
  console.warn(`GPU TESTS SKIPPED: no NVIDIA device (${why})`);
}

describe.skipIf(!usable)('whole fits on the GPU', () => {
  let instance: Hrn;
  beforeAll(async () => {
    instance = await create({ device: 'cuda' });
  });
  afterAll(() => instance.dispose());

  it.each(inputs())('%s: as on the CPU', { timeout: 120_000 }, async (name, load) => {
    const { meanMm } = await compare(instance, name, await load());
    expect(meanMm).toBeLessThan(LIMIT_MM);
  });

  it('are told by device', async () => {
    const face = await fit(await astronaut(), { device: 'cuda', textureSize: 256 });
    expect(face.device).toMatch(/^cuda:\d+ \(.+\)$/);
    expect(face.device).toBe(instance.device);
  });

  it('run side by side, in two instances too, with the results of one at a time', { timeout: 120_000 }, async () => {
    const photo = await astronaut();
    const options = { textureSize: 256 } as const;
    const alone = await instance.fit(photo, options);
    await using other = await create({ device: 'cuda' });
    const together = await Promise.all([instance, other, instance, other].map((place) => place.fit(photo, options)));
    for (const face of together) expect(face.mesh.positions).toEqual(alone.mesh.positions);
    expect(await fitAll(photo, { ...options, device: 'cuda' })).toHaveLength(1);
  });

  it('run in worker threads and in several processes at a time', { timeout: 120_000 }, async () => {
    const program = `
      const hrn = await import(${JSON.stringify(pathToFileURL(join(packageRoot, 'dist', 'index.js')).href)});
      const photo = ${JSON.stringify(join(packageRoot, 'examples', 'astronaut.png'))};
      const face = await hrn.fit(photo, { device: 'cuda', textureSize: 256 });
      console.log(Buffer.from(face.mesh.positions.buffer).toString('base64').slice(0, 4000));`;
    const one = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
    const inWorkers = `
      const { Worker } = await import('node:worker_threads');
      const source = 'data:text/javascript,' + encodeURIComponent(${JSON.stringify(program)});
      for (let i = 0; i < 2; ++i) new Worker(new URL(source));`;
    const workers = promisify(execFile)(process.execPath, ['--input-type=module', '-e', inWorkers]);
    const outputs = (await Promise.all([one(), one(), one(), workers])).map(({ stdout }) => stdout);
    expect(outputs).toEqual([outputs[0], outputs[0], outputs[0], `${outputs[0]}${outputs[0]}`]);
    expect(outputs[0]).toHaveLength(4001);
  });

  it('can be aborted, and the next is as good as before', { timeout: 60_000 }, async () => {
    const photo = await astronaut();
    const options = { textureSize: 256 } as const;
    const before = await instance.fit(photo, options);
    for (const stage of ['coarse', 'refine', 'texture']) {
      const abort = new AbortController();
      const onProgress = (event: { stage: string }) => {
        if (event.stage === stage) abort.abort(new Error('enough'));
      };
      await expect(instance.fit(photo, { ...options, onProgress, signal: abort.signal })).rejects.toThrow('enough');
    }
    expect((await instance.fit(photo, options)).mesh.positions).toEqual(before.mesh.positions);
  });
});

// Whole fits on the CUDA backend where there is no GPU: the addon is built with HRN_CUDA=EMULATED (docs/building.md), and
// the processor runs the kernels. Also what a GPU does that fails, which no real one can be asked for.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { difference, LIMIT_MM } from '../bench/parity/compare.js';
import type { Hrn } from '../lib/hrn.js';
import { create } from '../lib/index.js';
import { native, packageRoot } from '../lib/native/load.js';

const { devices } = await native().probeCuda().promise;
const emulated = devices.some(({ name }) => name.startsWith('emulated GPU'));
const photo = join(packageRoot, 'examples', 'astronaut.png');

/** Runs the body of an async function in a process of its own; `hrn` and `photo` are there. What it returns comes back. */
async function inProcess<T>(body: string, settings = ''): Promise<T> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `const hrn = await import(${JSON.stringify(pathToFileURL(join(packageRoot, 'dist', 'index.js')).href)});
       const photo = ${JSON.stringify(photo)};
       console.log(JSON.stringify(await (async () => {${body}})()));`,
    ],
    { env: { ...process.env, HRN_EMULATED_GPU: settings } },
  );
  return JSON.parse(stdout) as T;
}

describe.skipIf(!emulated)('whole fits on an emulated GPU', { timeout: 300_000 }, () => {
  let instance: Hrn;
  beforeAll(async () => {
    instance = await create({ device: 'cuda' });
  });
  afterAll(() => instance.dispose());

  it('are those of the CPU', async () => {
    const gpu = await instance.fit(photo, { textureSize: 512 });
    const cpu = await instance.fit(photo, { textureSize: 512, device: 'cpu' });
    expect(gpu.device).toMatch(/^cuda:0 \(emulated/);
    expect(difference(cpu, gpu).meanMm).toBeLessThan(LIMIT_MM);
    const [a, b] = [cpu.texture.data, gpu.texture.data];
    const differences = a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0);
    expect(differences / a.length).toBeLessThan(0.5);
  });

  it('can be aborted, and the next has the bytes of before', async () => {
    const options = { detail: 'coarse', textureSize: 256 } as const;
    const before = await instance.fit(photo, options);
    for (const [stage, detail] of [
      ['refine', 'medium'],
      ['texture', 'coarse'],
    ] as const) {
      const abort = new AbortController();
      const onProgress = (event: { stage: string }) => {
        if (event.stage === stage) abort.abort(new Error('enough'));
      };
      const given = { ...options, detail, onProgress, signal: abort.signal };
      await expect(instance.fit(photo, given)).rejects.toThrow('enough');
    }
    const after = await instance.fit(photo, options);
    expect(after.mesh.positions).toEqual(before.mesh.positions);
    expect(after.texture.data).toEqual(before.texture.data);
  });

  it('run in several processes and worker threads at a time', async () => {
    const body = `
      const { createHash } = await import('node:crypto');
      const face = await hrn.fit(photo, { detail: 'coarse', device: 'cuda', textureSize: 256 });
      return createHash('sha256').update(face.mesh.positions).update(face.texture.data).digest('hex');`;
    const workers = `
      const { Worker } = await import('node:worker_threads');
      const source = 'const { parentPort } = await import("node:worker_threads");' +
        'const hrn = await import("' + ${JSON.stringify(pathToFileURL(join(packageRoot, 'dist', 'index.js')).href)} + '");' +
        'const photo = ' + JSON.stringify(photo) + ';' +
        'parentPort.postMessage(await (async () => {' + ${JSON.stringify(body)} + '})());';
      const start = () => new Promise((resolve, reject) => {
        new Worker(new URL('data:text/javascript,' + encodeURIComponent(source))).on('message', resolve).on('error', reject);
      });
      return Promise.all([start(), start(), start()]);`;
    const [one, two, three] = await Promise.all([
      inProcess<string>(body),
      inProcess<string>(body),
      inProcess<string[]>(workers),
    ]);
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect([two, ...three]).toEqual([one, one, one, one]);
  });
});

describe.skipIf(!emulated)('a GPU that fails', { timeout: 300_000 }, () => {
  // The number of the operation that fails: while the model goes up, in the photometric fit, in the deformation.
  it.each([3, 300, 1000])('at operation %i: an error, and the process goes on without it', async (operation) => {
    const { cuda, auto, cpu } = await inProcess<Record<string, { error?: string; device?: string }>>(
      `const results = {};
       for (const device of ['cuda', 'auto', 'cpu'])
         results[device] = await hrn.fit(photo, { device, textureSize: 256 })
           .then(({ device }) => ({ device }), ({ code }) => ({ error: code }));
       return results;`,
      `fail=${operation}`,
    );
    expect(cuda).toEqual({ error: 'DEVICE_FAILED' });
    expect(auto!.device).toMatch(/^cpu \(emulated GPU of the tests: it failed earlier in this process/);
    expect(cpu!.device).toBe('cpu');
  });

  it('for want of memory: an error, and the next job that fits runs on it', async () => {
    const results = await inProcess<string[]>(
      `const results = [];
       for (const options of [{ textureSize: 256 }, { textureSize: 8192, texture: 'both' }, { textureSize: 256 }])
         results.push(await hrn.fit(photo, { detail: 'coarse', device: 'cuda', ...options })
           .then(({ device }) => device, ({ code }) => code));
       return results;`,
      'memory=770',
    );
    expect(results).toEqual([expect.stringMatching(/^cuda:0/), 'OUT_OF_MEMORY', expect.stringMatching(/^cuda:0/)]);
  });

  it('with too little memory is not chosen, and that is said', async () => {
    const text = await inProcess<string>(
      `return hrn.fit(photo, { detail: 'coarse', textureSize: 256 }).then(({ device }) => device);`,
      'memory=300',
    );
    expect(text).toMatch(/^cpu \(emulated GPU of the tests: too little memory: \d+ MB needed, 300 MB in all\)$/);
  });
});

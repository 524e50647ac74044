// Which device fits run on, and what is told where a GPU cannot be used.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviceText, pick } from '../lib/device.js';
import { create } from '../lib/index.js';
import type { CudaDevice, CudaStatus, NativeJob } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';
import { runCli } from './cli-process.js';
import { ENTRY_POINTS } from './fuzz/entry-points.js';
import { astronaut } from './photos.js';

const gpu = (index: number, reason = ''): CudaDevice => ({
  index,
  name: `GPU ${index}`,
  computeCapability: '9.0',
  totalBytes: 80e9,
  freeBytes: 79e9,
  reason,
});
const machine = (...devices: CudaDevice[]): CudaStatus => ({
  targets: '90',
  runtimeVersion: 13000,
  driverVersion: 13000,
  driverName: '580.65.06',
  devices,
  reason: devices.length === 0 ? 'no NVIDIA driver' : '',
});

describe('the choice of a device', () => {
  it('auto: the first GPU that can be used', () => {
    expect(pick('auto', machine(gpu(0)))).toEqual({ name: 'cuda:0', cudaDevice: 0, why: 'GPU 0' });
    expect(pick('auto', machine(gpu(0, 'too little memory'), gpu(1))).name).toBe('cuda:1');
  });

  it('auto: else the CPU, and why', () => {
    expect(pick('auto', machine())).toEqual({ name: 'cpu', why: 'no NVIDIA driver' });
    expect(pick('auto', machine(gpu(0, 'old'), gpu(1, 'full'))).why).toBe('GPU 0: old; GPU 1: full');
  });

  it('cpu: the CPU, whatever there is', () => {
    expect(pick('cpu', machine(gpu(0)))).toEqual({ name: 'cpu' });
  });

  it('cuda: the first that can be used; cuda:N: that one', () => {
    const two = machine(gpu(0, 'full'), gpu(1));
    expect(pick('cuda', two).name).toBe('cuda:1');
    expect(pick('cuda:1', two).cudaDevice).toBe(1);
  });

  it.each([
    ['cuda', machine(), 'device cuda cannot be used: no NVIDIA driver; use'],
    ['cuda', machine(gpu(0, 'full')), 'GPU 0: full'],
    ['cuda:0', machine(gpu(0, 'full'), gpu(1)), 'device cuda:0 cannot be used: GPU 0: full'],
    ['cuda:2', machine(gpu(0), gpu(1)), 'there is no such device, only cuda:0, cuda:1'],
  ] as const)('%s: DEVICE_UNAVAILABLE with the reason (%#)', (request, status, message) => {
    expect(() => pick(request, status)).toThrow(
      expect.objectContaining({ code: 'DEVICE_UNAVAILABLE', message: expect.stringContaining(message) }),
    );
  });

  it('is told in words', () => {
    expect(deviceText({ name: 'cpu' })).toBe('cpu');
    expect(deviceText({ name: 'cuda:0', cudaDevice: 0, why: 'NVIDIA H100' })).toBe('cuda:0 (NVIDIA H100)');
  });
});

const status = await native().probeCuda().promise;

describe('this machine', () => {
  it('has devices or a reason', () => {
    expect(status.devices.length > 0).toBe(status.reason === '');
  });

  it('gives both contexts and workers the same answer', async () => {
    const again = await Promise.all([1, 2, 3].map(() => native().probeCuda().promise));
    for (const { devices, reason } of again) {
      expect(reason).toBe(status.reason);
      expect(devices.map(({ name }) => name)).toEqual(status.devices.map(({ name }) => name));
    }
  });

  it('lets a fit ask for a device of its own', { timeout: 60_000 }, async () => {
    await using instance = await create({ threads: 2 });
    const photo = await astronaut();
    const options = { detail: 'coarse', textureSize: 256 } as const;
    const face = await instance.fit(photo, options);
    expect(face.device).toBe(instance.device);
    expect(face.device).toMatch(
      status.devices.some(({ reason }) => !reason) ? /^(cuda:\d+|cpu) \(.+\)$/ : /^cpu \(.+\)$/,
    );
    const onCpu = await instance.fit(photo, { ...options, device: 'cpu' });
    expect(onCpu.device).toBe('cpu');
    await expect(instance.fit(photo, { ...options, device: 'cuda:999' })).rejects.toMatchObject({
      code: 'DEVICE_UNAVAILABLE',
    });
  });
});

describe.skipIf(status.devices.length > 0)('a GPU that fails in the middle of a job (here: that is not there)', () => {
  it.each(['photometricFit', 'deformationFit'])('%s: an error, and the process goes on', async (name) => {
    const { args, call } = ENTRY_POINTS.find((entry) => entry.name === name)!;
    const context = new (native().Context)({ threads: 1, cudaDevice: 0 });
    const run = (place: unknown) => (call(place, ...args.slice(1)) as NativeJob<unknown>).promise;
    const code = status.runtimeVersion > 0 ? 'DEVICE_FAILED' : 'DEVICE_UNAVAILABLE';
    await expect(run(context)).rejects.toMatchObject({ name: 'HrnError', code });
    await expect(run(args[0])).resolves.toBeTypeOf('object');
    context.dispose();
  });
});

describe.skipIf(status.devices.length > 0 || status.runtimeVersion === 0)('auto, after its GPU has failed', () => {
  it('takes the CPU from the next fit on, and says why', { timeout: 60_000 }, async () => {
    const addon = native();
    const { probeCuda } = addon;
    const probe = (...devices: CudaDevice[]) => {
      addon.probeCuda = () => ({ promise: Promise.resolve(machine(...devices)), cancel: () => {} });
    };
    try {
      probe(gpu(0));
      await using instance = await create({ threads: 2 });
      expect(instance.device).toBe('cuda:0 (GPU 0)');
      const photo = await astronaut();
      const options = { detail: 'coarse', textureSize: 256 } as const;
      await expect(instance.fit(photo, options)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
      probe(gpu(0, 'it failed earlier'));
      const face = await instance.fit(photo, options);
      expect(face.device).toBe('cpu (GPU 0: it failed earlier)');
      expect(instance.device).toBe(face.device);
    } finally {
      addon.probeCuda = probeCuda;
    }
  });
});

describe("inference: 'cuda'", () => {
  it('runs the networks there, or on the CPU and says why', { timeout: 60_000 }, async () => {
    const photo = await astronaut();
    const fit = async (inference: 'cpu' | 'cuda') => {
      await using instance = await create({ device: 'cpu', inference, threads: 2 });
      return instance.fit(photo, { detail: 'coarse', textureSize: 256 });
    };
    const [cpu, cuda] = [await fit('cpu'), await fit('cuda')];
    expect(cpu.inference).toBe('cpu');
    expect(cuda.inference).toMatch(/^(cuda:0|cpu \(.+\))$/);
    if (cuda.inference.startsWith('cpu')) expect(cuda.mesh.positions).toEqual(cpu.mesh.positions);
  });

  it('is in the words of doctor', async () => {
    const { stdout } = await runCli(['doctor', '--json']);
    const check = JSON.parse(stdout).checks.find(({ name }: { name: string }) => name === 'inference cuda');
    expect(check).toMatchObject({ ok: true, detail: expect.stringMatching(/^(usable|not usable: .+)$/) });
  });
});

describe.skipIf(status.runtimeVersion === 0)('a driver that does not work (needs an addon with CUDA)', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hrn-driver-'));
    const source = fileURLToPath(new URL('native/device/libcuda.c', import.meta.url));
    const compiler = spawnSync('cc', ['-shared', '-fPIC', '-o', join(folder, 'libcuda.so.1'), source]);
    expect(String(compiler.stderr)).toBe('');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const driver = (version: number, init: number) => ({
    LD_LIBRARY_PATH: folder,
    FAKE_CUDA_VERSION: String(version),
    FAKE_CUDA_INIT: String(init),
  });
  const photo = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
  const fit = () => ['fit', photo, '--out', join(folder, 'out'), '--detail', 'coarse', '--texture-size', '256'];

  const NO_DEVICE = 100;
  const UNKNOWN = 999;
  it.each([
    ['too old', 11080, 0, 'the NVIDIA driver is too old: it serves CUDA 11.8'],
    ['without a device', 99000, NO_DEVICE, 'the driver finds no NVIDIA device'],
    ['that fails', 99000, UNKNOWN, 'the NVIDIA driver failed: cudaErrorUnknown'],
  ])('%s: the reason is told', async (_, version, init, reason) => {
    const env = driver(version, init);
    const doctor = JSON.parse((await runCli(['doctor', '--json'], { env })).stdout);
    expect(doctor.ok).toBe(true);
    const details = Object.fromEntries(doctor.checks.map((c: { name: string; detail: string }) => [c.name, c.detail]));
    expect(details['device cuda']).toContain(`not usable: ${reason}`);
    expect(details['device auto']).toContain(`picks cpu (${reason}`);
    expect(await runCli([...fit(), '--device', 'cuda'], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`DEVICE_UNAVAILABLE: device cuda cannot be used: ${reason}`),
    });
  });

  it('is no hindrance: fits run on the CPU', async () => {
    const env = driver(11080, 0);
    expect(await runCli([...fit(), '--no-preview', '--json'], { env })).toMatchObject({ code: 0, stderr: '' });
    const { device } = JSON.parse(await readFile(join(folder, 'out', 'astronaut.json'), 'utf8'));
    expect(device).toMatch(/^cpu \(the NVIDIA driver is too old/);
  });
});

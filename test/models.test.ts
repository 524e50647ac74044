import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { locateModels } from '../lib/models/locate.js';
import { type ModelEntry, readManifest, readModel } from '../lib/models/manifest.js';
import { native } from '../lib/native/load.js';
import { onnxRuntime } from '../lib/native/onnx-runtime.js';
import { FaceNetworks } from '../lib/stages/networks.js';

const FILE = 'face-detection-short-range.onnx';

// A process opens one ONNX Runtime for good, so this has to come first.
it('a session says what is wrong with a library', async () => {
  const model = await readModel(locateModels(), FILE);
  const opening = new (native().Session)().open({ model, library: '/no/such/library.so' }).promise;
  await expect(opening).rejects.toMatchObject({ code: 'NATIVE_UNAVAILABLE' });
});

describe('the embedded models', () => {
  it('match their manifest', async () => {
    const entries = await readManifest(locateModels());
    expect(entries.map(({ file }) => file)).toContain(FILE);
    for (const { file, bytes } of entries) expect(await readModel(locateModels(), file)).toHaveLength(bytes);
  });

  it('are under 16 MB together', async () => {
    const total = (await readManifest(locateModels())).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total).toBeLessThan(16e6);
  });

  it('have their licence texts', async () => {
    const licences = join(locateModels(), 'licences');
    const networks = await readFile(join(licences, 'face-networks.md'), 'utf8');
    for (const { file, source, licence } of await readManifest(locateModels())) {
      if (licence !== 'Apache-2.0') continue;
      expect(networks).toContain(file);
      for (const { version } of [source].flat()) expect(networks).toContain(version);
    }
    expect(await readFile(join(licences, 'Apache-2.0.txt'), 'utf8')).toContain('Version 2.0, January 2004');
  });
});

describe('a models folder of the user', () => {
  let folder: string;
  let entry: ModelEntry;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hrn-models-'));
    entry = (await readManifest(locateModels())).find(({ file }) => file === FILE)!;
    await writeFile(join(folder, 'manifest.json'), JSON.stringify([entry]));
    await copyFile(join(locateModels(), FILE), join(folder, FILE));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const run = async () => {
    const networks = new FaceNetworks({ models: folder });
    const input = new Float32Array(128 * 128 * 3);
    return await networks.run('detectShortRange', input).finally(() => networks.dispose());
  };

  it('works like the embedded one', async () => {
    expect(Object.keys(await run()).sort()).toEqual(['classificators', 'regressors']);
  });

  it('a changed byte is MODEL_CORRUPT', async () => {
    const bytes = await readFile(join(folder, FILE));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(join(folder, FILE), bytes);
    await expect(run()).rejects.toMatchObject({ code: 'MODEL_CORRUPT', details: { expected: entry.sha256 } });
  });

  it('a truncated file is MODEL_CORRUPT', async () => {
    const bytes = await readFile(join(folder, FILE));
    await writeFile(join(folder, FILE), bytes.subarray(0, 1000));
    await expect(run()).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
  });

  it('a missing file is MODEL_MISSING', async () => {
    await rm(join(folder, FILE));
    await expect(run()).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  });

  it('a model that the manifest does not list is MODEL_MISSING', async () => {
    await expect(readModel(folder, 'face-landmarks.onnx')).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  });

  it('a missing manifest is MODEL_MISSING', async () => {
    await rm(join(folder, 'manifest.json'));
    await expect(run()).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  });

  it.each(['', 'null', '{}', '[null]', '[{"file": "a"}]', '[{'])('manifest %j is MODEL_CORRUPT', async (text) => {
    await writeFile(join(folder, 'manifest.json'), text);
    await expect(run()).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
  });

  it('prepared ahead, a failure is told by the run', async () => {
    await rm(join(folder, FILE));
    const networks = new FaceNetworks({ models: folder });
    networks.prepare('detectShortRange', 'landmarks');
    const input = new Float32Array(128 * 128 * 3);
    await expect(networks.run('detectShortRange', input)).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    networks.prepare('detectShortRange');
    networks.dispose();
  });

  it('is tried again after a failure', async () => {
    const networks = new FaceNetworks({ models: folder });
    const input = new Float32Array(128 * 128 * 3);
    await rm(join(folder, FILE));
    await expect(networks.run('detectShortRange', input)).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    await copyFile(join(locateModels(), FILE), join(folder, FILE));
    await expect(networks.run('detectShortRange', input)).resolves.toBeDefined();
    networks.dispose();
  });
});

describe('the native session', () => {
  const open = (options: object) => {
    const session = new (native().Session)();
    return session.open({ library: onnxRuntime().library, ...options } as never).promise;
  };

  it('refuses what is not a network: MODEL_CORRUPT', async () => {
    const model = await readModel(locateModels(), FILE);
    for (const bytes of [new Uint8Array(0), new Uint8Array(100), model.subarray(0, model.length >> 1)]) {
      await expect(open({ model: bytes })).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    }
  });

  it.each([
    ['options', () => new (native().Session)().open(undefined as never)],
    ['model', () => new (native().Session)().open({ library: 'x', model: 'y' } as never)],
    ['run before open', () => new (native().Session)().run(new Float32Array(1))],
  ])('refuses wrong arguments: %s', (_name, call) => {
    expect(call).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  it('refuses an input of the wrong length or type', async () => {
    const session = new (native().Session)();
    const model = await readModel(locateModels(), FILE);
    await session.open({ library: onnxRuntime().library, model }).promise;
    for (const input of [new Float32Array(3), new Float64Array(128 * 128 * 3), undefined, 'pixels']) {
      expect(() => session.run(input as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
    session.dispose();
    expect(() => session.run(new Float32Array(128 * 128 * 3))).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
  });

  it('looks at a crop as it runs on the same pixels, and refuses one of another size', async () => {
    const session = new (native().Session)();
    await session.open({ library: onnxRuntime().library, model: await readModel(locateModels(), FILE) }).promise;
    const context = new (native().Context)({ threads: 2 });
    const data = Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => (i * 7919) % 251);
    const image = new (native().Image)({ data, width: 64, height: 48, channels: 3 });
    const crop = { matrix: [0.5, 0, 2, 0, 0.4, 1], width: 128, height: 128, low: -1, high: 1, border: 'zero' } as const;
    const pixels = await native().cropImage(context, image, crop).promise;
    expect(await session.look(context, image, crop).promise).toEqual(await session.run(pixels).promise);
    const both = await session.lookBothWays(context, image, crop).promise;
    const turned = pixels.map((_, i) => pixels[i + 3 * (127 - 2 * (Math.floor(i / 3) % 128))]!);
    expect(both).toEqual({
      seen: await session.run(pixels).promise,
      inMirror: await session.run(turned).promise,
    });
    const wrong = () => session.look(context, image, { ...crop, width: 64 });
    expect(wrong).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    image.dispose();
    expect(() => session.look(context, image, crop)).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
    session.dispose();
    context.dispose();
  });

  it('tells the mean of what the dense network says of a crop and of its mirror image', async () => {
    const session = new (native().Session)();
    const model = await readModel(locateModels(), 'dense-face.onnx');
    await session.open({ library: onnxRuntime().library, model }).promise;
    const context = new (native().Context)({ threads: 2 });
    const data = Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => (i * 7919) % 251);
    const image = new (native().Image)({ data, width: 64, height: 48, channels: 3 });
    const crop = { matrix: [0.2, 0, 2, 0, 0.15, 1], width: 256, height: 256, low: 0, high: 1, border: 'zero' } as const;
    const look = await session.lookDensely(context, image, crop).promise;
    const { seen, inMirror } = await session.lookBothWays(context, image, crop).promise;
    const [side, plane] = [128, 128 * 128];
    const mean = (k: number, i: number) => {
      const at = k * plane + i;
      const turned = at + side - 1 - 2 * (i % side);
      return (seen.said![at]! + (k === 0 || k === 4 ? -1 : 1) * inMirror.said![turned]!) / 2;
    };
    const within = (value: number, low: number, high: number) => Math.exp(Math.min(high, Math.max(low, value)));
    for (let i = 0; i < plane; i += 37) {
      const length = Math.hypot(mean(0, i), mean(1, i), mean(2, i));
      for (let k = 0; k < 3; k++) {
        expect(look.normal[k * plane + i]).toBeCloseTo(mean(k, i) / length, 5);
        expect(look.point[k * plane + i]! / 100).toBeCloseTo(mean(4 + k, i), 5);
      }
      expect(look.normalDeviation[i]! / within(mean(3, i), -5, 1)).toBeCloseTo(1, 5);
      expect(look.pointDeviation[i]! / within(mean(7, i), -3, 4)).toBeCloseTo(1, 5);
      const chances = Array.from({ length: 14 }, (_, k) => Math.exp(mean(8 + k, i)));
      const all = chances.reduce((sum, chance) => sum + chance, 0);
      for (const [k, chance] of chances.entries()) expect(look.classes[k * plane + i]).toBeCloseTo(chance / all, 5);
    }
    session.dispose();
    context.dispose();
  });

  it('refuses a dense look of a network that says something else', async () => {
    const session = new (native().Session)();
    await session.open({ library: onnxRuntime().library, model: await readModel(locateModels(), FILE) }).promise;
    const context = new (native().Context)({ threads: 2 });
    const image = new (native().Image)({ data: new Uint8Array(48), width: 4, height: 4, channels: 3 });
    const crop = { matrix: [1, 0, 0, 0, 1, 0], width: 128, height: 128, low: 0, high: 1, border: 'zero' } as const;
    await expect(session.lookDensely(context, image, crop).promise).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    await expect(
      session.lookForPerson(context, image, crop, { ...crop, radius: 2, epsilon: 1e-3 }).promise,
    ).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    session.dispose();
    context.dispose();
  });

  it('disposed while it opens: DISPOSED, and no crash', async () => {
    const session = new (native().Session)();
    const model = await readModel(locateModels(), FILE);
    const { promise } = session.open({ library: onnxRuntime().library, model });
    session.dispose();
    await expect(promise).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  it('runs beside onnxruntime-node in one process', async () => {
    const { InferenceSession, Tensor } = await import('onnxruntime-node');
    const model = await readModel(locateModels(), FILE);
    const input = Float32Array.from({ length: 128 * 128 * 3 }, (_, i) => Math.sin(i) / 2);
    const theirs = await InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    const expected = await theirs.run({ [theirs.inputNames[0]!]: new Tensor('float32', input, [1, 128, 128, 3]) });
    const networks = new FaceNetworks();
    const outputs = await networks.run('detectShortRange', input);
    expect(outputs.regressors).toEqual(expected.regressors!.data);
    await theirs.release();
    expect((await networks.run('detectShortRange', input)).classificators).toEqual(expected.classificators!.data);
    networks.dispose();
  });
});

import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Hrn } from '../lib/hrn.js';
import * as hrn from '../lib/index.js';
import { type ProgressEvent, STAGES } from '../lib/progress.js';
import { astronaut, blank, onCanvas } from './photos.js';

const ASTRONAUT = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
const MODELS = fileURLToPath(new URL('../models', import.meta.url));
const FAST = { textureSize: 256 } as const;
const EVERY_STAGE = { ...FAST, detail: 'high', displacementSize: 512, highTriangles: 50_000 } as const;

let folder: string;
let instance: Hrn;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-bad-'));
  instance = await hrn.create({ threads: 2 });
});
afterAll(async () => {
  await instance.dispose();
  await rm(folder, { recursive: true });
});

/** The error, or a word: a failing test must not print a whole head. */
const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error) => error,
  );
const refused = (code: string, message: string | RegExp) =>
  expect.objectContaining({ name: 'HrnError', code, message: expect.stringMatching(message) });

describe('fit refuses', () => {
  it('no such file', async () =>
    expect(await outcome(instance.fit(join(folder, 'none.jpg')))).toEqual(
      refused('FILE_NOT_FOUND', /none\.jpg; check/),
    ));
  it('a directory', async () =>
    expect(await outcome(instance.fit(folder))).toEqual(refused('IS_DIRECTORY', 'name an image')));
  it('something else than an image', async () =>
    expect(await outcome(instance.fit(fileURLToPath(import.meta.url)))).toEqual(refused('NOT_AN_IMAGE', 'convert it')));
  it.each(['jpeg', 'png', 'webp'] as const)('a truncated %s', async (format) => {
    const bytes = await sharp(ASTRONAUT).toFormat(format).toBuffer();
    const half = bytes.subarray(0, bytes.length / 2);
    expect(await outcome(instance.fit(half))).toEqual(refused('IMAGE_TRUNCATED', 'get the file again'));
  });
  it('zero bytes', async () =>
    expect(await outcome(instance.fit(Buffer.alloc(0)))).toEqual(refused('IMAGE_EMPTY', 'zero bytes')));
  it('more pixels than allowed', async () =>
    expect(await outcome(instance.fit(ASTRONAUT, { maxPixels: 512 * 511 }))).toEqual(
      refused('IMAGE_TOO_LARGE', 'option maxPixels'),
    ));
  it('one pixel', async () => {
    const pixel = { data: new Uint8Array(3), width: 1, height: 1, channels: 3 } as const;
    expect(await outcome(instance.fit(pixel))).toEqual(refused('IMAGE_TOO_SMALL', 'at least'));
  });
  it('raw pixels with NaN', async () => {
    const raw = { data: new Float32Array(64 * 64 * 3).fill(Number.NaN), width: 64, height: 64, channels: 3 } as const;
    expect(await outcome(instance.fit(raw))).toEqual(refused('INVALID_IMAGE', 'got NaN at 0'));
  });
  it('a picture without a face', async () => {
    expect(await outcome(instance.fit(blank(300, 300)))).toEqual(refused('NO_FACE', 'use a photo'));
    expect(await outcome(instance.fitAll(blank(300, 300)))).toEqual(refused('NO_FACE', 'use a photo'));
    expect(await instance.detect(blank(300, 300))).toEqual([]);
  });
  it('a face beyond those found', async () =>
    expect(await outcome(instance.fit(ASTRONAUT, { face: 3 }))).toEqual(
      refused('FACE_INDEX', 'the photo shows 1 face'),
    ));
  it('a small face', async () => {
    const small = await onCanvas(await astronaut(), 256, { width: 300, height: 300 });
    expect(await outcome(instance.fit(small, { minFacePx: 120 }))).toEqual(
      refused('FACE_TOO_SMALL', 'option minFacePx'),
    );
    expect(await outcome(instance.fit(ASTRONAUT, { minFacePx: 400 }))).toEqual(
      refused('FACE_TOO_SMALL', 'of at least 400 px'),
    );
  });
  it.each([-80, 80])('a face turned by %i degrees', async (yawDegrees) => {
    const { image } = await hrn.sample({ seed: 3, size: 512, yawDegrees });
    expect(await outcome(instance.fit(image))).toEqual(
      expect.objectContaining({ code: expect.stringMatching(/^(FACE_NOT_VISIBLE|NO_FACE)$/) }),
    );
  });
  it('bad options, before anything is read', async () => {
    const image = join(folder, 'none.jpg');
    expect(await outcome(instance.fit(image, { detail: 'fine' as never }))).toEqual(
      refused('INVALID_OPTION', 'medium'),
    );
    expect(await outcome(instance.fit(image, { textureSize: 0 }))).toEqual(refused('INVALID_OPTION', 'textureSize'));
    expect(await outcome(hrn.fit(image, { face: -1 }))).toEqual(refused('INVALID_OPTION', 'face'));
    expect(await outcome(hrn.create({ device: 'gpu' as never }))).toEqual(refused('INVALID_OPTION', 'cuda:N'));
    expect(await outcome(hrn.create({ device: 'cuda:999' }))).toEqual(refused('DEVICE_UNAVAILABLE', "'cpu'"));
    expect(await outcome(instance.fit(image, { device: 'cuda:999' }))).toEqual(refused('DEVICE_UNAVAILABLE', 'doctor'));
  });
});

describe('models', () => {
  const withModels = async (change: (models: string) => Promise<void>) => {
    const models = await mkdtemp(join(folder, 'models-'));
    for (const file of await readdir(MODELS)) {
      if (/\.(onnx|safetensors)$|manifest/.test(file)) await cp(join(MODELS, file), join(models, file));
    }
    await change(models);
    const own = await hrn.create({ threads: 1, models });
    try {
      return await outcome(own.fit(ASTRONAUT, FAST));
    } finally {
      await own.dispose();
    }
  };
  const files = async () => (await readdir(MODELS)).filter((file) => /\.(onnx|safetensors)$/.test(file));

  it('that are all right are taken', async () => expect(await withModels(async () => {})).toBe('no error'));

  it('with one changed byte are refused, each of them', async () => {
    for (const file of await files()) {
      const error = await withModels(async (models) => {
        const bytes = await readFile(join(models, file));
        bytes[bytes.length >> 1]! ^= 1;
        await writeFile(join(models, file), bytes);
      });
      // The full-range detector is opened only when the short-range one finds nothing.
      if (error !== 'no error') expect(error, file).toEqual(refused('MODEL_CORRUPT', file.replaceAll('.', '\\.')));
      else expect(file).toMatch(/full/);
    }
  });

  it('that are missing, cut off, or without a manifest are refused', async () => {
    const gone = await withModels((models) => rm(join(models, 'head.safetensors')));
    expect(gone).toEqual(refused('MODEL_MISSING', 'head'));
    const cut = await withModels((models) => writeFile(join(models, 'head.safetensors'), 'cut'));
    expect(cut).toEqual(refused('MODEL_CORRUPT', 'head'));
    const lost = await withModels((models) => rm(join(models, 'manifest.json')));
    expect(lost).toEqual(refused('MODEL_MISSING', 'manifest'));
    const garbled = await withModels((models) => writeFile(join(models, 'manifest.json'), '{"models":[{}'));
    expect(garbled).toEqual(refused('MODEL_CORRUPT', 'manifest'));
  });

  it('can be put right after a failure', async () => {
    const models = join(folder, 'late');
    await mkdir(models);
    const own = await hrn.create({ threads: 1, models });
    expect(await outcome(own.fit(ASTRONAUT, FAST))).toEqual(refused('MODEL_MISSING', 'manifest'));
    await cp(MODELS, models, { recursive: true, filter: (source) => !/models.build|licences/.test(source) });
    expect(await outcome(own.fit(ASTRONAUT, FAST))).toBe('no error');
    await own.dispose();
  });
});

describe('writing', () => {
  it('refuses a missing folder, a file in its place and an unknown format, and leaves nothing', async () => {
    const face = await instance.fit(ASTRONAUT, { ...FAST, detail: 'coarse' });
    const out = join(folder, 'out');
    await mkdir(out);
    await writeFile(join(out, 'file'), '');
    expect(await outcome(face.write(join(out, 'none', 'x.glb')))).toEqual(
      refused('OUTPUT_NOT_WRITABLE', 'does not exist'),
    );
    expect(await outcome(face.write(join(out, 'file', 'x.obj')))).toEqual(
      refused('OUTPUT_NOT_WRITABLE', 'not a folder'),
    );
    expect(await outcome(face.preview(join(out, 'none', 'x.png')))).toEqual(
      refused('OUTPUT_NOT_WRITABLE', 'does not exist'),
    );
    expect(await outcome(face.write(join(out, 'x.fbx')))).toEqual(refused('UNSUPPORTED_FORMAT', 'glb'));
    expect(await readdir(out)).toEqual(['file']);
  });
});

describe('abort', () => {
  const reason = new Error('enough');
  const moments: [string, (event: ProgressEvent) => boolean][] = STAGES.flatMap((stage) => [
    [`at the start of ${stage}`, (event) => event.stage === stage && event.done === 0],
    [`at the end of ${stage}`, (event) => event.stage === stage && event.done === event.total],
  ]);

  it('before', async () => {
    expect(await outcome(instance.fit(ASTRONAUT, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(await outcome(instance.fitAll(ASTRONAUT, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(await outcome(instance.detect(ASTRONAUT, { signal: AbortSignal.abort(reason) }))).toBe(reason);
  });

  it.each(moments)('%s', async (_, when) => {
    const controller = new AbortController();
    let stopped = false;
    let late = 0;
    const error = await outcome(
      instance.fit(ASTRONAUT, {
        ...EVERY_STAGE,
        signal: controller.signal,
        onProgress(event) {
          if (stopped) ++late;
          if (!when(event)) return;
          stopped = true;
          controller.abort(reason);
        },
      }),
    );
    expect(stopped).toBe(true);
    expect(error).toBe(reason);
    expect(late).toBe(0);
  });

  it.each(STAGES)('a moment after the start of %s', async (stage) => {
    const controller = new AbortController();
    const error = await outcome(
      instance.fit(ASTRONAUT, {
        ...EVERY_STAGE,
        signal: controller.signal,
        onProgress: (event) => {
          if (event.stage === stage && event.done === 0) setTimeout(() => controller.abort(reason), 3);
        },
      }),
    );
    // A stage may be over before the timer is; then a later one, or the end, has seen it.
    expect(error === reason || error === 'no error').toBe(true);
    if (stage === 'refine') expect(error).toBe(reason);
  });

  it('after, without effect; and the instance is as good as before', async () => {
    const controller = new AbortController();
    const face = await instance.fit(ASTRONAUT, { ...FAST, signal: controller.signal });
    controller.abort(reason);
    expect(face.mesh.positions.every(Number.isFinite)).toBe(true);
    const fresh = await instance.fit(ASTRONAUT, FAST);
    expect(Buffer.compare(Buffer.from(fresh.mesh.positions.buffer), Buffer.from(face.mesh.positions.buffer))).toBe(0);
  });
});

describe('a progress callback that throws', () => {
  it.each(STAGES)('in %s rejects the fit with what it threw', async (stage) => {
    const mine = new RangeError('mine');
    const error = await outcome(
      instance.fit(ASTRONAUT, {
        ...EVERY_STAGE,
        onProgress: (event) => {
          if (event.stage === stage) throw mine;
        },
      }),
    );
    expect(error).toBe(mine);
  });
});

describe('dispose', () => {
  it('waits for a fit, and refuses the next', async () => {
    const own = await hrn.create({ threads: 1 });
    const pending = outcome(own.fit(ASTRONAUT, FAST));
    await own.dispose();
    expect(await pending).toBe('no error');
    for (const call of [own.fit(ASTRONAUT), own.fitAll(ASTRONAUT), own.detect(ASTRONAUT)]) {
      expect(await outcome(call)).toEqual(refused('DISPOSED', 'create'));
    }
    await own.dispose();
    await own[Symbol.asyncDispose]();
  });
});

describe('a worker thread terminated in mid-fit', () => {
  it('leaves the process alive, whatever the stage', { timeout: 120_000 }, async () => {
    const script = join(folder, 'worker.mjs');
    const index = new URL('../dist/index.js', import.meta.url).href;
    await writeFile(
      script,
      `import { parentPort } from 'node:worker_threads';
       import { fit } from '${index}';
       const onProgress = ({ stage }) => parentPort.postMessage(stage);
       await fit(${JSON.stringify(ASTRONAUT)}, { ...${JSON.stringify(EVERY_STAGE)}, onProgress });
       parentPort.postMessage('end');`,
    );
    for (const stage of STAGES) {
      const worker = new Worker(script);
      for (;;) {
        const [message] = await once(worker, 'message');
        expect(message).not.toBe('end');
        if (message === stage) break;
      }
      expect(await worker.terminate(), stage).toBe(1);
    }
    expect(await outcome(instance.fit(ASTRONAUT, FAST))).toBe('no error');
  });
});

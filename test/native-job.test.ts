import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CropSpec, NativeContext, NativeImage } from '../lib/native/binding.js';
import { runJob } from '../lib/native/job.js';
import { native } from '../lib/native/load.js';

// Crops are the smallest jobs that there are: enough to see how a job starts, waits its turn, ends and is cut off.
const spec = (side: number): CropSpec => ({
  matrix: [1, 0, 0, 0, 1, 0],
  width: side,
  height: side,
  low: 0,
  high: 1,
  border: 'replicate',
});
/** The error, or a word: a failing test must not print a million numbers. */
const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error) => error,
  );
let context: NativeContext;
let image: NativeImage;
beforeAll(() => {
  context = new (native().Context)({ threads: 2 });
  image = new (native().Image)({ data: new Uint8Array(48).fill(255), width: 4, height: 4, channels: 3 });
});

describe('a native job', () => {
  it('resolves with its result, off the event loop', async () => {
    let turns = 0;
    const timer = setInterval(() => ++turns, 1);
    const crop = await runJob(() => native().cropImage(context, image, spec(4096)));
    clearInterval(timer);
    expect(crop.length).toBe(4096 * 4096 * 3);
    expect([crop[0], crop.at(-1)]).toEqual([1, 1]);
    expect(turns).toBeGreaterThan(2);
  });

  it('takes its turn on a shared context', async () => {
    const crops = await Promise.all(
      [64, 32, 16, 8].map((side) => runJob(() => native().cropImage(context, image, spec(side)))),
    );
    expect(crops.map(({ length }) => length)).toEqual([64, 32, 16, 8].map((side) => side * side * 3));
  });

  it('rejects with the reason of the signal', async () => {
    const reason = new Error('enough');
    const crop = (signal: AbortSignal) =>
      outcome(runJob(() => native().cropImage(context, image, spec(2048)), { signal }));
    expect(await crop(AbortSignal.abort(reason))).toBe(reason);
    const controller = new AbortController();
    const pending = [1, 2, 3].map(() => crop(controller.signal));
    controller.abort(reason);
    expect(await Promise.all(pending)).toEqual([reason, reason, reason]);
  });

  it('rejects with CANCELLED when cancelled, also while it waits for its turn', async () => {
    const jobs = [1, 2].map(() => native().cropImage(context, image, spec(2048)));
    for (const job of jobs) job.cancel();
    jobs[0]!.cancel();
    const cancelled = expect.objectContaining({ name: 'HrnError', code: 'CANCELLED' });
    expect(await Promise.all(jobs.map((job) => outcome(job.promise)))).toEqual([cancelled, cancelled]);
    jobs[0]!.cancel();
  });

  it('goes on when what it uses is disposed', async () => {
    const own = new (native().Context)({ threads: 2 });
    const picture = new (native().Image)({ data: new Uint8Array(48), width: 4, height: 4, channels: 3 });
    const job = native().cropImage(own, picture, spec(2048));
    own.dispose();
    picture.dispose();
    expect((await job.promise).length).toBe(2048 * 2048 * 3);
  });
});

describe('a worker thread that ends in mid-job', () => {
  let folder: string;
  let script: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hrn-job-'));
    script = join(folder, 'worker.mjs');
    await writeFile(
      script,
      `import { parentPort, workerData } from 'node:worker_threads';
       import { native } from '${new URL('../dist/native/load.js', import.meta.url).href}';
       const context = new (native().Context)({ threads: 2 });
       const image = new (native().Image)({ data: new Uint8Array(48), width: 4, height: 4, channels: 3 });
       const crop = () => native().cropImage(context, image, ${JSON.stringify(spec(1024))}).promise.then(crop, crop);
       for (let i = 0; i < 4; ++i) crop();
       parentPort.postMessage('started');
       if (workerData === 'exit') setTimeout(() => process.exit(0), 20);`,
    );
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([0, 1, 5, 20, 50])('is terminated after %i ms', async (delay) => {
    for (let round = 0; round < 4; ++round) {
      const worker = new Worker(script);
      await once(worker, 'message');
      await new Promise((resolve) => setTimeout(resolve, delay));
      expect(await worker.terminate()).toBe(1);
    }
  });

  it('exits', async () => {
    const worker = new Worker(script, { workerData: 'exit' });
    expect(await once(worker, 'exit')).toEqual([0]);
  });
});

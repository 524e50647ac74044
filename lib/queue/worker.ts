import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Job, Queue, Worker } from 'bullmq';
import { HrnError } from '../index.js';
import { numbersOf } from '../workers/numbers.js';
import { FitPool } from '../workers/pool.js';
import { DEFAULT_QUEUE, type JobData, type JobResult } from './job.js';
import { Photos } from './photos.js';
import { checkRedis, connectionTo, DEFAULT_REDIS, loadBull } from './redis.js';
import { openResults, type Results } from './results.js';
import { S3Store } from './s3.js';

export interface WorkerOptions {
  redis?: string | undefined;
  queue?: string | undefined;
  /** Folder under which the files lie that jobs name. Default: the current one. */
  root?: string | undefined;
  /** Folder, or s3://BUCKET/PREFIX, for results. */
  out: string;
  s3Endpoint?: string | undefined;
  /** Processes that fit, one photo each at a time. Default: one per 2 cores. */
  processes?: number | undefined;
  /** Threads of each of them. Default: the cores, divided. */
  threads?: number | undefined;
  /** A fit that takes longer is stopped, seconds. Default 300. */
  fitTimeoutS?: number | undefined;
  /** Jobs begun per second by all workers of the queue together. Default: no limit. */
  ratePerS?: number | undefined;
  /** After so long without a sign of life, seconds, a worker's jobs are given to others. Default 30. */
  lockS?: number | undefined;
  device?: string | undefined;
  models?: string | undefined;
  /** Told of everything that happens, for log and metrics. */
  onEvent?: ((event: WorkerEvent) => void) | undefined;
}

export type WorkerEvent =
  | { type: 'done'; id: string; photo: string; seconds: number; known: boolean }
  /** @param final: it is set aside; else it is tried again later */
  | { type: 'failed'; id: string; photo: string; message: string; final: boolean }
  | { type: 'stalled'; id: string }
  | { type: 'trouble'; message: string };

export interface RunningWorker {
  readonly pool: FitPool;
  readonly queue: Queue<JobData, JobResult>;
  /** Takes no more jobs, finishes those begun, and ends. */
  drain: () => Promise<void>;
  /** Ends at once; jobs begun go to other workers. */
  close: () => Promise<void>;
}

/** What trying again may mend; anything else is about the photo or the options and stays so. */
const PASSING = new Set([
  ...['WORKER_DIED', 'FIT_TIMEOUT', 'DEVICE_FAILED', 'OUT_OF_MEMORY', 'DISK_FULL', 'OUTPUT_NOT_WRITABLE'],
  ...['SERVICE_UNAVAILABLE', 'FILE_UNREADABLE', 'CANCELLED', 'INTERNAL'],
]);
/** Workers may be killed again and again while they hold a job, which is not the job's fault. */
const MAX_STALLED = 20;
const PROGRESS_MS = 1000;

/**
 * Takes jobs from the queue, one per process at a time, until it is told to end.
 *
 * @throws HrnError DEPENDENCY_MISSING, SERVICE_UNAVAILABLE, OUTPUT_NOT_WRITABLE, and what keeps a process from fitting
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { redis = DEFAULT_REDIS, queue: name = DEFAULT_QUEUE, root = '.', onEvent = () => {} } = options;
  const { whole, number } = numbersOf(options);
  const cores = availableParallelism();
  const processes = whole('processes', 1, 256, Math.max(1, Math.floor(cores / 2)));
  const threads = whole('threads', 1, 256, Math.max(1, Math.floor(cores / processes)));
  const timeoutMs = 1000 * number('fitTimeoutS', 0.1, 86_400, 300);
  const lockDuration = 1000 * number('lockS', 1, 3600, 30);
  const rate = options.ratePerS === undefined ? undefined : whole('ratePerS', 1, 1e6, 1);
  const { bull } = await loadBull();
  await checkRedis(redis);
  const s3 = new S3Store(options.s3Endpoint);
  const results = await openResults(options.out, s3);
  const { device, models } = options;
  const pool = new FitPool({ processes, threads, device, models, timeoutMs, fitsPerProcess: 1000 });
  try {
    await pool.ready();
  } catch (error) {
    await pool.close();
    throw error;
  }

  const photos = new Photos(root, s3);
  const fit = async (job: Job<JobData, JobResult>): Promise<JobResult | { known: true }> => {
    try {
      return await runJob(job, photos, results, pool);
    } catch (error) {
      const failure = error instanceof HrnError ? `${error.code}: ${error.message}` : `INTERNAL: ${String(error)}`;
      const passing = PASSING.has(failure.split(':')[0]!);
      throw passing ? new Error(failure) : new bull.UnrecoverableError(failure);
    }
  };
  const worker: Worker = new bull.Worker(name, fit as never, {
    connection: connectionTo(redis),
    concurrency: processes,
    lockDuration,
    stalledInterval: lockDuration,
    maxStalledCount: MAX_STALLED,
    ...(rate !== undefined && { limiter: { max: rate, duration: 1000 } }),
  });
  const queue = new bull.Queue<JobData, JobResult>(name, { connection: connectionTo(redis) });
  listen(worker, onEvent);
  queue.on('error', () => {}); // the worker's own connection tells

  const end = async (force: boolean) => {
    await worker.close(force);
    await pool.close();
    await queue.close();
    await s3.close();
  };
  return { pool, queue, drain: () => end(false), close: () => end(true) };
}

async function runJob(
  job: Job<JobData, JobResult>,
  photos: Photos,
  results: Results,
  pool: FitPool,
): Promise<JobResult | { known: true }> {
  const id = job.id!;
  // Done before: by a worker that was killed before it could say so, or in an earlier life of the queue.
  if (await results.has(id)) return { known: true };
  const { photo, content, options, outputs } = job.data;
  const folder = await results.begin(id);
  try {
    const image = join(folder, 'photo');
    await photos.copy(photo, content, image);
    let latest = 0;
    const summary = await pool.run(
      { image, name: photo, folder, options, outputs },
      {
        onProgress: (progress) => {
          const now = performance.now();
          if (now - latest < PROGRESS_MS) return;
          latest = now;
          // Only for those who watch: what cannot be told is not worth a failure.
          job.updateProgress({ ...progress }).catch(() => {});
        },
      },
    );
    await rm(image);
    const { files, quality, timingsMs, device, warnings } = summary;
    const codes = warnings.map(({ code }) => code);
    const record = { id, photo, content, options, files, quality: { ...quality }, warnings: codes, timingsMs, device };
    await results.commit(id, folder, record);
    return record;
  } catch (error) {
    await results.discard(folder).catch(() => {});
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') throw new HrnError('DISK_FULL', message);
    throw error;
  }
}

function listen(worker: Worker, onEvent: (event: WorkerEvent) => void): void {
  worker.on('completed', (job: Job, result: { known?: true }) => {
    const seconds = ((job.finishedOn ?? 0) - (job.processedOn ?? 0)) / 1000;
    onEvent({ type: 'done', id: job.id!, photo: job.data.photo, seconds, known: result?.known === true });
  });
  worker.on('failed', (job: Job | undefined, error: Error) => {
    if (!job) return;
    const final = error.name === 'UnrecoverableError' || job.attemptsMade >= (job.opts.attempts ?? 1);
    onEvent({ type: 'failed', id: job.id!, photo: job.data.photo, message: error.message, final });
  });
  worker.on('stalled', (id: string) => onEvent({ type: 'stalled', id }));
  worker.on('error', (error: Error) => onEvent({ type: 'trouble', message: error.message }));
}

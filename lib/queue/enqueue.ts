import type { JobsOptions } from 'bullmq';
import { HrnError } from '../index.js';
import type { Output, TaskOptions } from '../workers/task.js';
import { DEFAULT_OUTPUTS } from '../workers/task-options.js';
import { DEFAULT_QUEUE, type JobData, jobId } from './job.js';
import { Photos } from './photos.js';
import { checkRedis, connectionTo, DEFAULT_REDIS, loadBull } from './redis.js';
import { S3Store } from './s3.js';

/** One photo to put into the queue. */
export interface Entry {
  /** Path, or s3://BUCKET/KEY. */
  photo: string;
  options?: TaskOptions | undefined;
  outputs?: readonly Output[] | undefined;
  /** 0 (default) goes before 1, 1 before 2, and so on. */
  priority?: number | undefined;
}

export interface EnqueueOptions {
  redis?: string | undefined;
  queue?: string | undefined;
  /** Folder under which files lie; workers have the same files under a root of their own. Default: the current one. */
  root?: string | undefined;
  s3Endpoint?: string | undefined;
  /** How often a job is tried before it is set aside. Default 3. */
  attempts?: number | undefined;
  /** Jobs that were set aside are tried again, if they are among these. */
  retryFailed?: boolean | undefined;
}

/** What became of an entry: `known` was in the queue before, `retried` had failed and waits again. */
export interface Enqueued {
  photo: string;
  id?: string;
  state: 'added' | 'known' | 'failed' | 'retried' | 'refused';
  error?: HrnError;
}

/** Entries looked at together: one trip to Redis for so many jobs. */
const BATCH = 200;
/** Finished jobs are forgotten after a week; their results are still found by the workers. */
const KEEP_COMPLETED = { age: 7 * 24 * 3600, count: 100_000 };

/**
 * Puts photos into the queue, each once. An entry that cannot be read is `refused` and the others go on.
 *
 * @throws HrnError DEPENDENCY_MISSING, SERVICE_UNAVAILABLE, INVALID_OPTION
 */
export async function* enqueue(
  entries: Iterable<Entry> | AsyncIterable<Entry>,
  { redis = DEFAULT_REDIS, queue: name = DEFAULT_QUEUE, root = '.', ...options }: EnqueueOptions = {},
): AsyncGenerator<Enqueued, void> {
  const { bull } = await loadBull();
  await checkRedis(redis);
  const s3 = new S3Store(options.s3Endpoint);
  const photos = new Photos(root, s3);
  const queue = new bull.Queue<JobData>(name, { connection: connectionTo(redis) });
  queue.on('error', () => {}); // the command that waits is told
  const opts: JobsOptions = {
    attempts: options.attempts ?? 3,
    backoff: { type: 'exponential', delay: 2000, jitter: 0.5 },
    removeOnComplete: KEEP_COMPLETED,
    removeOnFail: false,
  };

  async function send(batch: readonly Entry[]): Promise<Enqueued[]> {
    const results: Enqueued[] = [];
    const jobs = new Map<string, { name: string; data: JobData; opts: JobsOptions }>();
    for (const entry of batch) {
      try {
        const data = await dataOf(entry);
        const id = jobId(data.content, data.options, data.outputs);
        if (jobs.has(id)) {
          results.push({ photo: entry.photo, id, state: 'known' });
          continue;
        }
        const before = await queue.getJob(id);
        if (!before) {
          jobs.set(id, { name: 'fit', data, opts: { ...opts, jobId: id, priority: entry.priority ?? 0 } });
          results.push({ photo: entry.photo, id, state: 'added' });
          continue;
        }
        const failed = await before.isFailed();
        if (failed && options.retryFailed) await before.retry('failed', { resetAttemptsMade: true });
        const state = failed ? (options.retryFailed ? 'retried' : 'failed') : 'known';
        results.push({ photo: entry.photo, id, state });
      } catch (error) {
        if (!(error instanceof HrnError)) throw error;
        results.push({ photo: entry.photo, state: 'refused', error });
      }
    }
    await queue.addBulk([...jobs.values()]);
    return results;
  }

  async function dataOf({ photo, options: task = {}, outputs = DEFAULT_OUTPUTS }: Entry): Promise<JobData> {
    const name = await photos.nameOf(photo);
    return { photo: name, content: await photos.content(name), options: task, outputs: [...outputs] };
  }

  try {
    let batch: Entry[] = [];
    for await (const entry of entries) {
      batch.push(entry);
      if (batch.length < BATCH) continue;
      yield* await send(batch);
      batch = [];
    }
    yield* await send(batch);
  } finally {
    await queue.close();
    await s3.close();
  }
}

import { DEFAULT_QUEUE, type JobData } from './job.js';
import { checkRedis, connectionTo, DEFAULT_REDIS, loadBull } from './redis.js';

export interface StatusOptions {
  redis?: string | undefined;
  queue?: string | undefined;
  /** How many of the jobs that were set aside are told, at most. Default 100. */
  failures?: number | undefined;
}

export interface QueueStatus {
  /** Jobs that wait, of which some have to be tried again later. */
  waiting: number;
  delayed: number;
  active: number;
  completed: number;
  failed: number;
  /** Jobs that were set aside, the latest first. */
  failures: { id: string; photo: string; error: string; attempts: number }[];
}

/** What is in the queue. Throws HrnError DEPENDENCY_MISSING, SERVICE_UNAVAILABLE. */
export async function status(options: StatusOptions = {}): Promise<QueueStatus> {
  const { redis = DEFAULT_REDIS, queue: name = DEFAULT_QUEUE, failures: most = 100 } = options;
  const { bull } = await loadBull();
  await checkRedis(redis);
  const queue = new bull.Queue<JobData>(name, { connection: connectionTo(redis) });
  queue.on('error', () => {});
  try {
    const counts = await queue.getJobCounts('waiting', 'prioritized', 'delayed', 'active', 'completed', 'failed');
    const failed = most > 0 ? await queue.getFailed(0, most - 1) : [];
    return {
      waiting: (counts.waiting ?? 0) + (counts.prioritized ?? 0),
      delayed: counts.delayed ?? 0,
      active: counts.active ?? 0,
      completed: counts.completed ?? 0,
      failed: counts.failed ?? 0,
      failures: failed.map(({ id, data, failedReason, attemptsMade }) => ({
        id: id!,
        photo: data.photo,
        error: failedReason,
        attempts: attemptsMade,
      })),
    };
  } finally {
    await queue.close();
  }
}

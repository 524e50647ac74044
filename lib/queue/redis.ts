import type { RedisOptions } from 'bullmq';
import { HrnError } from '../index.js';
import { loadPackages } from '../workers/optional-package.js';

export const DEFAULT_REDIS = 'redis://127.0.0.1:6379';

interface Packages {
  bull: typeof import('bullmq');
  Redis: typeof import('ioredis').Redis;
}

export const loadBull = (): Promise<Packages> =>
  loadPackages('the queue', ['bullmq', 'ioredis'], async () => {
    const [bull, redis] = await Promise.all([import('bullmq'), import('ioredis')]);
    return { bull, Redis: redis.Redis };
  });

/** For messages: without user and password. */
export function redisName(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return 'the address given';
  }
}

/**
 * Looks once whether Redis answers, so that a wrong address is an error and not an endless wait.
 *
 * @throws HrnError SERVICE_UNAVAILABLE, INVALID_OPTION
 */
export async function checkRedis(url: string): Promise<void> {
  if (!/^rediss?:\/\//.test(url)) {
    throw new HrnError('INVALID_OPTION', `expected a redis:// or rediss:// address, got ${redisName(url)}`);
  }
  const { Redis } = await loadBull();
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: 5000, retryStrategy: () => null });
  let why: unknown;
  // Told by the rejection below, too, but an unheard event would end the process.
  redis.on('error', (error) => {
    why = error;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    const { message, code } = (why ?? error) as NodeJS.ErrnoException;
    throw new HrnError('SERVICE_UNAVAILABLE', `Redis at ${redisName(url)} cannot be used: ${code ?? message}`, {
      cause: error,
    });
  } finally {
    redis.disconnect();
  }
}

/** Connections of a queue wait for a Redis that restarts, and try again every second at most. */
export function connectionTo(url: string): RedisOptions {
  const retryStrategy = (times: number) => Math.min(1000, 50 * times);
  return { url, maxRetriesPerRequest: null, retryStrategy };
}

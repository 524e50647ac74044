import { createHash } from 'node:crypto';
import type { Quality } from '../result-data.js';
import type { Output, TaskOptions } from '../workers/task.js';

export const DEFAULT_QUEUE = 'hrn';

/** What a job carries: where the photo is and what is wanted of it, never its pixels. */
export interface JobData {
  /** Path under the root, with /, or `s3://BUCKET/KEY`. */
  photo: string;
  /** What was in it when it was put into the queue: `sha256:HEX` or `etag:ETAG`. */
  content: string;
  options: TaskOptions;
  outputs: Output[];
}

/** What a finished job returns, and what `fit.json` beside its files says. */
export interface JobResult {
  id: string;
  photo: string;
  content: string;
  options: TaskOptions;
  files: string[];
  quality: Quality;
  warnings: string[];
  timingsMs: Record<string, number>;
  device: string;
}

/**
 * Name of the job and of its results: the same photo with the same options is the same job, however often and under
 * whatever path it is put into the queue.
 */
export function jobId(content: string, options: TaskOptions, outputs: readonly Output[]): string {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const canonical = [content, given.sort(([a], [b]) => (a < b ? -1 : 1)), [...outputs].sort()];
  return createHash('sha256').update(JSON.stringify(canonical)).digest('hex');
}

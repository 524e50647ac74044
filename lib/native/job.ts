import type { NativeJob, NativeProgress } from './binding.js';

export interface JobOptions {
  signal?: AbortSignal | undefined;
  onProgress?: NativeProgress | undefined;
}

/**
 * Starts a native job and ties it to an AbortSignal: abort cancels it and rejects with the signal's reason.
 *
 * @example await runJob((onProgress) => native().refine(context, input, onProgress), { signal, onProgress })
 */
export async function runJob<Result>(
  start: (onProgress: NativeProgress | undefined) => NativeJob<Result>,
  { signal, onProgress }: JobOptions = {},
): Promise<Result> {
  signal?.throwIfAborted();
  const job = start(onProgress);
  const abort = () => job.cancel();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await job.promise;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

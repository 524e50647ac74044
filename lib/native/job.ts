import type { NativeJob, NativeProgress } from './binding.js';

export interface JobOptions {
  signal?: AbortSignal | undefined;
  onProgress?: NativeProgress | undefined;
}

/**
 * Starts a native job and ties it to an AbortSignal: abort cancels it and rejects with the signal's reason. What
 * onProgress throws cancels it too and is thrown from here.
 *
 * @example await runJob((onProgress) => native().refine(context, input, onProgress), { signal, onProgress })
 */
export async function runJob<Result>(
  start: (onProgress: NativeProgress | undefined) => NativeJob<Result>,
  { signal, onProgress }: JobOptions = {},
): Promise<Result> {
  signal?.throwIfAborted();
  let thrown: { error: unknown } | undefined;
  const report: NativeProgress | undefined =
    onProgress &&
    ((done, total) => {
      try {
        onProgress(done, total);
      } catch (error) {
        thrown ??= { error };
        job.cancel();
      }
    });
  const job = start(report);
  const abort = () => job.cancel();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const result = await job.promise;
    if (!thrown && !signal?.aborted) return result;
  } catch (error) {
    if (!thrown && !signal?.aborted) throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  throw thrown ? thrown.error : signal?.reason;
}

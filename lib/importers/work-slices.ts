import { setImmediate } from 'node:timers/promises';

const SLICE_MS = 8;

/** Lets the event loop run between slices of long arithmetic, and stops it when its signal is aborted. */
export class WorkSlices {
  #sliceEnd = performance.now() + SLICE_MS;

  constructor(
    private readonly signal?: AbortSignal,
    private readonly onProgress?: (fraction: number) => void,
  ) {}

  /** To be awaited often; nearly free while the slice lasts. */
  async pause(): Promise<void> {
    if (performance.now() < this.#sliceEnd) return;
    await setImmediate();
    this.signal?.throwIfAborted();
    this.#sliceEnd = performance.now() + SLICE_MS;
  }

  report(fraction: number): void {
    this.onProgress?.(fraction);
  }
}

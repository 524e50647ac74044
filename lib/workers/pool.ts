import { HrnError } from '../index.js';
import { FitProcess } from './process.js';
import type { FitSummary, FitTask, ProcessSetup, TaskProgress } from './task.js';

export interface PoolOptions extends ProcessSetup {
  /** How many processes, each of which fits one photo at a time. */
  processes: number;
  /** A fit that takes longer is killed, ms. */
  timeoutMs: number;
  /** A process is replaced after so many fits, so that nothing that libraries leave behind adds up. */
  fitsPerProcess?: number;
}

export interface RunOptions {
  /** Takes the task out of the queue, or stops it; rejects with CANCELLED. */
  signal?: AbortSignal;
  onStart?: () => void;
  onProgress?: (progress: TaskProgress) => void;
}

interface Waiting extends RunOptions {
  task: FitTask;
  resolve: (summary: FitSummary) => void;
  reject: (error: HrnError) => void;
}

/** Waits of a replacement after the first, second, ... failure to start in a row, ms. */
const RESTART_MS = [0, 200, 1000, 5000];

/**
 * Processes that fit photos, one photo each at a time, first come, first served. One that dies or hangs takes its own fit
 * with it, which rejects with WORKER_DIED or FIT_TIMEOUT, and is replaced.
 */
export class FitPool {
  readonly #options: PoolOptions;
  readonly #processes = new Set<FitProcess>();
  readonly #waiting: Waiting[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  #failuresInARow = 0;
  #lastFailure: HrnError | undefined;
  #restarts = 0;
  #closed = false;
  #onChange: () => void = () => {};

  constructor(options: PoolOptions) {
    this.#options = options;
    for (let i = 0; i < options.processes; i++) this.#start();
  }

  /** Resolves once a process can fit; rejects with what keeps the first one from it. */
  async ready(): Promise<void> {
    while (this.counts.ready === 0) {
      if (this.#lastFailure) throw this.#lastFailure;
      if (this.#closed) throw closedError();
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
    }
  }

  /** Processes that can fit, those of them that do, fits that wait, and processes replaced so far. */
  get counts(): { ready: number; running: number; waiting: number; restarts: number } {
    const all = [...this.#processes];
    return {
      ready: all.filter((one) => one.ready).length,
      running: all.filter((one) => one.busy).length,
      waiting: this.#waiting.length,
      restarts: this.#restarts,
    };
  }

  /** Ids of the processes, for tests that kill them. */
  get pids(): number[] {
    return [...this.#processes].map(({ pid }) => pid).filter((pid) => pid !== undefined);
  }

  /** @throws HrnError of the fit; WORKER_DIED, FIT_TIMEOUT, CANCELLED */
  run(task: FitTask, options: RunOptions = {}): Promise<FitSummary> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closedError());
      if (options.signal?.aborted) return reject(cancelledError());
      const waiting: Waiting = { task, ...options, resolve, reject };
      options.signal?.addEventListener('abort', () => this.#drop(waiting), { once: true });
      this.#waiting.push(waiting);
      this.#dispatch();
    });
  }

  /** Stops what runs and ends the processes; what waits rejects with CANCELLED. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { reject } of this.#waiting.splice(0)) reject(closedError());
    await Promise.all([...this.#processes].map((one) => one.end()));
    this.#changed();
  }

  #drop(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at < 0) return; // it runs, and the process listens to the signal itself
    this.#waiting.splice(at, 1);
    waiting.reject(cancelledError());
  }

  #start(): void {
    const { threads, device, models, timeoutMs } = this.#options;
    const one = new FitProcess({ threads, device, models }, timeoutMs);
    this.#processes.add(one);
    one.onReady = () => {
      this.#failuresInARow = 0;
      this.#lastFailure = undefined;
      this.#changed();
      this.#dispatch();
    };
    one.onEnd = (failure) => {
      this.#processes.delete(one);
      if (failure) {
        this.#failuresInARow++;
        this.#lastFailure = failure;
      }
      if (!this.#closed) {
        this.#restarts++;
        const wait = RESTART_MS[Math.min(this.#failuresInARow, RESTART_MS.length - 1)]!;
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          this.#start();
        }, wait);
        this.#timers.add(timer);
      }
      this.#changed();
    };
  }

  #dispatch(): void {
    for (const one of this.#processes) {
      if (!one.ready || one.busy) continue;
      const next = this.#waiting.shift();
      if (!next) return;
      next.onStart?.();
      one
        .fit(next.task, next)
        .then(next.resolve, next.reject)
        .finally(() => {
          if (one.fits >= (this.#options.fitsPerProcess ?? Number.POSITIVE_INFINITY)) void one.end();
          this.#dispatch();
        });
    }
  }

  #changed(): void {
    const notify = this.#onChange;
    this.#onChange = () => {};
    notify();
  }
}

function closedError(): HrnError {
  return new HrnError('CANCELLED', 'the service is shutting down');
}

function cancelledError(): HrnError {
  return new HrnError('CANCELLED', 'the fit was stopped before it began');
}

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HrnError, type HrnErrorCode } from '../index.js';
import type { FitSummary, FitTask, FromProcess, ProcessSetup, TaskProgress, ToProcess } from './task.js';

const PROGRAM = fileURLToPath(new URL('./fit-process.js', import.meta.url));
/** How long a fit that was told to stop may take to do so before its process is killed. */
const STOP_MS = 5000;

interface Running {
  number: number;
  onProgress: ((progress: TaskProgress) => void) | undefined;
  settle: (result: FitSummary | HrnError) => void;
}

/** One child process and the fit that it is busy with. */
export class FitProcess {
  /** It has set itself up and can fit. */
  ready = false;
  /** Fits begun so far. */
  fits = 0;
  onReady: () => void = () => {};
  /** @param failure what kept it from setting itself up, if that is why it ended */
  onEnd: (failure: HrnError | undefined) => void = () => {};

  readonly #child: ChildProcess;
  readonly #timeoutMs: number;
  readonly #ended: Promise<void>;
  #running: Running | undefined;
  #unusable: HrnError | undefined;
  #wasReady = false;
  /** Why we killed it, told to its fit. */
  #verdict: HrnError | undefined;

  constructor(setup: ProcessSetup, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#child = fork(PROGRAM, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
    this.#child.on('message', (message: FromProcess) => this.#receive(message));
    this.#ended = new Promise((resolve) => {
      const end = (how: string) => {
        resolve();
        this.#end(how);
      };
      this.#child.once('error', (error) => end(error.message));
      this.#child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    });
    this.#send({ type: 'setup', setup });
  }

  get busy(): boolean {
    return this.#running !== undefined;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  fit(
    task: FitTask,
    { signal, onProgress }: { signal?: AbortSignal; onProgress?: (progress: TaskProgress) => void },
  ): Promise<FitSummary> {
    const number = ++this.fits;
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.#send({ type: 'abort', number });
        stopTimer = this.#killAfter(STOP_MS, new HrnError('CANCELLED', 'the fit was stopped'));
      };
      let stopTimer: NodeJS.Timeout | undefined;
      const seconds = this.#timeoutMs / 1000;
      const fitTimer = this.#killAfter(
        this.#timeoutMs,
        new HrnError('FIT_TIMEOUT', `the fit took longer than the ${seconds} s it was given; use a smaller photo`),
      );
      signal?.addEventListener('abort', stop, { once: true });
      this.#running = {
        number,
        onProgress,
        settle: (result) => {
          this.#running = undefined;
          clearTimeout(fitTimer);
          clearTimeout(stopTimer);
          signal?.removeEventListener('abort', stop);
          if (result instanceof HrnError) reject(result);
          else resolve(result);
        },
      };
      this.#send({ type: 'fit', number, task });
    });
  }

  /** Ends it, in the middle of a fit if need be. */
  async end(): Promise<void> {
    this.ready = false;
    if (this.#child.connected) this.#child.disconnect();
    // What it runs is not worth waiting for; the folder that it writes to is its owner's to remove.
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 1000);
    await this.#ended;
    clearTimeout(timer);
  }

  #killAfter(milliseconds: number, verdict: HrnError): NodeJS.Timeout {
    return setTimeout(() => {
      this.#verdict = verdict;
      this.ready = false;
      this.#child.kill('SIGKILL');
    }, milliseconds);
  }

  #send(message: ToProcess): void {
    // A process that is gone is told of by its end.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #receive(message: FromProcess): void {
    if (message.type === 'ready') {
      this.ready = true;
      this.#wasReady = true;
      this.onReady();
      return;
    }
    if (message.type === 'unusable') {
      this.#unusable = new HrnError(message.code as HrnErrorCode, message.message);
      void this.end();
      return;
    }
    const running = this.#running;
    if (running?.number !== message.number) return;
    if (message.type === 'progress') running.onProgress?.(message.progress);
    else if (message.type === 'done') running.settle(message.summary);
    else running.settle(new HrnError(message.code as HrnErrorCode, message.message));
  }

  #end(how: string): void {
    this.ready = false;
    const died = (when: string) => new HrnError('WORKER_DIED', `a process that fits ended ${when} (${how})`);
    this.#running?.settle(this.#verdict ?? died('in the middle of this photo; it was replaced'));
    this.onEnd(this.#unusable ?? (this.#wasReady ? undefined : died('while it set itself up')));
  }
}

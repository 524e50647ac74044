/** A thread that makes GLBs: sparse targets, their normals and compression are up to a second of arithmetic in JavaScript. */
import { Worker } from 'node:worker_threads';
import { HrnError } from '../errors.js';
import { type ExportModel, exportModelOf, type GlbHead, type GlbJob } from './glb-head.js';

/** Compiled, because a worker runs plain JavaScript; as far from lib/exporters as from dist/exporters. */
const PROGRAM = new URL('../../dist/exporters/glb-worker.js', import.meta.url);
/** A thread that has nothing to do is ended after this time: it holds a model and an engine of its own. */
const IDLE_MS = 5000;

/** A head, the model with it where it is another than the last one's; then the image of its colours. */
export type ToGlbThread =
  | { number: number; job: Omit<GlbJob, 'head'> & { head: Omit<GlbHead, 'model'> }; model: ExportModel | undefined }
  | { number: number; texture: Uint8Array };
export interface FromGlbThread {
  number: number;
  bytes?: Uint8Array;
  error?: unknown;
}

interface Waiting {
  resolve: (bytes: Uint8Array) => void;
  reject: (error: unknown) => void;
}

class GlbThread {
  // Without the options of this process: --eval and --input-type are none for a program in a file.
  readonly #worker = new Worker(PROGRAM, { execArgv: [] });
  readonly #waiting = new Map<number, Waiting>();
  #model: ExportModel | undefined;
  #jobs = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor() {
    this.#worker.on('message', ({ number, bytes, error }: FromGlbThread) => {
      const waiting = this.#waiting.get(number);
      this.#forget(number);
      if (bytes) waiting?.resolve(bytes);
      else waiting?.reject(error);
    });
    this.#worker.on('error', (cause) => this.#end(cause));
    this.#worker.on('exit', (code) => this.#end(new Error(`it exited with code ${code}`)));
  }

  encode(job: GlbJob, texture: Promise<Uint8Array>): Promise<Uint8Array> {
    const number = this.#jobs++;
    clearTimeout(this.#idle);
    this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      const { model, ...head } = job.head;
      const isNew = this.#model !== model;
      this.#model = model;
      const message: ToGlbThread = { number, job: { ...job, head }, model: isNew ? exportModelOf(model) : undefined };
      this.#worker.postMessage(message);
      texture.then(
        (bytes) => this.#worker.postMessage({ number, texture: bytes } satisfies ToGlbThread),
        (error) => {
          // What the thread has of it waits for nothing that could come, and goes with the thread.
          this.#forget(number);
          reject(error);
        },
      );
    });
  }

  #forget(number: number): void {
    this.#waiting.delete(number);
    if (this.#waiting.size > 0) return;
    this.#worker.unref();
    this.#idle = setTimeout(() => this.#end(undefined), IDLE_MS).unref();
  }

  /** Others begin a thread of their own. */
  #end(cause: unknown): void {
    if (thread === this) thread = undefined;
    clearTimeout(this.#idle);
    for (const { reject } of this.#waiting.values()) {
      reject(new HrnError('INTERNAL', 'the thread that makes GLB files ended', { cause }));
    }
    this.#waiting.clear();
    void this.#worker.terminate();
  }
}

let thread: GlbThread | undefined;

/**
 * The bytes of a GLB, made off the event loop.
 *
 * @param job what it is made of; of the model everything but bases is taken
 * @param texture the image of its colours
 * @throws what `texture` rejects with
 */
export function encodeInThread(job: GlbJob, texture: Promise<Uint8Array>): Promise<Uint8Array> {
  thread ??= new GlbThread();
  return thread.encode(job, texture);
}

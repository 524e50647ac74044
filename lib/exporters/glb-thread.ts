/** A thread that makes GLBs: targets, eyes, skeleton and compression are up to a second of arithmetic in JavaScript. */
import { Worker } from 'node:worker_threads';
import { HrnError } from '../errors.js';
import type { Raster } from '../result-data.js';
import { type ExportModel, exportModelOf, type GlbHead, type GlbJob } from './glb-head.js';
import { encodePng } from './texture.js';

/** Compiled, because a worker runs plain JavaScript; as far from lib/exporters as from dist/exporters. */
const PROGRAM = new URL('../../dist/glb-worker.js', import.meta.url);
/** A thread that has nothing to do is ended after this time: it holds a model and an engine of its own. */
const IDLE_MS = 5000;

/** A head, the model with it where it is another than the last one's; then the image of its colours; and answers. */
export type ToGlbThread =
  | { number: number; job: Omit<GlbJob, 'head'> & { head: Omit<GlbHead, 'model'> }; model: ExportModel | undefined }
  | { number: number; texture: Uint8Array }
  | { question: number; png: Uint8Array }
  | { question: number; error: unknown };
/** A file, or why there is none; or a drawing to be compressed here: the image library is loaded once. */
export type FromGlbThread =
  | { number: number; bytes: Uint8Array }
  | { number: number; error: unknown }
  | { question: number; drawing: Raster };

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
    this.#worker.on('message', (message: FromGlbThread) => {
      if ('question' in message) {
        void this.#compress(message);
        return;
      }
      const waiting = this.#waiting.get(message.number);
      this.#forget(message.number);
      if ('bytes' in message) waiting?.resolve(message.bytes);
      else waiting?.reject(message.error);
    });
    this.#worker.on('error', (cause) => this.#end(cause));
    this.#worker.on('exit', (code) => this.#end(new Error(`it exited with code ${code}`)));
  }

  async #compress({ question, drawing }: { question: number; drawing: Raster }): Promise<void> {
    const answer = await encodePng(drawing).then(
      (png) => ({ question, png }),
      (error: unknown) => ({ question, error }),
    );
    this.#worker.postMessage(answer satisfies ToGlbThread);
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

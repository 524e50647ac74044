import { EventEmitter } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HrnError } from '../index.js';
import type { FitPool } from '../workers/pool.js';
import type { FitSummary, Output, TaskOptions, TaskProgress } from '../workers/task.js';
import { Problem } from './problems.js';
import { newId, type ResultFolder } from './result-folder.js';

export type FitState = 'queued' | 'running' | 'done' | 'failed';

/** What is kept of a fit; a client sees it with the links that `routes.ts` adds. */
export interface FitRecord {
  id: string;
  state: FitState;
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
  expiresAt?: string;
  progress: TaskProgress | { stage: 'queued' | 'done'; fraction: number };
  summary?: FitSummary;
  error?: { code: string; message: string };
}

/** A photo that was saved, and what came with it. */
export interface Upload {
  bytes: number;
  options: TaskOptions;
  outputs: readonly Output[];
}

interface Entry {
  record: FitRecord;
  /** Of the finished fit on disk, or set aside for it. */
  bytes: number;
  controller: AbortController;
  events: EventEmitter;
  settled: Promise<void>;
}

export interface FitsOptions {
  ttlS: number;
  quotaBytes: number;
  bodyBytes: number;
  /** Fits that may wait. */
  queue: number;
}

/** Name of an upload within its fit's folder. */
export const UPLOAD = 'upload';
/** What the files of one fit take at most, apart from the texture. */
const MESH_BYTES = 24 * 2 ** 20;
/** The same at the high level, whose mesh is seven times as large. */
const HIGH_MESH_BYTES = 7 * MESH_BYTES;
/** PNG of noise is hardly smaller than its pixels; JPEG in the GLB comes on top. */
const TEXTURE_BYTES_PER_TEXEL = 4;
/** Records of failed fits are small, but there may be no end of them. */
const MAX_FAILED = 10_000;

/**
 * Every fit that the service knows, from its upload until it expires. Emits `finished` for metrics and log: the record, the
 * seconds since its upload, and what it failed of.
 */
export class Fits extends EventEmitter<{ finished: [FitRecord, number, unknown] }> {
  readonly #folder: ResultFolder;
  readonly #pool: FitPool;
  readonly #options: FitsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #sweeper: NodeJS.Timeout;
  #uploading = 0;
  #draining = false;

  constructor(folder: ResultFolder, pool: FitPool, options: FitsOptions) {
    super();
    this.#folder = folder;
    this.#pool = pool;
    this.#options = options;
    const interval = Math.min(60_000, Math.max(250, (options.ttlS * 1000) / 4));
    this.#sweeper = setInterval(() => void this.#sweep(), interval);
    this.#sweeper.unref();
  }

  /** Takes up what an earlier run finished. */
  async recover(): Promise<void> {
    for (const { id, record, bytes } of await this.#folder.recover<FitRecord>()) {
      const events = new EventEmitter();
      this.#entries.set(id, { record, bytes, controller: new AbortController(), events, settled: Promise.resolve() });
    }
    await this.#sweep();
  }

  /** Photos that are being sent. */
  get uploading(): number {
    return this.#uploading;
  }

  /** Bytes on disk or set aside. */
  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#entries.values()) sum += bytes;
    return sum;
  }

  get(id: string): FitRecord {
    return this.#entry(id).record;
  }

  /**
   * Takes an upload and queues it.
   *
   * @param save writes the photo to a path and returns the options that came with it
   * @throws Problem QUEUE_FULL, DISK_FULL, SHUTTING_DOWN; whatever `save` throws
   */
  async add(save: (path: string) => Promise<Upload>): Promise<FitRecord> {
    const id = newId();
    const entry: Entry = {
      record: {
        id,
        state: 'queued',
        createdAt: new Date().toISOString(),
        progress: { stage: 'queued', fraction: 0 },
      },
      bytes: this.#options.bodyBytes,
      controller: new AbortController(),
      events: new EventEmitter().setMaxListeners(0),
      settled: Promise.resolve(),
    };
    this.#admit(entry.bytes);
    this.#uploading++;
    this.#entries.set(id, entry);
    try {
      const folder = await this.#folder.begin(id);
      const { bytes, options, outputs } = await save(join(folder, UPLOAD));
      entry.bytes = bytes;
      const mesh = options.detail === 'high' ? HIGH_MESH_BYTES : MESH_BYTES;
      const more = mesh + TEXTURE_BYTES_PER_TEXEL * (options.textureSize ?? 2048) ** 2;
      this.#admitBytes(more);
      entry.bytes += more;
      entry.settled = this.#run(entry, { image: join(folder, UPLOAD), name: 'the photo', folder, options, outputs });
    } catch (error) {
      this.#entries.delete(id);
      await this.#folder.remove(id);
      throw error;
    } finally {
      this.#uploading--;
    }
    return entry.record;
  }

  /** Resolves when the fit is done or has failed. */
  async settled(id: string): Promise<FitRecord> {
    const entry = this.#entry(id);
    await entry.settled;
    return entry.record;
  }

  /** Calls back with every change, until the returned function is called. */
  watch(id: string, onChange: (record: FitRecord) => void): () => void {
    const { events } = this.#entry(id);
    events.on('change', onChange);
    return () => events.off('change', onChange);
  }

  /** Stops the fit if it is not finished, and removes its files. */
  async remove(id: string): Promise<void> {
    const entry = this.#entry(id);
    entry.controller.abort();
    await entry.settled;
    this.#entries.delete(id);
    await this.#folder.remove(id);
    entry.events.emit('change', entry.record);
  }

  /** No new fits from here on. */
  drain(): void {
    this.#draining = true;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Waits until everything accepted is finished, `milliseconds` at most; says whether it is. */
  async idle(milliseconds: number): Promise<boolean> {
    const deadline = Date.now() + milliseconds;
    const unfinished = () =>
      this.#uploading > 0 || [...this.#entries.values()].some(({ record: { state } }) => !isFinal(state));
    while (unfinished()) {
      if (Date.now() >= deadline) return false;
      await sleep(50);
    }
    return true;
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    for (const { controller } of this.#entries.values()) controller.abort();
    await Promise.all([...this.#entries.values()].map(({ settled }) => settled));
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry && !isExpired(entry.record)) return entry;
    throw new Problem('NOT_FOUND', 'there is no such fit; it may have expired');
  }

  #admit(bytes: number): void {
    if (this.#draining) throw new Problem('SHUTTING_DOWN', 'the service is shutting down; try again in a moment', 5);
    const { waiting } = this.#pool.counts;
    if (waiting + this.#uploading >= this.#options.queue) {
      throw new Problem('QUEUE_FULL', `${this.#options.queue} fits are waiting already; try again later`, 5);
    }
    this.#admitBytes(bytes);
  }

  #admitBytes(bytes: number): void {
    if (this.bytes + bytes <= this.#options.quotaBytes) return;
    const quota = `${Math.floor(this.#options.quotaBytes / 2 ** 20)} MiB`;
    throw new Problem('DISK_FULL', `the results take up their quota of ${quota}; delete some or wait`, 60);
  }

  async #run(entry: Entry, task: Parameters<FitPool['run']>[0]): Promise<void> {
    const { record, controller, events } = entry;
    const { id } = record;
    const start = performance.now();
    const changed = () => events.emit('change', record);
    let failure: unknown;
    try {
      const summary = await this.#pool.run(task, {
        signal: controller.signal,
        onStart: () => {
          record.state = 'running';
          record.startedAt = new Date().toISOString();
          changed();
        },
        onProgress: (progress) => {
          record.progress = progress;
          changed();
        },
      });
      await rm(task.image, { force: true });
      const done: FitRecord = { ...record, ...this.#finished('done'), summary };
      done.progress = { stage: 'done', fraction: 1 };
      entry.bytes = await this.#folder.finish(id, done);
      Object.assign(record, done);
    } catch (error) {
      failure = error;
      await this.#folder.remove(id).catch(() => {});
      entry.bytes = 0;
      Object.assign(record, this.#finished('failed'), { error: failureOf(error) });
      this.#dropOldFailures();
    }
    this.emit('finished', record, (performance.now() - start) / 1000, failure);
    changed();
  }

  #finished(state: FitState): Pick<FitRecord, 'state' | 'finishedAt' | 'expiresAt'> {
    const now = Date.now();
    const expiresAt = new Date(now + 1000 * this.#options.ttlS).toISOString();
    return { state, finishedAt: new Date(now).toISOString(), expiresAt };
  }

  #dropOldFailures(): void {
    const failed = [...this.#entries.values()].filter(({ record }) => record.state === 'failed');
    for (const { record } of failed.slice(0, Math.max(0, failed.length - MAX_FAILED))) this.#entries.delete(record.id);
  }

  async #sweep(): Promise<void> {
    for (const [id, { record }] of this.#entries) {
      if (!isExpired(record)) continue;
      this.#entries.delete(id);
      // A folder that cannot be removed now is removed, or taken up and expired again, by the next run.
      await this.#folder.remove(id).catch(() => {});
    }
  }
}

export function isFinal(state: FitState): boolean {
  return state === 'done' || state === 'failed';
}

function isExpired({ expiresAt }: FitRecord): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) <= Date.now();
}

const DISK_FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** For the client: a defect's message may name paths of the server, and stays out. */
function failureOf(error: unknown): { code: string; message: string } {
  if (error instanceof HrnError && error.code !== 'INTERNAL') return { code: error.code, message: error.message };
  if (DISK_FULL.has((error as NodeJS.ErrnoException).code ?? '')) {
    return { code: 'DISK_FULL', message: 'the disk of the service is full; try again later' };
  }
  return { code: 'INTERNAL', message: 'the fit failed; the log of the service says why' };
}

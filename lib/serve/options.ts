import { availableParallelism } from 'node:os';
import { HrnError } from '../index.js';
import { numbersOf } from '../workers/numbers.js';

/** What `serve` takes; everything has a default that is safe on a machine of one's own. */
export interface ServeOptions {
  /** Address to listen at. Default 127.0.0.1: this machine alone. */
  host?: string | undefined;
  /** Default 3000; 0 picks a free one. */
  port?: number | undefined;
  /** Folder for uploads and results. Default: a new temporary one that is removed at the end. */
  results?: string | undefined;
  /** How long results are kept, seconds. Default 3600. */
  ttlS?: number | undefined;
  /** Bytes that uploads and results may take together. Default 4 GiB. */
  quotaBytes?: number | undefined;
  /** Bytes of a request's body. Default 25 MiB. */
  bodyBytes?: number | undefined;
  /** Pixels of a photo. Default 50 million. */
  maxPixels?: number | undefined;
  /** Either side of a photo, pixels. Default 16,384. */
  maxSide?: number | undefined;
  /** Largest texture that a client may ask for, texels a side. Default 4096. */
  maxTextureSize?: number | undefined;
  /** Processes that fit, one photo each at a time. Default: one per 4 cores, 2 at least. */
  workers?: number | undefined;
  /** Threads of each of them. Default: the cores, divided. */
  threads?: number | undefined;
  /** Fits that may wait for a process. Default 64. */
  queue?: number | undefined;
  /** A fit that takes longer is stopped, seconds. Default 120. */
  fitTimeoutS?: number | undefined;
  /** Sending a request may take so long, seconds. Default 60. */
  requestTimeoutS?: number | undefined;
  /** After SIGTERM accepted fits may take so long to finish, seconds. Default 60. */
  drainTimeoutS?: number | undefined;
  /** Connections at a time. Default 512. */
  connections?: number | undefined;
  /** Bearer tokens, any of which is accepted. Default: none, everybody who can connect may fit. */
  tokens?: readonly string[] | undefined;
  /**
   * Names of this service in `Host`, besides localhost and its address; another one is refused. Default: any, if `host` is
   * not a loopback address.
   */
  hostnames?: readonly string[] | undefined;
  /** From where photos are fetched: `any` public address, or HOST or HOST:PORT. Default: nowhere. */
  allowUrls?: readonly string[] | undefined;
  device?: string | undefined;
  models?: string | undefined;
  /** Least level of the log lines: `info` (default), `warn`, `error`, `silent`. */
  logLevel?: string | undefined;
}

type MayBeMissing = 'results' | 'device' | 'models';
export type ResolvedServeOptions = {
  [Name in Exclude<keyof ServeOptions, MayBeMissing>]-?: Exclude<ServeOptions[Name], undefined>;
} & { [Name in MayBeMissing]: string | undefined };

const LOG_LEVELS = ['info', 'warn', 'error', 'silent'];
/** A day. */
const LONGEST_S = 86_400;

/** Checks and completes; an explicit undefined means the default. Throws HrnError INVALID_OPTION. */
export function resolveServeOptions(options: ServeOptions): ResolvedServeOptions {
  const { whole, number } = numbersOf(options);
  const cores = availableParallelism();
  const workers = whole('workers', 1, 256, Math.max(2, Math.floor(cores / 4)));
  const logLevel = options.logLevel ?? 'info';
  if (!LOG_LEVELS.includes(logLevel)) {
    throw new HrnError(
      'INVALID_OPTION',
      `expected one of ${LOG_LEVELS.join(', ')} for option logLevel, got ${logLevel}`,
    );
  }
  return {
    host: options.host ?? '127.0.0.1',
    port: whole('port', 0, 65_535, 3000),
    results: options.results,
    ttlS: number('ttlS', 1, 365 * LONGEST_S, 3600),
    quotaBytes: number('quotaBytes', 2 ** 20, 2 ** 50, 4 * 2 ** 30),
    bodyBytes: Math.floor(number('bodyBytes', 1024, 512 * 2 ** 20, 25 * 2 ** 20)),
    maxPixels: whole('maxPixels', 1, 1e9, 50_000_000),
    maxSide: whole('maxSide', 1, 65_535, 16_384),
    maxTextureSize: whole('maxTextureSize', 256, 8192, 4096),
    workers,
    threads: whole('threads', 1, 256, Math.max(1, Math.ceil(cores / workers))),
    queue: whole('queue', 1, 100_000, 64),
    fitTimeoutS: number('fitTimeoutS', 0.1, LONGEST_S, 120),
    requestTimeoutS: number('requestTimeoutS', 0.1, LONGEST_S, 60),
    drainTimeoutS: number('drainTimeoutS', 0, LONGEST_S, 60),
    connections: whole('connections', 1, 100_000, 512),
    tokens: options.tokens ?? [],
    hostnames: options.hostnames ?? [],
    allowUrls: options.allowUrls ?? [],
    device: options.device,
    models: options.models,
    logLevel,
  };
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

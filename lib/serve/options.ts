import { availableParallelism } from 'node:os';

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

export type ResolvedServeOptions = {
  [Name in keyof ServeOptions]-?: Exclude<ServeOptions[Name], undefined>;
} & { results: string | undefined; device: string | undefined; models: string | undefined };

/** Completes; an explicit undefined means the default. */
export function resolveServeOptions(options: ServeOptions): ResolvedServeOptions {
  const cores = availableParallelism();
  const workers = options.workers ?? Math.max(2, Math.floor(cores / 4));
  return {
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 3000,
    results: options.results,
    ttlS: options.ttlS ?? 3600,
    quotaBytes: options.quotaBytes ?? 4 * 2 ** 30,
    bodyBytes: options.bodyBytes ?? 25 * 2 ** 20,
    maxPixels: options.maxPixels ?? 50_000_000,
    maxSide: options.maxSide ?? 16_384,
    maxTextureSize: options.maxTextureSize ?? 4096,
    workers,
    threads: options.threads ?? Math.max(1, Math.ceil(cores / workers)),
    queue: options.queue ?? 64,
    fitTimeoutS: options.fitTimeoutS ?? 120,
    requestTimeoutS: options.requestTimeoutS ?? 60,
    drainTimeoutS: options.drainTimeoutS ?? 60,
    connections: options.connections ?? 512,
    tokens: options.tokens ?? [],
    hostnames: options.hostnames ?? [],
    allowUrls: options.allowUrls ?? [],
    device: options.device,
    models: options.models,
    logLevel: options.logLevel ?? 'info',
  } as ResolvedServeOptions;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

import { HrnError } from '../index.js';
import { FitPool } from '../workers/pool.js';
import { createApp } from './app.js';
import { Fits } from './fits.js';
import { isLoopback, resolveServeOptions, type ServeOptions } from './options.js';
import { ResultFolder } from './result-folder.js';

export type { ServeOptions } from './options.js';

/** A running service. */
export interface Service {
  /** `http://HOST:PORT` */
  url: string;
  /** Ids of the processes that fit. */
  readonly workerPids: number[];
  /**
   * Takes no more photos, finishes those that were accepted, for as long as `drainTimeoutS` at most, and ends.
   *
   * @returns false if some were not finished in time
   */
  drain: () => Promise<boolean>;
  /** Ends at once. */
  close: () => Promise<void>;
}

/**
 * Starts the HTTP service and its page.
 *
 * @throws HrnError DEPENDENCY_MISSING, SERVICE_UNAVAILABLE (the address cannot be listened at), OUTPUT_NOT_WRITABLE, and
 * what keeps a process from fitting: MODEL_MISSING, NATIVE_UNAVAILABLE, DEVICE_UNAVAILABLE
 */
export async function serve(given: ServeOptions = {}): Promise<Service> {
  const options = resolveServeOptions(given);
  const folder = await ResultFolder.open(options.results);
  const pool = new FitPool({
    processes: options.workers,
    threads: options.threads,
    device: options.device,
    models: options.models,
    timeoutMs: 1000 * options.fitTimeoutS,
    fitsPerProcess: FITS_PER_PROCESS,
  });
  const fits = new Fits(folder, pool, options);
  let app: Awaited<ReturnType<typeof createApp>> | undefined;
  const close = async () => {
    await Promise.all([fits.close(), pool.close()]);
    if (app) await closeApp(app);
    await folder.close();
  };
  try {
    await fits.recover();
    app = await createApp({ options, fits, pool, folder });
    await pool.ready();
    const url = await listen(app, options.host, options.port);
    if (!isLoopback(options.host) && options.tokens.length === 0) {
      app.log.warn('everybody who can reach this address may use it: give it tokens with --tokens');
    }
    return {
      url,
      get workerPids() {
        return pool.pids;
      },
      close,
      async drain() {
        fits.drain();
        const finished = await fits.idle(1000 * options.drainTimeoutS);
        await close();
        return finished;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Native libraries and V8 keep what they once needed; a fresh process every few hundred fits keeps that small. */
const FITS_PER_PROCESS = 500;

/** Answers may be under way to clients that read slowly; they are not waited for without end. */
const CLOSE_MS = 5000;

async function closeApp(app: Awaited<ReturnType<typeof createApp>>): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS);
  await app.close();
  clearTimeout(timer);
}

async function listen(app: Awaited<ReturnType<typeof createApp>>, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const advice = code === 'EADDRINUSE' ? 'something else listens there; choose another --port' : 'choose another';
    throw new HrnError('SERVICE_UNAVAILABLE', `cannot listen at ${host} port ${port} (${code}): ${advice}`, { cause });
  }
}

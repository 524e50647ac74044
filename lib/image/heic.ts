/** HEIC, the photos of iPhones: sharp reads their headers but has no HEVC decoder. */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { HrnError } from '../errors.js';
import type { Raster } from '../result-data.js';

/** An optional dependency (libheif compiled to WebAssembly). */
export const HEIC_PACKAGE = 'heic-decode';
/** Compiled, because a worker runs plain JavaScript; as far from lib/image as from dist/image. */
const WORKER = new URL('../../dist/image/heic-worker.js', import.meta.url);

/** What the worker is given. */
export interface HeicJob {
  bytes: Uint8Array;
  /** Path of HEIC_PACKAGE's entry. */
  decoder: string;
  /** Of the file's ICC profile: iPhones store Display P3. */
  isDisplayP3: boolean;
}

/**
 * Decodes in a thread of its own; the file's own turns and mirrors are applied.
 *
 * @param icc profile, as sharp returns it
 * @throws HrnError NOT_AN_IMAGE where the decoder is not installed; what the decoder says of a damaged file
 */
export function decodeHeic(
  name: string,
  bytes: Uint8Array,
  icc: Uint8Array | undefined,
  signal: AbortSignal | undefined,
): Promise<Raster & { channels: 3 }> {
  let decoder: string;
  try {
    decoder = createRequire(import.meta.url).resolve(HEIC_PACKAGE);
  } catch (cause) {
    throw new HrnError(
      'NOT_AN_IMAGE',
      `${name} is a HEIC image, and the package that decodes it is not installed; npm install ${HEIC_PACKAGE}, or convert the image to JPEG`,
      { cause },
    );
  }
  const job: HeicJob = { bytes, decoder, isDisplayP3: namesDisplayP3(icc) };
  return new Promise((resolve, reject) => {
    // What libheif prints of a damaged file is in its error too. Options of this process, --eval and the like, are not its own.
    const worker = new Worker(WORKER, { workerData: job, stdout: true, stderr: true, execArgv: [] });
    const abort = () => {
      void worker.terminate();
      reject(signal!.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => {
      signal?.removeEventListener('abort', abort);
      reject(new Error(`the thread that decodes HEIC ended with code ${code}`));
    });
  });
}

/** The description of a profile is in ASCII or in UTF-16. */
function namesDisplayP3(icc: Uint8Array | undefined): boolean {
  return icc !== undefined && Buffer.from(icc).toString('latin1').replaceAll('\0', '').includes('Display P3');
}

import { Worker } from 'node:worker_threads';

/** Compiled, because a worker runs plain JavaScript; as far from lib/exporters as from dist/exporters. */
const WORKER = new URL('../../dist/exporters/compress-worker.js', import.meta.url);

/** A GLB with its meshes in EXT_meshopt_compression, made in a thread of its own: it takes a second of arithmetic. */
export function compressInWorker(bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, { workerData: bytes });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the thread that compresses ended with code ${code}`)));
  });
}

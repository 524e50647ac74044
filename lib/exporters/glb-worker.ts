import { parentPort } from 'node:worker_threads';
import { encodeGlb } from './glb-file.js';
import type { ExportModel } from './glb-head.js';
import type { FromGlbThread, ToGlbThread } from './glb-thread.js';

// The program of the thread that makes GLBs; see glb-thread.ts. Files are made as they come, a texture follows its head.

/** Kept, with what rests on it: heads of one model follow each other. */
let model: ExportModel | undefined;
const textures = new Map<number, (bytes: Uint8Array) => void>();

function send(message: FromGlbThread): void {
  parentPort?.postMessage(message, message.bytes ? [message.bytes.buffer as ArrayBuffer] : []);
}

parentPort?.on('message', async (message: ToGlbThread) => {
  const { number } = message;
  if ('texture' in message) {
    textures.get(number)?.(message.texture);
    textures.delete(number);
    return;
  }
  try {
    model = message.model ?? model;
    const texture = new Promise<Uint8Array>((resolve) => textures.set(number, resolve));
    const job = { ...message.job, head: { ...message.job.head, model: model! } };
    const plain = await encodeGlb(job, texture);
    const packed =
      job.options.compression === 'none' ? plain : await (await import('./meshopt.js')).compressMeshes(plain);
    send({ number, bytes: packed });
  } catch (error) {
    send({ number, error });
  }
});

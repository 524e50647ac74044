import { parentPort } from 'node:worker_threads';
import { toBlendShapes } from './blend-shapes.js';
import { encodeGlb } from './exporters/glb-file.js';
import type { ExportModel } from './exporters/glb-head.js';
import type { GlbMakers } from './exporters/glb-makers.js';
import type { FromGlbThread, ToGlbThread } from './exporters/glb-thread.js';
import { native } from './native/load.js';
import type { Raster } from './result-data.js';

// The program of the thread that makes GLBs; see exporters/glb-thread.ts. Files are made as they come, a texture follows its head.

/** Kept, with what rests on it: heads of one model follow each other. */
let model: ExportModel | undefined;
const textures = new Map<number, (bytes: Uint8Array) => void>();
const questions: { resolve: (png: Uint8Array) => void; reject: (error: unknown) => void }[] = [];

function send(message: FromGlbThread, transferred: ArrayBufferLike[] = []): void {
  parentPort?.postMessage(message, transferred as ArrayBuffer[]);
}

/** By the thread that has the image library. */
function encodePng(drawing: Raster): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const question = questions.push({ resolve, reject }) - 1;
    send({ question, drawing }, [drawing.data.buffer]);
  });
}

const spreadValues: GlbMakers['spreadValues'] = (problem) => native().spreadValues(problem).promise;
const layoutMap: GlbMakers['layoutMap'] = (problem) => native().layoutMap(problem).promise;

parentPort?.on('message', async (message: ToGlbThread) => {
  if ('question' in message) {
    if ('png' in message) questions[message.question]?.resolve(message.png);
    else questions[message.question]?.reject(message.error);
    delete questions[message.question];
    return;
  }
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
    const plain = await encodeGlb(job, { texture, encodePng, toBlendShapes, spreadValues, layoutMap });
    const packed =
      job.options.compression === 'none' ? plain : await (await import('./exporters/meshopt.js')).compressMeshes(plain);
    send({ number, bytes: packed }, [packed.buffer]);
  } catch (error) {
    send({ number, error });
  }
});

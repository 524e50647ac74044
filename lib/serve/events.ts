import { PassThrough, type Readable } from 'node:stream';
import { type FitRecord, type Fits, isFinal } from './fits.js';

/** A comment line so often keeps proxies from closing a quiet connection, ms. */
const HEARTBEAT_MS = 15_000;

/** Server-sent events of a fit: its state at once and after every change, the last one when it is finished or removed. */
export function eventStream(fits: Fits, id: string, present: (record: FitRecord) => object): Readable {
  const stream = new PassThrough();
  const first = fits.get(id);
  const write = (record: FitRecord) => {
    // A client that does not read misses steps, not the end; nothing piles up for it.
    if (stream.writableNeedDrain && !isFinal(record.state)) return;
    stream.write(`event: fit\ndata: ${JSON.stringify(present(record))}\n\n`);
    if (isFinal(record.state)) stream.end();
  };
  write(first);
  if (isFinal(first.state)) return stream;
  const unwatch = fits.watch(id, write);
  const heartbeat = setInterval(() => stream.write(': alive\n\n'), HEARTBEAT_MS);
  stream.once('close', () => {
    clearInterval(heartbeat);
    unwatch();
  });
  return stream;
}

import { createWriteStream } from 'node:fs';
import { finished, type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Problem } from './problems.js';

/**
 * Writes a body to a new file, piece by piece, and returns its bytes. What is not wanted is read all the same and dropped:
 * a client that is cut off while it sends does not see the answer.
 *
 * @throws Problem BODY_TOO_LARGE, BAD_REQUEST where the client breaks off; errors of the file system as they are
 */
export async function saveBody(body: Readable, path: string, maxBytes: number): Promise<number> {
  let bytes = 0;
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= maxBytes) done(null, chunk);
      else done(new Problem('BODY_TOO_LARGE', `the photo has more than the ${maxBytes} bytes that are taken`));
    },
  });
  const stop = finished(body, { writable: false }, (error) => {
    if (error) limit.destroy(new Problem('BAD_REQUEST', 'the upload broke off'));
  });
  try {
    // Not one pipeline from end to end: it would destroy the body, and with it the connection, when the file fails.
    body.pipe(limit);
    await pipeline(limit, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    body.unpipe(limit);
    body.resume();
    throw error;
  } finally {
    stop();
  }
  return bytes;
}

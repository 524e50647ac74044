import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Problem } from './problems.js';

/** Writes a body to a new file, piece by piece; refuses one that is too long. Returns its bytes. */
export async function saveBody(body: Readable, path: string, maxBytes: number): Promise<number> {
  let bytes = 0;
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= maxBytes) done(null, chunk);
      else done(new Problem('BODY_TOO_LARGE', `the photo has more than the ${maxBytes} bytes that are taken`));
    },
  });
  await pipeline(body, limit, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
  return bytes;
}

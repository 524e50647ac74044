import { readFile, stat } from 'node:fs/promises';
import { HrnError } from '../errors.js';

/** BFM 2009 has 240 MB, checkpoints up to 1 GB; Node reads at most 2 GiB at once. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/** @throws HrnError MODEL_MISSING, MODEL_TOO_LARGE */
export async function readModelBytes(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES) {
      throw new HrnError('MODEL_TOO_LARGE', `${path} has ${size} bytes, expected at most ${MAX_FILE_BYTES}`);
    }
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof HrnError) throw cause;
    throw new HrnError('MODEL_MISSING', `${path} cannot be read (${(cause as Error).message}); check the path`, {
      cause,
      details: { path },
    });
  }
}

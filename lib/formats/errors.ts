import { HrnError, type HrnErrorOptions } from '../errors.js';

/** What a reader says about a file it cannot use; whoever knows the file's name adds it with `inFile`. */
export function corruptFile(kind: string, what: string, options: HrnErrorOptions = {}): HrnError {
  return new HrnError('MODEL_CORRUPT', `not an intact ${kind} file: ${what}`, options);
}

export function wrongFormat(expected: string, got: string): HrnError {
  return new HrnError('MODEL_FORMAT', `expected ${expected}, got ${got}`, { details: { expected, got } });
}

export function tooLarge(what: string, size: number | bigint, limit: number): HrnError {
  return new HrnError('MODEL_TOO_LARGE', `${what} claims ${size}, expected at most ${limit}`, {
    details: { size: Number(size), limit },
  });
}

/** Names the file in whatever goes wrong while it is read; errors of the readers' libraries become MODEL_CORRUPT. */
export async function inFile<T>(path: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof HrnError) {
      throw new HrnError(error.code, `${path}: ${error.message}`, {
        details: { path, ...error.details },
        cause: error.cause,
      });
    }
    throw new HrnError('MODEL_CORRUPT', `${path}: ${(error as Error).message}`, { details: { path }, cause: error });
  }
}

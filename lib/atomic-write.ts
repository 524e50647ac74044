import { randomBytes } from 'node:crypto';
import { fsync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { HrnError } from './errors.js';

/** One file of an output: where it goes and what it holds. */
export interface OutputFile {
  path: string;
  bytes: Uint8Array;
}

const DISK_FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What a failed write means to the user; anything but a lack of space is a place that cannot be written to. */
export function outputError(error: unknown, path: string): HrnError {
  const { code = 'unknown', message } = error as NodeJS.ErrnoException;
  if (DISK_FULL.has(code)) {
    return new HrnError(
      'DISK_FULL',
      `No space left to write ${path} (${code}). Free some space or choose another folder.`,
      {
        cause: error,
      },
    );
  }
  const reasons: Record<string, string> = {
    ENOENT: `the folder ${dirname(path)} does not exist: create it first`,
    EEXIST: 'a file of that name is in the way: choose another name',
    ENOTDIR: `${dirname(path)} is not a folder: choose another one`,
    EACCES: 'permission denied: choose a folder you may write to',
    EPERM: 'operation not permitted: choose a folder you may write to',
    EROFS: 'the file system is read-only: choose another folder',
    EISDIR: 'a folder of that name is in the way: choose another name',
    ENAMETOOLONG: 'the name is too long: choose a shorter one',
  };
  return new HrnError('OUTPUT_NOT_WRITABLE', `Cannot write ${path}: ${reasons[code] ?? message} (${code}).`, {
    cause: error,
  });
}

/** A hidden name in the same folder, because a rename is atomic only within one file system. */
function temporaryPath(path: string): string {
  // Cut, so that an output name of the greatest legal length still leaves room for the suffix.
  const name = Buffer.from(basename(path)).subarray(0, 200).toString();
  return join(dirname(path), `.${name}.${randomBytes(6).toString('hex')}.tmp`);
}

async function writeTemporary(temporary: string, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
  const handle = await open(temporary, 'wx');
  try {
    await handle.writeFile(bytes, { signal });
    // Not handle.sync(): yarn's Plug'n'Play puts handles of its own in place of node's, which have no such method.
    await promisify(fsync)(handle.fd);
  } finally {
    await handle.close();
  }
}

/**
 * Writes a set of files so that other processes see each of them whole or not at all, and so that a failure leaves
 * nothing of the set behind: all go to temporary names first and are renamed only when every one is safely on disk.
 *
 * @throws HrnError OUTPUT_NOT_WRITABLE or DISK_FULL; `signal.reason` if aborted.
 */
export async function writeFilesAtomically(files: readonly OutputFile[], signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const leftovers = new Set<string>();
  let current = '';
  try {
    const renames: [temporary: string, path: string][] = [];
    for (const file of files) {
      current = resolve(file.path);
      // Renaming onto a folder would fail only after other files of the set are in place.
      const existing = await stat(current).catch(() => undefined);
      if (existing?.isDirectory()) throw Object.assign(new Error('is a directory'), { code: 'EISDIR' });
      const temporary = temporaryPath(current);
      leftovers.add(temporary);
      await writeTemporary(temporary, file.bytes, signal);
      renames.push([temporary, current]);
    }
    signal?.throwIfAborted();
    for (const [temporary, path] of renames) {
      current = path;
      await rename(temporary, path);
      leftovers.delete(temporary);
      leftovers.add(path);
    }
    leftovers.clear();
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw outputError(error, current);
  } finally {
    // A failed removal must not hide why the write failed.
    await Promise.allSettled([...leftovers].map((path) => rm(path, { force: true })));
  }
}

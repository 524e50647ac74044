import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HrnError } from '../errors.js';

const MAX_DEPTH = 4;
const MAX_ENTRIES = 20_000;

/**
 * Files of the given names in a folder and the folders in it, nearest first; for a file, beside it.
 *
 * @returns name -> path, of those that are there
 * @throws HrnError MODEL_MISSING where there is no such file or folder
 */
export async function findFiles(path: string, names: readonly string[]): Promise<Map<string, string>> {
  const isFolder = await stat(path).then(
    (entry) => entry.isDirectory(),
    (cause) => {
      throw new HrnError('MODEL_MISSING', `${path} cannot be read (${cause.code}); give the folder with the files`, {
        cause,
      });
    },
  );
  const found = new Map<string, string>();
  let folders = [isFolder ? path : dirname(path)];
  let seen = 0;
  for (let depth = 0; depth <= (isFolder ? MAX_DEPTH : 0) && folders.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of folders) {
      for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
        if (++seen > MAX_ENTRIES) return found;
        if (entry.isDirectory() && !entry.name.startsWith('.')) next.push(join(folder, entry.name));
        else if (names.includes(entry.name) && !found.has(entry.name)) found.set(entry.name, join(folder, entry.name));
      }
    }
    folders = next.sort();
  }
  if (!isFolder && names.includes(basename(path))) found.set(basename(path), path);
  return found;
}

/** @throws HrnError MODEL_MISSING with what the file is and where it comes from */
export function needed(found: ReadonlyMap<string, string>, name: string, folder: string, source: string): string {
  const path = found.get(name);
  if (path !== undefined) return path;
  throw new HrnError('MODEL_MISSING', `${folder} holds no ${name}; it comes with ${source}`, {
    details: { folder, file: name },
  });
}

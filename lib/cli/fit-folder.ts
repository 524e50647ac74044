import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const IMAGE = /\.(jpe?g|jfif|png|webp|avif|hei[cf]|gif|tiff?)$/i;

/**
 * Puts the images of a folder, by name, in place of the folder. One without images stays as it is, for the fit to refuse.
 * Folders in it are not looked into.
 */
export async function expandFolders(args: readonly string[]): Promise<{ inputs: string[]; folders: number }> {
  const inputs: string[] = [];
  let folders = 0;
  for (const arg of args) {
    const isFolder = await stat(arg).then(
      (found) => found.isDirectory(),
      () => false,
    );
    const entries = isFolder ? await readdir(arg, { withFileTypes: true }) : [];
    const found = entries.filter(
      (entry) => !entry.isDirectory() && IMAGE.test(entry.name) && !entry.name.startsWith('.'),
    );
    if (found.length === 0) {
      inputs.push(arg);
      continue;
    }
    folders++;
    inputs.push(...found.map(({ name }) => join(arg, name)).sort());
  }
  return { inputs, folders };
}

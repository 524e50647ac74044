import { join, resolve } from 'node:path';
import { packageRoot } from '../native/load.js';

/** Folder of the models in use: the user's (relative to the working directory) or the one inside the package. */
export function locateModels(folder?: string): string {
  return folder === undefined ? join(packageRoot, 'models') : resolve(folder);
}

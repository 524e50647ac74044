import { createRequire } from 'node:module';
import { HrnError } from '../index.js';

/**
 * Loads packages that only some commands need. They are optional peer dependencies, so that installing hrn for its library
 * alone stays small.
 *
 * @param what the command or function that needs them
 * @throws HrnError DEPENDENCY_MISSING with the command that installs them
 */
export async function loadPackages<T>(what: string, names: readonly string[], load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    const { peerDependencies } = createRequire(import.meta.url)('../../package.json') as {
      peerDependencies: Record<string, string>;
    };
    const wanted = names.map((name) => `'${name}@${peerDependencies[name]}'`).join(' ');
    throw new HrnError('DEPENDENCY_MISSING', `${what} needs packages that are not installed: npm install ${wanted}`, {
      cause,
      details: { packages: names },
    });
  }
}

import { extname } from 'node:path';
import { HrnError } from '../errors.js';
import type { Exporter } from './exporter.js';
import { withBaseColor } from './options.js';

/** A new format is one file here and one line below; loaded on use, because encoders are slow to import. */
const LOADERS = {
  '.glb': async (): Promise<Exporter> => (await import('./glb.js')).glb,
  '.obj': async (): Promise<Exporter> => (await import('./obj.js')).obj,
  '.stl': async (): Promise<Exporter> => (await import('./stl.js')).stl,
  '.usdz': async (): Promise<Exporter> => (await import('./usdz.js')).usdz,
  '.ply': async (): Promise<Exporter> => (await import('./ply.js')).ply,
} as const;

/** Names of the formats a result can be written as, without the dot. */
export const FORMATS = Object.keys(LOADERS).map((extension) => extension.slice(1));

/**
 * The exporter for a path, chosen by its extension (upper or lower case).
 *
 * @throws HrnError UNSUPPORTED_FORMAT
 */
export async function exporterFor(path: string): Promise<Exporter> {
  const extension = extname(path).toLowerCase();
  const load = Object.hasOwn(LOADERS, extension) ? LOADERS[extension as keyof typeof LOADERS] : undefined;
  if (!load) {
    throw new HrnError(
      'UNSUPPORTED_FORMAT',
      `Expected a path that ends in ${FORMATS.map((format) => `.${format}`).join(', ')} but got ${extension ? `"${extension}"` : 'no extension'} in ${path}.`,
    );
  }
  const exporter = await load();
  return {
    ...exporter,
    encode: (result, target, options) => exporter.encode(withBaseColor(result, options), target, options),
  };
}

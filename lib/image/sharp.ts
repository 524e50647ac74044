import type sharp from 'sharp';
import { HrnError } from '../errors.js';

/**
 * The library that reads and writes images. Its binary is an optional dependency of it, which an installation may lack.
 *
 * @throws HrnError NATIVE_UNAVAILABLE
 */
export async function loadSharp(): Promise<typeof sharp> {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0];
    throw new HrnError(
      'NATIVE_UNAVAILABLE',
      `sharp, which reads and writes images, cannot be loaded (${reason}). Its binary for this platform is an optional ` +
        'dependency: install again without --omit=optional and on this platform, or see sharp.pixelplumbing.com/install',
      { cause },
    );
  }
}

import { type DenseFace, lookDensely } from './dense.js';
import type { DenseLandmarks } from './landmarks.js';
import { findPersonMask, type PersonMask } from './mask.js';
import type { FaceNetworks } from './networks.js';
import type { Photo } from './photo.js';

/** What the networks say of the pixels around one face. */
export interface FacePixels {
  /** Where there is a person, with the edges of the photo. */
  person: PersonMask;
  /** What each pixel shows, and how the surface lies there. */
  dense: DenseFace;
}

/** @throws HrnError MODEL_MISSING, MODEL_CORRUPT */
export async function seeFacePixels(
  networks: FaceNetworks,
  photo: Photo,
  square: Pick<DenseLandmarks, 'region'>,
  signal?: AbortSignal,
): Promise<FacePixels> {
  const [person, dense] = await Promise.all([
    findPersonMask(networks, photo, square, signal),
    lookDensely(networks, photo, square, signal),
  ]);
  return { person, dense };
}

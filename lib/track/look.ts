/** What both passes look for in a frame. */
import { HrnError } from '../errors.js';
import type { Resources } from '../fit.js';
import { type DenseLandmarks, landmarksInFrame } from '../stages/landmarks.js';
import type { FaceNetworks } from '../stages/networks.js';
import type { Photo, Region } from '../stages/photo.js';
import { regress } from '../stages/regress.js';
import type { Looks } from './likeness.js';

/** Undefined where the face is not seen well enough. */
export async function visibleLandmarks(
  networks: FaceNetworks,
  photo: Photo,
  region: Region,
  signal: AbortSignal | undefined,
): Promise<DenseLandmarks | undefined> {
  try {
    return await landmarksInFrame(networks, photo, region, signal);
  } catch (error) {
    if (error instanceof HrnError && error.code === 'FACE_NOT_VISIBLE') return undefined;
    throw error;
  }
}

export async function looksOf(
  { networks, head, regressor }: Pick<Resources, 'networks' | 'head' | 'regressor'>,
  photo: Photo,
  landmarks: DenseLandmarks,
  signal: AbortSignal | undefined,
): Promise<Looks> {
  if (!regressor) return new Float64Array();
  const { identity } = await regress(networks, regressor, head.morphable, photo, landmarks, signal);
  return identity.mean;
}

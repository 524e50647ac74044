import type { HeadModel } from '../head-model.js';
import type { NativeContext } from '../native/binding.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { Hair } from '../result-data.js';
import { type HeadOrigin, placed } from './assemble.js';
import { type DenseFace, lookDensely } from './dense.js';
import type { FacePixels } from './face-pixels.js';
import { faceView } from './face-view.js';
import type { DenseLandmarks } from './landmarks.js';
import type { FaceNetworks } from './networks.js';
import type { Photo } from './photo.js';
import type { RefinedHead } from './refine.js';

/** Sides of the landmarks' region: hair stands out further than the face's square reaches. */
const REGION_SCALE = 1.6;

/** What the photo shows in a wider square around the face. */
export function seeHair(
  networks: FaceNetworks,
  photo: Photo,
  { region }: Pick<DenseLandmarks, 'region'>,
  signal: AbortSignal | undefined,
): Promise<DenseFace> {
  return lookDensely(networks, photo, { region: { ...region, size: REGION_SCALE * region.size } }, signal);
}

/** A volume of hair around a fitted head; undefined where the photo shows none, or the model has no scalp. */
export async function shapeHair(
  context: NativeContext,
  head: HeadModel,
  photo: Photo,
  { positions, camera }: RefinedHead,
  landmarks: DenseLandmarks,
  { person, dense }: FacePixels,
  wide: DenseFace,
  frame: { origin: HeadOrigin; factor: number },
  signal: AbortSignal | undefined,
): Promise<Hair | undefined> {
  const problem = { positions, camera, face: faceView(person, landmarks), dense, wide };
  const hair = await runJob(() => native().hairVolume(context, head.native, photo.pixels, problem), { signal });
  if (hair.indices.length === 0) return undefined;
  const { normals, uvs, indices, rgb: data, width, height } = hair;
  return {
    positions: placed(hair.positions, frame.origin, frame.factor),
    normals,
    uvs,
    indices,
    texture: { data, width, height, channels: 3 },
  };
}

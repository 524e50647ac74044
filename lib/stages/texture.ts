import type { HeadModel } from '../head-model.js';
import type { NativeContext } from '../native/binding.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { TextureBake } from '../native/refine.js';
import { faceView } from './face-view.js';
import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import type { Photo } from './photo.js';
import type { RefinedHead } from './refine.js';

/** One texture over the UV layout, and the normals of the final mesh. */
export function recoverTexture(
  context: NativeContext,
  head: HeadModel,
  photo: Photo,
  { positions, camera, albedo, lighting }: RefinedHead,
  landmarks: DenseLandmarks,
  person: PersonMask,
  size: number,
  signal: AbortSignal | undefined,
): Promise<TextureBake> {
  const problem = { positions, camera, albedo, lighting, size, face: faceView(person, landmarks) };
  return runJob(() => native().recoverTexture(context, head.native, photo.pixels, problem), { signal });
}

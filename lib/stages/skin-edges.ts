import type { NativeContext, NativeSkinEdges } from '../native/binding.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { FacePixels } from './face-pixels.js';
import { faceView } from './face-view.js';
import type { DenseLandmarks } from './landmarks.js';
import type { Photo } from './photo.js';

/** Where bare skin of the head ends and background begins: its outline as far as hair and clothes show it. */
export function findSkinEdges(
  context: NativeContext,
  { width, height }: Pick<Photo, 'width' | 'height'>,
  landmarks: Pick<DenseLandmarks, 'pixels'>,
  { person, dense }: FacePixels,
  signal?: AbortSignal,
): Promise<NativeSkinEdges> {
  const view = faceView(person, landmarks);
  return runJob(() => native().skinEdges(context, view, dense, { width, height }), { signal });
}

import type { NativeContext, NativeSkinEdges } from '../native/binding.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import { faceView } from './face-view.js';
import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import type { Photo } from './photo.js';

/**
 * Where bare skin ends and background begins: the outline of cheeks, jaw and ears as far as hair and clothes show it;
 * nothing in black-and-white photos.
 */
export function findSkinEdges(
  context: NativeContext,
  { width, height }: Pick<Photo, 'width' | 'height'>,
  landmarks: Pick<DenseLandmarks, 'pixels'>,
  person: PersonMask,
  signal?: AbortSignal,
): Promise<NativeSkinEdges> {
  const view = faceView(person, landmarks);
  return runJob(() => native().skinEdges(context, view, { width, height }), { signal });
}

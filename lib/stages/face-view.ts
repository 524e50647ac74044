import type { NativeFacePoints, NativeFaceView } from '../native/face-view.js';
import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import { FACE_OVAL, FEATURE_POINTS, INNER_LIPS, LEFT_LIDS, MESH_POINTS, RIGHT_LIDS } from './mesh-points.js';

const POINTS: NativeFacePoints = {
  skin: Uint32Array.from(Array.from({ length: MESH_POINTS }, (_, i) => i).filter((i) => !FEATURE_POINTS.has(i))),
  outline: Uint32Array.from(FACE_OVAL),
  rightLids: Uint32Array.from(RIGHT_LIDS),
  leftLids: Uint32Array.from(LEFT_LIDS),
  innerLips: Uint32Array.from(INNER_LIPS),
  top: FACE_OVAL[0]!,
  left: FACE_OVAL[8]!,
  chin: FACE_OVAL[18]!,
  right: FACE_OVAL[28]!,
};

/** One face as native code looks at its skin. */
export function faceView(
  { values, rgb, size, toPhoto }: PersonMask,
  { pixels }: Pick<DenseLandmarks, 'pixels'>,
): NativeFaceView {
  return { values, rgb, size, toPhoto, pixels, points: POINTS };
}

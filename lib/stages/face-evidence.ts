import type { MorphableModel } from '../morphable-model.js';
import type { NativeFineDetail } from '../native/face-view.js';
import type { Quality } from '../result-data.js';
import type { DenseFace } from './dense.js';
import type { DetectedFace } from './detected-face.js';
import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import type { Photo } from './photo.js';
import type { PoseDifference } from './seen-pose.js';

/** What the warnings are drawn from. */
export interface FaceEvidence {
  photo: Pick<Photo, 'width' | 'height'>;
  face: Pick<DetectedFace, 'box' | 'exposure' | 'presenceLogit'>;
  landmarks: DenseLandmarks;
  /** Turn of the head to its left, from all that tells it, degrees. */
  turnDegrees: number;
  person: PersonMask;
  fineDetail: NativeFineDetail;
  /** What the dense network sees; absent where it did not look. */
  dense?: Pick<DenseFace, 'side' | 'classes' | 'toPhoto'> | undefined;
  model: Pick<MorphableModel, 'dense' | 'mean'>;
  quality: Quality;
  /** Between the fitted head and what the dense network sees; absent where it was not asked or sees too little. */
  poseDifference?: PoseDifference | undefined;
}

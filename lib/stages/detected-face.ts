import type { Box } from '../result-data.js';
import type { Region } from './photo.js';

/** In the order of `DetectedFace.keypoints`; left and right are the subject's. */
export const KEYPOINT_NAMES = ['rightEye', 'leftEye', 'noseTip', 'mouth', 'rightEar', 'leftEar'] as const;

export interface DetectedFace {
  /** From hairline to chin, inside the photo. */
  box: Box;
  /** 0..1 */
  score: number;
  /** Six points, pixels of the photo; may lie outside it. */
  keypoints: [number, number][];
  /** Where the detector would look for landmarks. */
  region: Region;
  /** The square in which the landmark network is to see this face, from what it saw in `region`. */
  framed: Region;
  /** Log-odds that the landmark network sees a face there that it can follow. */
  presenceLogit: number;
  /** Both networks are sure of it; the others may be turned away, covered, or no faces at all. */
  isCertain: boolean;
}

import type { Box } from '../result-data.js';
import type { Exposure } from './exposure.js';
import type { Region } from './photo.js';

/**
 * Smaller faces are not fitted unless the caller says so, pixels of the box's longer side. Of 14 photos scaled down until
 * the face had 44 px all heads were within 3 degrees, 4.5 % of the width and 1.9 % of the eyes' distance of those of the
 * whole photos; at 36 px two were off by 5.5 % of the width.
 */
export const LEAST_FACE_PX = 45;

/** What scores less needs the landmark network's consent: round things and patterns do up to here. */
export const CERTAIN_SCORE = 0.7;

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
  /** By which the photo's contrast was raised for it; absent where it has light enough. */
  exposure?: Exposure;
}

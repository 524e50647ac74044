/** What is told of a head that was fitted all the same. */
import type { Quality } from '../result-data.js';
import type { FaceWarning } from '../warnings.js';
import type { DetectedFace } from './detected-face.js';
import { type DenseLandmarks, yawOf } from './landmarks.js';
import type { PersonMask } from './mask.js';
import { MESH_POINTS } from './mesh-points.js';
import type { Photo } from './photo.js';

/** What the warnings are drawn from. */
export interface FaceEvidence {
  photo: Pick<Photo, 'width' | 'height'>;
  face: Pick<DetectedFace, 'box'>;
  landmarks: DenseLandmarks;
  person: PersonMask;
  quality: Quality;
}

/** Of the box's longer side. */
const LOW_RESOLUTION_PX = 100;
const TURNED_DEGREES = 38;
/** Share of the network's points outside the photo. */
const CUT_OFF_SHARE = 0.02;
const POOR_ERROR_PERCENT = 3;

export function faceWarnings(evidence: FaceEvidence): FaceWarning[] {
  return [turned(evidence), lowResolution(evidence), cutOff(evidence), poorFit(evidence)].filter(
    (warning) => warning !== undefined,
  );
}

function turned({ landmarks }: FaceEvidence): FaceWarning | undefined {
  const yawDegrees = yawOf(landmarks);
  if (Math.abs(yawDegrees) < TURNED_DEGREES) return undefined;
  const message = `the head is turned by ${Math.abs(yawDegrees).toFixed(0)} degrees or more: the far side is mirrored from the near one`;
  return { code: 'TURNED', message, details: { yawDegrees } };
}

function lowResolution({ face: { box } }: FaceEvidence): FaceWarning | undefined {
  const sizePx = Math.max(box.width, box.height);
  if (sizePx >= LOW_RESOLUTION_PX) return undefined;
  const message = `the face has ${sizePx.toFixed(0)} px: no fine detail can be seen`;
  return { code: 'LOW_RESOLUTION', message, details: { sizePx } };
}

function cutOff({ photo, landmarks: { pixels } }: FaceEvidence): FaceWarning | undefined {
  let outside = 0;
  for (let i = 0; i < MESH_POINTS; i++) {
    const [x, y] = [pixels[2 * i]!, pixels[2 * i + 1]!];
    if (!(x >= 0 && y >= 0 && x <= photo.width && y <= photo.height)) outside++;
  }
  const share = outside / MESH_POINTS;
  if (share < CUT_OFF_SHARE) return undefined;
  const message = `${(100 * share).toFixed(0)} % of the face lie outside the photo`;
  return { code: 'CUT_OFF', message, details: { share } };
}

function poorFit({ quality: { landmarkErrorPercent } }: FaceEvidence): FaceWarning | undefined {
  if (landmarkErrorPercent < POOR_ERROR_PERCENT) return undefined;
  const message = `the head's points are ${landmarkErrorPercent.toFixed(1)} % of the eyes' distance from those in the photo`;
  return { code: 'POOR_FIT', message, details: { landmarkErrorPercent } };
}

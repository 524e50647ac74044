/** How far a head is turned, from more than the landmark network's word, which falls behind from 50 degrees on. */
import { HrnError } from '../errors.js';
import type { DetectedFace } from './detected-face.js';
import { type DenseLandmarks, yawOf } from './landmarks.js';

/** Beyond, the landmarks no longer follow the face: their outline cuts through it, and a fit gets a seam and two mouths. */
const MAX_TURN_DEGREES = 58;
/** From here on the three witnesses are heard; before, the landmarks are right. */
const DOUBTED_DEGREES = 35;
/**
 * Least squares over 113 portraits turned by 35 to 85 degrees (`hrn sample` and training portraits) that the landmark
 * network accepts: from its own turn (degrees), its log-odds of presence, and the place of the nose between the
 * detector's ears (0 in the middle, 0.5 at the far ear). Off by 6 degrees; the network's own turn alone by 11.
 */
const WITNESSES = { constant: 22.5, turn: 0.68, logOdds: -0.536, nose: 10.3 } as const;
const NOSE_RANGE = [0.4, 2.2] as const;
const MAX_LOG_ODDS = 30;

/** To the head's left, degrees. */
export function headTurn(landmarks: DenseLandmarks, { keypoints }: Pick<DetectedFace, 'keypoints'>): number {
  const yaw = yawOf(landmarks);
  const turn = Math.abs(yaw);
  if (turn < DOUBTED_DEGREES) return yaw;
  const { presence, region } = landmarks;
  const logOdds = Math.min(MAX_LOG_ODDS, Math.log(presence / (1 - presence)));
  const along = ([x, y]: [number, number]) => Math.cos(region.angle) * x + Math.sin(region.angle) * y;
  const [nose, rightEar, leftEar] = [keypoints[2]!, keypoints[4]!, keypoints[5]!].map(along) as [
    number,
    number,
    number,
  ];
  const place = (Math.sign(yaw) * (nose - (rightEar + leftEar) / 2)) / (leftEar - rightEar);
  // Ears in the wrong order: the far one is behind the head.
  const between = leftEar > rightEar ? Math.min(NOSE_RANGE[1], Math.max(NOSE_RANGE[0], place)) : NOSE_RANGE[1];
  const { constant, turn: perDegree, logOdds: perLogOdd, nose: perPlace } = WITNESSES;
  const told = constant + perDegree * turn + perLogOdd * logOdds + perPlace * between;
  return Math.sign(yaw) * Math.max(turn, told);
}

/** @throws HrnError FACE_NOT_VISIBLE for a near-profile */
export function requireFacing(turnDegrees: number): void {
  if (Math.abs(turnDegrees) <= MAX_TURN_DEGREES) return;
  throw new HrnError(
    'FACE_NOT_VISIBLE',
    `the head is turned by some ${Math.abs(turnDegrees).toFixed(0)} degrees, and at most ${MAX_TURN_DEGREES} can be fitted; use a photo in which it looks more towards the camera`,
    { details: { turnDegrees, maxTurnDegrees: MAX_TURN_DEGREES } },
  );
}

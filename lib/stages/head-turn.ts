/** How far a head is turned, from more than the landmark network's word, which falls behind from 50 degrees on. */
import { HrnError } from '../errors.js';
import { type DenseLandmarks, yawOf } from './landmarks.js';
import { turnOf } from './plausibility.js';
import { type PoseDifference, type SeenFace, seenRotation } from './seen-pose.js';

/** Beyond, the landmarks no longer follow the face: their outline cuts through it, and a fit gets a seam and two mouths. */
const MAX_TURN_DEGREES = 60;
/** From here on both networks are heard; before, the landmarks are right. */
const DOUBTED_DEGREES = 30;
/**
 * Least squares over 119 generated faces turned by 24 to 67 degrees that the landmark network accepts: from its own turn and
 * the dense network's, degrees; off by 3.0. Its own turn alone is off by 5.3 (by 9.2 beyond 55 degrees), stretched by 4.4.
 */
const BOTH = { constant: -1.8, landmarks: 0.4, seen: 0.68 } as const;
const ALONE = { constant: -5.9, landmarks: 1.2 } as const;
/** Fits that fall behind the dense network's word by more were off by 11 degrees and more (five of 69 turned heads). */
const MAX_BEHIND_DEGREES = 9.5;
const AHEAD = [0, 0, 1] as const;

/** To the head's left, degrees. `dense`: absent where that network did not look. */
export function headTurn(landmarks: DenseLandmarks, dense?: SeenFace): number {
  const yaw = yawOf(landmarks);
  const turn = Math.abs(yaw);
  if (turn < DOUBTED_DEGREES) return yaw;
  const seen = dense && seenRotation(dense);
  const told = seen
    ? BOTH.constant + BOTH.landmarks * turn + BOTH.seen * Math.sign(yaw) * turnOf(seen, AHEAD)
    : ALONE.constant + ALONE.landmarks * turn;
  return Math.sign(yaw) * told;
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

/** @throws HrnError FACE_NOT_VISIBLE where the fit did not follow a turned head */
export function requireFollowed(turnDegrees: number, difference: PoseDifference | undefined): void {
  if (Math.abs(turnDegrees) < DOUBTED_DEGREES || !difference || difference.behindDegrees <= MAX_BEHIND_DEGREES) return;
  throw new HrnError(
    'FACE_NOT_VISIBLE',
    `the head is turned by some ${Math.abs(turnDegrees).toFixed(0)} degrees, of which the fit follows ${difference.behindDegrees.toFixed(0)} too few; use a photo in which it looks more towards the camera`,
    { details: { turnDegrees, behindDegrees: difference.behindDegrees } },
  );
}

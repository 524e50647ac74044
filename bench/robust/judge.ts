/** Whether a head is right: by the same face fitted from its own crop, or by the true pose where that is refused. */
import type { Reconstruction } from '../../lib/result.js';
import { againstLineOfSight, degreesBetween } from '../../lib/stages/seen-pose.js';
import type { ShownFace } from './pictures.js';

/**
 * right: within the limits; told: not, but a warning says that something is off; wrong: not, without a word; honest
 * refusal: of what need not be fitted; false refusal: of a fair face, or not to have found it.
 */
export type Verdict = 'right' | 'told' | 'wrong' | 'honest refusal' | 'false refusal';

export interface Deviation {
  landmarkErrorPercent: number;
  poseDegrees: number;
  widthShare: number;
}

const LIMITS = { landmarkErrorPercent: 3, poseDegrees: 5, widthShare: 0.05 } as const;

export function deviation(head: Reconstruction, own: Reconstruction | undefined, shown: ShownFace): Deviation {
  const { rotation, translation } = head.pose;
  const expected = expectedRotation(own ? own.pose.rotation : shown.rotation, shown);
  return {
    landmarkErrorPercent: head.quality.landmarkErrorPercent,
    poseDegrees: degreesBetween(own ? rotation : againstLineOfSight(rotation, translation), expected),
    widthShare: own ? Math.abs(templeWidth(head) / templeWidth(own) - 1) : 0,
  };
}

export function isRight(
  { landmarkErrorPercent, poseDegrees, widthShare }: Deviation,
  own: Reconstruction | undefined,
): boolean {
  // A turned face's own crop has an error above the limit too: the eyes' distance is foreshortened.
  const error = Math.max(LIMITS.landmarkErrorPercent, 1.3 * (own?.quality.landmarkErrorPercent ?? 0));
  return landmarkErrorPercent < error && poseDegrees < LIMITS.poseDegrees && widthShare < LIMITS.widthShare;
}

/** Of the same head after the picture was mirrored and turned. */
function expectedRotation(rotation: readonly number[], { isMirrored, turnDegrees }: ShownFace): number[] {
  // Mirrored across x in the image and in the head.
  const sign = (row: number, column: number) => (isMirrored && (row === 0) !== (column === 0) ? -1 : 1);
  const mirrored = rotation.map((value, i) => value * sign(Math.floor(i / 3), i % 3));
  const [c, s] = [Math.cos((turnDegrees * Math.PI) / 180), Math.sin((turnDegrees * Math.PI) / 180)];
  const row = (k: number) => mirrored.slice(3 * k, 3 * k + 3);
  const [x, y, z] = [row(0), row(1), row(2)] as [number[], number[], number[]];
  return [...x.map((value, k) => c * value - s * y[k]!), ...x.map((value, k) => s * value + c * y[k]!), ...z];
}

/** mm */
function templeWidth({ landmarks: { positions: p } }: Reconstruction): number {
  return Math.hypot(p[0]! - p[48]!, p[1]! - p[49]!, p[2]! - p[50]!);
}

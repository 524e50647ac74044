/** Whether a head is right: by the same face fitted from its own crop. */
import type { Reconstruction } from '../../lib/result.js';
import type { ShownFace } from './pictures.js';

/**
 * right: within the limits; told: not, but a warning says that something is off; wrong: not, without a word; honest: a
 * refusal of what need not be fitted; false: of a fair face; missed: a fair face that was not found.
 */
export type Verdict = 'right' | 'told' | 'wrong' | 'honest refusal' | 'false refusal' | 'no reference';

export interface Deviation {
  landmarkErrorPercent: number;
  poseDegrees: number;
  widthShare: number;
}

const LIMITS = { landmarkErrorPercent: 3, poseDegrees: 5, widthShare: 0.05 } as const;

export function deviation(head: Reconstruction, own: Reconstruction, shown: ShownFace): Deviation {
  return {
    landmarkErrorPercent: head.quality.landmarkErrorPercent,
    poseDegrees: angleBetween(head.pose.rotation, expectedRotation(own.pose.rotation, shown)),
    widthShare: Math.abs(templeWidth(head) / templeWidth(own) - 1),
  };
}

export function isRight({ landmarkErrorPercent, poseDegrees, widthShare }: Deviation, own: Reconstruction): boolean {
  // A turned face's own crop has an error above the limit too: the eyes' distance is foreshortened.
  const error = Math.max(LIMITS.landmarkErrorPercent, 1.3 * own.quality.landmarkErrorPercent);
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

/** Degrees. */
function angleBetween(a: readonly number[], b: readonly number[]): number {
  const trace = a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  return (Math.acos(Math.min(1, Math.max(-1, (trace - 1) / 2))) * 180) / Math.PI;
}

/** mm */
function templeWidth({ landmarks: { positions: p } }: Reconstruction): number {
  return Math.hypot(p[0]! - p[48]!, p[1]! - p[49]!, p[2]! - p[50]!);
}

/** How far the lips are apart, by columns from one corner of the mouth to the other. */
import { LIP_EDGES, overLandmark } from '../lip-lining.js';
import type { LandmarkSet } from '../morphable-model.js';

/** Of each column of the opening the upper point and the lower one. */
const COLUMNS = LIP_EDGES.upper.map((upper, column) => [upper, LIP_EDGES.lower[column]!] as const);

/** Whether the landmarks tell the model's lips. */
export function hasLips({ count }: LandmarkSet): boolean {
  return count > Math.max(...COLUMNS.flat());
}

/**
 * mm, a number per column; below zero where lips overlap. Linear in its second argument, so that offsets have gaps too.
 *
 * @param positions `[vertices][3]`, mm in the head frame, whose y points up
 */
export function lipGaps(landmarks: LandmarkSet, positions: ArrayLike<number>): number[] {
  const height = (point: number) => overLandmark(landmarks, point, (v) => positions[3 * v + 1]!);
  return COLUMNS.map(([upper, lower]) => height(upper) - height(lower));
}

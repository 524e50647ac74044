/** Which landmarks of a turned head look at the camera: the others lie on its rim or before the background. */
import type { MorphableModel } from '../morphable-model.js';
import { MESH_POINTS } from './mesh-points.js';
import { surfacePoints } from './surface-points.js';

/** Before this turn no landmark but those at the ears is near the rim, degrees. */
const TURNED_DEGREES = 20;
/** From here on a point of a turned head is near its rim. */
const MAX_AZIMUTH_DEGREES = 65;
/** The head's vertical axis, mm behind the eyes. */
const AXIS_MM = 90;

/**
 * @param turnDegrees of the head to its left
 * @param mostDegrees of a point's own azimuth and the head's turn together
 */
export function facingPoints(
  { dense, mean }: Pick<MorphableModel, 'dense' | 'mean'>,
  turnDegrees: number,
  mostDegrees: number = MAX_AZIMUTH_DEGREES,
): ReadonlySet<number> {
  const at = surfacePoints(dense, mean);
  const azimuth = (i: number) => (Math.atan2(at[3 * i]!, at[3 * i + 2]! + AXIS_MM) * 180) / Math.PI;
  const isFacing = (i: number) =>
    Math.abs(turnDegrees) < TURNED_DEGREES || Math.abs(azimuth(i) + turnDegrees) < mostDegrees;
  return new Set(Array.from({ length: MESH_POINTS }, (_, i) => i).filter(isFacing));
}

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
  const azimuths = azimuthsOf(surfacePoints(dense, mean));
  const isFacing = (azimuth: number) =>
    Math.abs(turnDegrees) < TURNED_DEGREES || Math.abs(azimuth + turnDegrees) < mostDegrees;
  return new Set(POINTS.filter((i) => isFacing(azimuths[i]!)));
}

/**
 * The landmarks on the front of the head, of which those that look at the camera.
 *
 * @param surface `[478][3]`, mm: the landmarks on the mean head
 * @param turnDegrees of the head to its left
 */
export function frontPoints(surface: Float32Array, turnDegrees: number, mostDegrees: number): number[] {
  const azimuths = azimuthsOf(surface);
  return POINTS.filter(
    (i) => Math.abs(azimuths[i]!) < mostDegrees && Math.abs(azimuths[i]! + turnDegrees) < mostDegrees,
  );
}

const POINTS: readonly number[] = Array.from({ length: MESH_POINTS }, (_, i) => i);

/** About the head's vertical axis, degrees to its left. */
function azimuthsOf(surface: Float32Array): number[] {
  return POINTS.map((i) => (Math.atan2(surface[3 * i]!, surface[3 * i + 2]! + AXIS_MM) * 180) / Math.PI);
}

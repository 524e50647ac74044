import { HrnError } from '../errors.js';
import { type DenseLandmarks, yawOf } from './landmarks.js';
import { LEFT_EYE_OUTER, MESH_POINTS, MOUTH_MIDDLE, RIGHT_EYE_OUTER } from './mesh-points.js';

/** What a fit is judged by: how far the fitted head is from what the landmark network saw. */
export interface FitFigures {
  /** Mean distance of the points that have a place on the surface, percent of the distance between outer eye corners. */
  landmarkErrorPercent: number;
  /** Between the ways from the eyes to the mouth, in the image. */
  tiltDegrees: number;
  /** Between the turns of the head against the line of sight, to its left. */
  turnDegrees: number;
  /** Extent of the fitted points over that of the observed ones. */
  sizeRatio: number;
  /** From the camera to the head. */
  distanceMm: number;
}

interface FittedHead {
  /** `[points][2]`, where the fitted points are seen. */
  pixels: ArrayLike<number>;
  /** 1 for points that have no place on the surface. */
  dynamic: ArrayLike<number>;
  rotation: ArrayLike<number>;
  translation: ArrayLike<number>;
}

/** Right heads have 0.6 to 2.5 % (npm run bench:robust), wrong ones 30 % and more. */
const MAX_ERROR_PERCENT = 6;
const MAX_TILT_DEGREES = 12;
/** The network's turn falls short of the true one beyond 50 degrees. */
const MAX_TURN_DEGREES = 28;
const MAX_SIZE_RATIO = 1.15;
/** Nobody is photographed from nearer, and no face that is large enough to fit from farther. */
const DISTANCE_MM = [150, 100_000] as const;

export function fitFigures(landmarks: DenseLandmarks, head: FittedHead): FitFigures {
  const observed = landmarks.pixels;
  const points = Array.from({ length: MESH_POINTS }, (_, i) => i).filter((i) => head.dynamic[i] === 0);
  const apart = (i: number) =>
    Math.hypot(head.pixels[2 * i]! - observed[2 * i]!, head.pixels[2 * i + 1]! - observed[2 * i + 1]!);
  const eyes = Math.hypot(
    observed[2 * LEFT_EYE_OUTER]! - observed[2 * RIGHT_EYE_OUTER]!,
    observed[2 * LEFT_EYE_OUTER + 1]! - observed[2 * RIGHT_EYE_OUTER + 1]!,
  );
  const mean = points.reduce((sum, i) => sum + apart(i), 0) / points.length;
  return {
    landmarkErrorPercent: (100 * mean) / eyes,
    tiltDegrees: difference(downwards(head.pixels), downwards(observed)),
    turnDegrees: difference(turnOf(head.rotation, head.translation), yawOf(landmarks)),
    sizeRatio: extent(head.pixels, points) / extent(observed, points),
    distanceMm: head.translation[2]!,
  };
}

/** What is wrong, in words; undefined where nothing is. */
export function implausible(figures: FitFigures): string | undefined {
  const { landmarkErrorPercent, tiltDegrees, turnDegrees, sizeRatio, distanceMm } = figures;
  // Written so that NaN is implausible.
  if (!(landmarkErrorPercent <= MAX_ERROR_PERCENT)) {
    return `its points are ${landmarkErrorPercent.toFixed(1)} % of the eyes' distance from those in the photo (at most ${MAX_ERROR_PERCENT})`;
  }
  if (!(tiltDegrees <= MAX_TILT_DEGREES)) return `it is tilted by ${tiltDegrees.toFixed(0)} degrees against the face`;
  if (!(turnDegrees <= MAX_TURN_DEGREES)) return `it is turned by ${turnDegrees.toFixed(0)} degrees against the face`;
  if (!(Math.max(sizeRatio, 1 / sizeRatio) <= MAX_SIZE_RATIO)) return `it is ${sizeRatio.toFixed(2)} times as large`;
  if (!(distanceMm >= DISTANCE_MM[0] && distanceMm <= DISTANCE_MM[1])) {
    return `the camera would be ${distanceMm.toFixed(0)} mm away`;
  }
  return undefined;
}

/** @throws HrnError FIT_FAILED, with the figures in `details` */
export function requirePlausible(figures: FitFigures): void {
  const reason = implausible(figures);
  if (reason === undefined) return;
  throw new HrnError(
    'FIT_FAILED',
    `the fit did not reach a head that looks like the face: ${reason}; use another photo of the person, sharper or turned less`,
    { details: { ...figures } },
  );
}

/** Turn of a head to its left against the line of sight, degrees; however it is tilted. */
export function turnOf(rotation: ArrayLike<number>, translation: ArrayLike<number>): number {
  // The head's own left, seen from the camera: how far it points away.
  const away = [0, 1, 2].reduce((sum, k) => sum + rotation[3 * k]! * translation[k]!, 0);
  const distance = Math.hypot(translation[0]!, translation[1]!, translation[2]!);
  return (Math.asin(Math.min(1, Math.max(-1, away / distance))) * 180) / Math.PI;
}

/** From the middle of the eyes to the mouth, degrees in the image. */
function downwards(pixels: ArrayLike<number>): number {
  const [dx, dy] = [0, 1].map(
    (axis) =>
      pixels[2 * MOUTH_MIDDLE + axis]! - (pixels[2 * LEFT_EYE_OUTER + axis]! + pixels[2 * RIGHT_EYE_OUTER + axis]!) / 2,
  ) as [number, number];
  return (Math.atan2(dy, dx) * 180) / Math.PI;
}

/** Of angles in degrees, 0 to 180. */
function difference(a: number, b: number): number {
  const turn = Math.abs(a - b) % 360;
  return Math.min(turn, 360 - turn);
}

/** Root mean square distance from the middle. */
function extent(pixels: ArrayLike<number>, points: readonly number[]): number {
  const [x, y] = [0, 1].map((axis) => points.reduce((sum, i) => sum + pixels[2 * i + axis]!, 0) / points.length);
  const square = points.reduce((sum, i) => sum + (pixels[2 * i]! - x!) ** 2 + (pixels[2 * i + 1]! - y!) ** 2, 0);
  return Math.sqrt(square / points.length);
}

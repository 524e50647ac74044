import type { DenseLandmarks } from './landmarks.js';
import { LEFT_EYE_OUTER, RIGHT_EYE_OUTER } from './mesh-points.js';
import type { CoefficientEstimate } from './regress.js';

/** What is believed about the focal length before the fit. */
export interface FocalLength {
  /** Pixels of the photo; mean of the prior. */
  px: number;
  /** Standard deviation of its logarithm; 0: known. */
  logSigma: number;
  source: 'option' | 'exif' | 'estimated';
}

/** EXIF rounds, and digital zoom is not always told. */
const EXIF_LOG_SIGMA = 0.03;
/** Distance between the outer eye corners of the mean head, mm. */
const OUTER_EYES_MM = 92;
/**
 * People are photographed from about arm's length to a few metres. Perspective depends on that distance alone, so the
 * prior is on it and not on the lens: a tight crop has a long focal length in image widths whatever the lens was.
 */
const DISTANCE_MM = 850;
const DISTANCE_LOG_SIGMA = 0.3;

/** The focal length that the caller gave, else EXIF's, else one that puts the face at a usual distance. */
export function focalLengthPrior(
  landmarks: DenseLandmarks,
  given: number | undefined,
  exif: number | undefined,
  estimate?: CoefficientEstimate,
): FocalLength {
  if (given !== undefined) return { px: given, logSigma: 0, source: 'option' };
  if (exif !== undefined) return { px: exif, logSigma: EXIF_LOG_SIGMA, source: 'exif' };
  const [dx, dy] = [0, 1].map(
    (axis) => landmarks.pixels[2 * LEFT_EYE_OUTER + axis]! - landmarks.pixels[2 * RIGHT_EYE_OUTER + axis]!,
  ) as [number, number];
  // A turned head shows its eyes closer together; the network's depth tells how far it is turned.
  const dz = landmarks.depth[LEFT_EYE_OUTER]! - landmarks.depth[RIGHT_EYE_OUTER]!;
  const eyesPx = Math.hypot(dx, dy, dz);
  const distance = believedDistance(estimate);
  return { px: (eyesPx * Math.exp(distance.logMm)) / OUTER_EYES_MM, logSigma: distance.logSigma, source: 'estimated' };
}

/**
 * Where the lens's axis meets the photo: its centre where the lens is known. Otherwise the photo may be cut out of
 * another, pasted into one or taken from afar, and its centre says nothing: the axis then goes through the face, as in a
 * photo of that face alone. (With the centre and a focal length that puts a small face at a usual distance, a face near
 * the border would be seen under 60 degrees.)
 */
export function principalPoint(
  { source }: Pick<FocalLength, 'source'>,
  { width, height }: { width: number; height: number },
  { region }: Pick<DenseLandmarks, 'region'>,
): readonly [number, number] {
  return source === 'estimated' ? [region.x, region.y] : [width / 2, height / 2];
}

/** Habit and what the network sees of the perspective, each weighed by its deviation. */
function believedDistance(estimate: CoefficientEstimate | undefined): { logMm: number; logSigma: number } {
  const habit = { logMm: Math.log(DISTANCE_MM), logSigma: DISTANCE_LOG_SIGMA };
  const seen = estimate?.distance;
  if (!seen) return habit;
  const [a, b] = [1 / habit.logSigma ** 2, 1 / seen.logSigma ** 2];
  return { logMm: (a * habit.logMm + b * seen.logMm) / (a + b), logSigma: 1 / Math.sqrt(a + b) };
}

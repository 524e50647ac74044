import type { NativeCamera } from '../native/refine.js';
import type { IrisDiameters } from './iris-rim.js';
import type { DenseLandmarks } from './landmarks.js';
import { IMAGE_LEFT_IRIS, IMAGE_RIGHT_IRIS } from './mesh-points.js';

/**
 * Horizontal visible iris diameter of people, mm: nearly the same for every adult, with a deviation of about 4 %
 * (Rüfer et al. 2005, "White-to-white corneal diameter", 11.71 +- 0.42 mm).
 */
const IRIS_MM = 11.7;
/** Lid points above and below the middle of each eye: MediaPipe's 159/145 and 386/374. */
const LIDS = [
  [159, 145],
  [386, 374],
] as const;
/** A lid opening of less than this share of the iris hides too much of it. */
const MIN_OPENING = 0.35;
/** Cosine of the head's turn below which the far iris is too foreshortened. */
const MIN_FACING = 0.8;
const MIN_IRIS_PX = 5;
/**
 * Standard deviations of the logarithm of what two witnesses say of the size. A fitted head, whose size only its shape
 * can tell, is off by 3 % (model's own heads) to 5 % (others). A reading of the irises is off by 5 to 6 % on portraits
 * whose irises are exact (the network's rims keep a usual share of the eye), and people's irises differ by another 4 %.
 */
const FIT_LOG_SIGMA = 0.045;
const READING_LOG_SIGMA = 0.065;
/** Of people's irises alone. */
const IRISES_LOG_SIGMA = 0.04;
/**
 * Rims measured in the photo (see iris-rim.ts) are off by 1.7 % (ICT heads from the front whose irises are exact; the
 * network's by 5.8 % on the same). Beside them a fitted head's size counts as what it is off by on those, 7 %.
 */
const RIM_LOG_SIGMA = 0.02;
const FIT_LOG_SIGMA_BESIDE_RIMS = 0.07;
/** A rim is measured from side to side, which this head's turn shortens by 3 % at most. */
const MIN_FACING_OF_RIMS = 0.97;
/** Of the pupils before the head's origin, mm. */
const PUPILS_Z_MM = 19;
/** Beyond this the irises were not what they seemed. */
const LARGEST_DIFFERENCE = 1.2;

export interface MetricScale {
  /** What to multiply the fitted head and its distance by. */
  factor: number;
  source: 'iris' | 'prior';
  irisDiameterPx?: number;
}

/**
 * Metric size: the fitted head's own (its prior is a typical head), corrected by the irises where both are seen; both
 * count as much as they are worth.
 */
export function metricScale(
  landmarks: DenseLandmarks,
  camera: Pick<NativeCamera, 'rotation' | 'translation' | 'focalPx'>,
): MetricScale {
  return jointMetricScale([{ landmarks, camera }]);
}

/** The same for several photos of one person, with the rims of their irises where they were measured. */
export function jointMetricScale(
  views: readonly {
    landmarks: DenseLandmarks;
    camera: Pick<NativeCamera, 'rotation' | 'translation' | 'focalPx'>;
    rims?: IrisDiameters;
  }[],
): MetricScale {
  const rims = views.flatMap(({ camera, rims }) => (rims && readRims(rims, camera)) ?? []);
  const readings =
    rims.length > 0 ? rims : views.flatMap(({ landmarks, camera }) => readIrises(landmarks, camera) ?? []);
  const [first] = readings;
  if (!first) return { factor: 1, source: 'prior' };
  const logMean = readings.reduce((sum, { logFactor }) => sum + logFactor, 0) / readings.length;
  const [own, fitted] =
    rims.length > 0
      ? [RIM_LOG_SIGMA ** 2, FIT_LOG_SIGMA_BESIDE_RIMS ** 2]
      : [READING_LOG_SIGMA ** 2 - IRISES_LOG_SIGMA ** 2, FIT_LOG_SIGMA ** 2];
  // The person's irises are the same in every photo; what is read of them errs anew.
  const variance = IRISES_LOG_SIGMA ** 2 + own / readings.length;
  const factor = Math.exp(logMean * (fitted / (fitted + variance)));
  return { factor, source: 'iris', irisDiameterPx: first.irisDiameterPx };
}

interface Reading {
  logFactor: number;
  irisDiameterPx: number;
}

/** What the measured rims of a photo from the front say of the size; both must be seen, and about alike. */
function readRims(
  [left, right]: IrisDiameters,
  { rotation, translation, focalPx }: Pick<NativeCamera, 'rotation' | 'translation' | 'focalPx'>,
): Reading | undefined {
  const facing = -rotation[8]!;
  if (facing < MIN_FACING_OF_RIMS || Math.min(left, right) < MIN_IRIS_PX) return undefined;
  if (Math.abs(Math.log(left / right)) > Math.log(LARGEST_DIFFERENCE) / 2) return undefined;
  const irisDiameterPx = (left + right) / 2;
  const reading = (IRIS_MM * focalPx) / (irisDiameterPx * (translation[2]! - facing * PUPILS_Z_MM));
  if (!(reading > 1 / LARGEST_DIFFERENCE && reading < LARGEST_DIFFERENCE)) return undefined;
  return { logFactor: Math.log(reading), irisDiameterPx };
}

/** What one photo's irises say of the fitted head's size; nothing where they are not seen well. */
function readIrises(
  landmarks: DenseLandmarks,
  camera: Pick<NativeCamera, 'rotation' | 'translation' | 'focalPx'>,
): Reading | undefined {
  // Third row, third column: the head's forward axis along the camera's, -1 when it faces the camera.
  if (-camera.rotation[8]! < MIN_FACING) return undefined;
  const distance = (a: number, b: number) =>
    Math.hypot(
      landmarks.pixels[2 * a]! - landmarks.pixels[2 * b]!,
      landmarks.pixels[2 * a + 1]! - landmarks.pixels[2 * b + 1]!,
    );
  const diameters = [IMAGE_LEFT_IRIS, IMAGE_RIGHT_IRIS].map(([, right, top, left, bottom], eye) => {
    // Each of the two is uncertain by several per cent; taking the larger would be wrong to one side.
    const diameter = (distance(left!, right!) + distance(top!, bottom!)) / 2;
    const [upper, lower] = LIDS[eye]!;
    return distance(upper, lower) >= MIN_OPENING * diameter ? diameter : 0;
  });
  if (Math.min(...diameters) < MIN_IRIS_PX) return undefined;
  const irisDiameterPx = (diameters[0]! + diameters[1]!) / 2;
  const reading = (IRIS_MM * camera.focalPx) / (irisDiameterPx * camera.translation[2]!);
  if (!(reading > 1 / LARGEST_DIFFERENCE && reading < LARGEST_DIFFERENCE)) return undefined;
  return { logFactor: Math.log(reading), irisDiameterPx };
}

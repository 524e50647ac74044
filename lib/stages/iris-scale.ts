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
/**
 * Standard deviations of the logarithm of what two witnesses say of the size. A fitted head, whose size only its shape
 * can tell, is off by 3 % (model's own heads) to 5 % (others). A reading of the irises is off by 5 to 6 % on portraits
 * whose irises are exact (the network's rims keep a usual share of the eye), and people's irises differ by another 4 %.
 */
const FIT_LOG_SIGMA = 0.045;
const READING_LOG_SIGMA = 0.065;
/** A reading errs by more than that where irises have few pixels (by so many), */
const RIM_SIGMA_PX = 0.2;
/** where the head is turned (by this times the squared tangent of its turn: the rims' own shape is lost first), */
const TURNED_LOG_SIGMA = 0.2;
/** and where lids come down (at an opening of this share of the iris by so much, and soon by far more). */
const LIDS_OPENING = 0.35;
const LIDS_LOG_SIGMA = 0.05;
/** Squared deviations at which a reading has lost three quarters of its weight: what was read was no iris. */
const OUTLIER_SQUARES = 8;
/** Of the reading in the size; less is not worth telling. */
const LEAST_SHARE = 0.01;
/** A head on its side to the camera shows no rims. */
const LEAST_FACING = 0.3;
/** Of people's irises alone. */
const IRISES_LOG_SIGMA = 0.04;
/**
 * Rims measured in the photo (see iris-rim.ts) are off by 1.7 % (ICT heads from the front whose irises are exact; the
 * network's by 5.8 % on the same). Beside them a fitted head's size counts as what it is off by on those, 7 %.
 */
const RIM_LOG_SIGMA = 0.02;
const FIT_LOG_SIGMA_BESIDE_RIMS = 0.07;
/** A rim is measured from side to side, which this head's turn shortens by 3 % at most, and on this many pixels. */
const MIN_FACING_OF_RIMS = 0.97;
const MIN_RIM_PX = 5;
/** Of the pupils before the head's origin, mm. */
const PUPILS_Z_MM = 19;
/** Beyond this measured rims were not what they seemed. */
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
  const information = readings.reduce((sum, { variance }) => sum + 1 / variance, 0);
  const logMean = readings.reduce((sum, { logFactor, variance }) => sum + logFactor / variance, 0) / information;
  const fitted = (rims.length > 0 ? FIT_LOG_SIGMA_BESIDE_RIMS : FIT_LOG_SIGMA) ** 2;
  // The person's irises are the same in every photo; what is read of them errs anew.
  const variance = IRISES_LOG_SIGMA ** 2 + 1 / information;
  const squares = logMean ** 2 / (fitted + variance);
  const doubt = rims.length > 0 ? 1 : (1 + squares / OUTLIER_SQUARES) ** 2;
  const share = fitted / (fitted + doubt * variance);
  if (!(share > LEAST_SHARE)) return { factor: 1, source: 'prior' };
  return { factor: Math.exp(logMean * share), source: 'iris', irisDiameterPx: first.irisDiameterPx };
}

interface Reading {
  logFactor: number;
  /** Of what was read of it, beside what people's irises differ by. */
  variance: number;
  irisDiameterPx: number;
}

/** What the measured rims of a photo from the front say of the size; both must be seen, and about alike. */
function readRims(
  [left, right]: IrisDiameters,
  { rotation, translation, focalPx }: Pick<NativeCamera, 'rotation' | 'translation' | 'focalPx'>,
): Reading | undefined {
  const facing = -rotation[8]!;
  if (facing < MIN_FACING_OF_RIMS || Math.min(left, right) < MIN_RIM_PX) return undefined;
  if (Math.abs(Math.log(left / right)) > Math.log(LARGEST_DIFFERENCE) / 2) return undefined;
  const irisDiameterPx = (left + right) / 2;
  const reading = (IRIS_MM * focalPx) / (irisDiameterPx * (translation[2]! - facing * PUPILS_Z_MM));
  if (!(reading > 1 / LARGEST_DIFFERENCE && reading < LARGEST_DIFFERENCE)) return undefined;
  return { logFactor: Math.log(reading), variance: RIM_LOG_SIGMA ** 2, irisDiameterPx };
}

/**
 * What one photo's irises say of the fitted head's size. Nothing is cut off but what cannot be read at all: the same face
 * a little smaller, or turned a little more, is to get nearly the same size, so doubts go into the variance.
 */
function readIrises(
  landmarks: DenseLandmarks,
  camera: Pick<NativeCamera, 'rotation' | 'translation' | 'focalPx'>,
): Reading | undefined {
  // Third row, third column: the head's forward axis along the camera's, -1 when it faces the camera.
  const facing = -camera.rotation[8]!;
  if (!(facing > LEAST_FACING)) return undefined;
  const distance = (a: number, b: number) =>
    Math.hypot(
      landmarks.pixels[2 * a]! - landmarks.pixels[2 * b]!,
      landmarks.pixels[2 * a + 1]! - landmarks.pixels[2 * b + 1]!,
    );
  const eyes = [IMAGE_LEFT_IRIS, IMAGE_RIGHT_IRIS].map(([, right, top, left, bottom], eye) => {
    // Each of the two is uncertain by several per cent; taking the larger would be wrong to one side. The turn shortens
    // the one across (by 9, 14 and 20 % at cosines of 0.91, 0.86 and 0.83, measured on samples).
    const diameter = (distance(left!, right!) / facing + distance(top!, bottom!)) / 2;
    const [upper, lower] = LIDS[eye]!;
    return { diameter, opening: distance(upper, lower) / diameter };
  });
  const irisDiameterPx = (eyes[0]!.diameter + eyes[1]!.diameter) / 2;
  const opening = Math.min(eyes[0]!.opening, eyes[1]!.opening);
  const logFactor = Math.log((IRIS_MM * camera.focalPx) / (irisDiameterPx * camera.translation[2]!));
  if (!Number.isFinite(logFactor) || !(opening > 0)) return undefined;
  const deviations = [
    RIM_SIGMA_PX / irisDiameterPx,
    TURNED_LOG_SIGMA * (1 / facing ** 2 - 1),
    LIDS_LOG_SIGMA * (LIDS_OPENING / opening) ** 4,
  ];
  const own = READING_LOG_SIGMA ** 2 - IRISES_LOG_SIGMA ** 2;
  return { logFactor, variance: deviations.reduce((sum, sigma) => sum + sigma ** 2, own), irisDiameterPx };
}

import type { NativeCamera } from '../native/refine.js';
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

/** The same for several photos of one person. */
export function jointMetricScale(
  views: readonly {
    landmarks: DenseLandmarks;
    camera: Pick<NativeCamera, 'rotation' | 'translation' | 'focalPx'>;
  }[],
): MetricScale {
  const readings = views.flatMap(({ landmarks, camera }) => readIrises(landmarks, camera) ?? []);
  const [first] = readings;
  if (!first) return { factor: 1, source: 'prior' };
  const logMean = readings.reduce((sum, { logFactor }) => sum + logFactor, 0) / readings.length;
  // The person's irises are the same in every photo; what the network errs is not.
  const variance = IRISES_LOG_SIGMA ** 2 + (READING_LOG_SIGMA ** 2 - IRISES_LOG_SIGMA ** 2) / readings.length;
  const factor = Math.exp(logMean * (FIT_LOG_SIGMA ** 2 / (FIT_LOG_SIGMA ** 2 + variance)));
  return { factor, source: 'iris', irisDiameterPx: first.irisDiameterPx };
}

/** What one photo's irises say of the fitted head's size; nothing where they are not seen well. */
function readIrises(
  landmarks: DenseLandmarks,
  camera: Pick<NativeCamera, 'rotation' | 'translation' | 'focalPx'>,
): { logFactor: number; irisDiameterPx: number } | undefined {
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

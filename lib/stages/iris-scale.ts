import type { CoarseFit } from '../native/coarse.js';
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
/** Beyond this the irises were not what they seemed. */
const LARGEST_CORRECTION = 1.2;

export interface MetricScale {
  /** What to multiply the fitted head and its distance by. */
  factor: number;
  source: 'iris' | 'prior';
  irisDiameterPx?: number;
}

/** Metric size: from the irises where both are seen, else the model's own (its prior is a typical head). */
export function metricScale(
  landmarks: DenseLandmarks,
  fit: Pick<CoarseFit, 'rotation' | 'translation' | 'focalPx'>,
): MetricScale {
  const prior: MetricScale = { factor: 1, source: 'prior' };
  // Third row, third column: the head's forward axis along the camera's, -1 when it faces the camera.
  if (-fit.rotation[8]! < MIN_FACING) return prior;
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
  if (Math.min(...diameters) < MIN_IRIS_PX) return prior;
  const irisDiameterPx = (diameters[0]! + diameters[1]!) / 2;
  const factor = (IRIS_MM * fit.focalPx) / (irisDiameterPx * fit.translation[2]!);
  if (!(factor > 1 / LARGEST_CORRECTION && factor < LARGEST_CORRECTION)) return prior;
  return { factor, source: 'iris', irisDiameterPx };
}

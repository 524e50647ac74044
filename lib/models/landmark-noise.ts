import { HrnError } from '../errors.js';
import { decodeHalfs } from '../half-float.js';
import { parseSafetensors } from './safetensors.js';

/**
 * How the landmark network errs, measured on synthetic portraits with known truth (models/build/landmark-noise): where
 * it puts its points relative to the model's surface points, in mm along the head frame's x and y. An error is
 * `bias(turn) + sum_k c_k modes_k + independent`, with c_k of N(0, 1). Bias and modes of points that follow the
 * silhouette are zero.
 */
export interface LandmarkNoise {
  /** `[3][points][2]`: constant, per sine of the turn, per its square; see `landmarkBias`. */
  biasTermsMm: Float32Array;
  /** `[points]`, deviation of the independent part, per axis. */
  sigmaMm: Float32Array;
  modeCount: number;
  /** `[modeCount][points][2]` */
  modesMm: Float32Array;
}

/**
 * Reads models/landmark-noise.safetensors.
 *
 * @param points number of dense landmarks of the model it belongs to
 * @throws HrnError MODEL_CORRUPT
 */
export function parseLandmarkNoise(bytes: Uint8Array, points: number): LandmarkNoise {
  const file = parseSafetensors(bytes);
  const modeCount = file.shape('modesMm')[0] ?? 0;
  const noise = {
    biasTermsMm: file.tensor('biasMm', 'F32', [3, points, 2]),
    sigmaMm: file.tensor('sigmaMm', 'F32', [points]),
    modeCount,
    modesMm: decodeHalfs(file.tensor('modesMm', 'F16', [modeCount, points, 2])),
  };
  const usable =
    noise.sigmaMm.every((s) => s > 0 && s < 100) && [...noise.biasTermsMm, ...noise.modesMm].every(Number.isFinite);
  if (!usable) {
    throw new HrnError(
      'MODEL_CORRUPT',
      'landmark-noise.safetensors holds values that are no lengths; reinstall hrn-face',
    );
  }
  return noise;
}

/** The largest turn that was measured; beyond it the bias stays what it is there. */
const LARGEST_SINE = 0.69;

/**
 * The mean error of a head that is turned.
 *
 * @param sineOfTurn of the angle between the face's axis and the camera's, positive to the viewer's right
 * @returns `[points][2]`, mm
 */
export function landmarkBias({ biasTermsMm }: LandmarkNoise, sineOfTurn: number): Float64Array {
  const sine = Math.min(LARGEST_SINE, Math.max(-LARGEST_SINE, sineOfTurn));
  const size = biasTermsMm.length / 3;
  return Float64Array.from(
    { length: size },
    (_, i) => biasTermsMm[i]! + sine * biasTermsMm[size + i]! + sine * sine * biasTermsMm[2 * size + i]!,
  );
}

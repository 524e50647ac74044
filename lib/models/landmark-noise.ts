import { HrnError } from '../errors.js';
import { decodeHalfs } from '../half-float.js';
import { parseSafetensors } from './safetensors.js';

/**
 * How the landmark network errs, measured on synthetic portraits with known truth (models/build/landmark-noise): where
 * it puts its points relative to the model's surface points, in mm along the head frame's x and y. An error is
 * `bias + sum_k c_k modes_k + independent`, with c_k of N(0, 1). Bias and modes of points that follow the silhouette are
 * zero.
 */
export interface LandmarkNoise {
  /** `[points][2]` */
  biasMm: Float32Array;
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
    biasMm: file.tensor('biasMm', 'F32', [points, 2]),
    sigmaMm: file.tensor('sigmaMm', 'F32', [points]),
    modeCount,
    modesMm: decodeHalfs(file.tensor('modesMm', 'F16', [modeCount, points, 2])),
  };
  const usable =
    noise.sigmaMm.every((s) => s > 0 && s < 100) && [...noise.biasMm, ...noise.modesMm].every(Number.isFinite);
  if (!usable) {
    throw new HrnError('MODEL_CORRUPT', 'landmark-noise.safetensors holds values that are no lengths; reinstall hrn');
  }
  return noise;
}

import type { Affine } from '../native/face-view.js';
import type { DenseLandmarks } from './landmarks.js';
import type { FaceNetworks } from './networks.js';
import { type Photo, type Region, regionToPhoto } from './photo.js';

/** What a pixel shows, in the order of the network's output. */
export const DENSE_CLASSES = [
  'background',
  'face',
  'ears',
  'neck',
  'lips',
  'brows',
  'eyes',
  'mouth',
  'teeth',
  'hair',
  'beard',
  'glasses',
  'occluder',
  'clothes',
] as const;
export type DenseClass = (typeof DENSE_CLASSES)[number];

/** What models/dense-face.onnx says of every pixel of a face's square. */
export interface DenseFace {
  /** The square of the photo that it saw, */
  region: Region;
  /** and its pixels to pixels of the photo. */
  toPhoto: Affine;
  /** Pixels of a side, rows from the top: all below are planes of `side` x `side`. */
  side: number;
  /**
   * `[3][side][side]`, unit normals of head and eyes: right and up along the square's sides and towards a camera that
   * looks at the middle of the square. Meaningless where there is no head.
   */
  normals: Float32Array;
  /** `[side][side]`, one standard deviation of a normal along each of its two axes, radians. */
  normalSigma: Float32Array;
  /** `[3][side][side]`, mm: where on the mean head the surface point lies. Meaningless where there is no head. */
  points: Float32Array;
  /** `[side][side]`, one standard deviation along each axis, mm. */
  pointSigma: Float32Array;
  /** `[DENSE_CLASSES][side][side]`, probabilities. */
  classes: Float32Array;
}

/** Input and output of the network, pixels. */
const CROP_PX = 256;
export const DENSE_PX = 128;

/**
 * Looks at every pixel of a face (the mean of what is seen in the square and in its mirror image).
 *
 * @throws HrnError MODEL_MISSING, MODEL_CORRUPT
 */
export async function lookDensely(
  networks: FaceNetworks,
  photo: Photo,
  { region }: Pick<DenseLandmarks, 'region'>,
  signal?: AbortSignal,
): Promise<DenseFace> {
  const matrix = regionToPhoto(region, CROP_PX);
  const size = { width: CROP_PX, height: CROP_PX };
  const crop = { matrix, ...size, low: 0, high: 1, border: 'replicate' } as const;
  const look = await networks.lookDensely(photo, crop, signal);
  return {
    region,
    toPhoto: regionToPhoto(region, DENSE_PX),
    side: DENSE_PX,
    normals: look.normal,
    normalSigma: look.normalDeviation,
    points: look.point,
    pointSigma: look.pointDeviation,
    classes: look.classes,
  };
}

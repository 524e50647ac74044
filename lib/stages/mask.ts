import type { Affine } from '../native/face-view.js';
import type { DenseLandmarks } from './landmarks.js';
import type { FaceNetworks } from './networks.js';
import { type Photo, regionToPhoto } from './photo.js';

/** Where the photo shows a person: skin, hair, clothes. Another person in the picture counts as well. */
export interface PersonMask {
  /** `[size][size]`, 0..1, soft at the edges. */
  values: Float32Array;
  size: number;
  /** Pixels of the mask to pixels of the photo; pixel centres at +0.5 in both. */
  toPhoto: Affine;
  /** `[size][size][3]`, 0..1: the photo there, black outside it. */
  rgb: Float32Array;
}

/** Input of the network, pixels. */
const SIDE = 256;
const FINE_SIDE = 512;
/** Sides of the landmarks' region. Wider ones take shadows and dark backgrounds for hair (seen on photos). */
const REGION_SCALE = 1.3;
const FILTER_RADIUS = 4;
const FILTER_EPSILON = 2e-4;

/**
 * Separates the person from the background around one face.
 *
 * The network's mask has 256 pixels; its edge is then moved to the edge
 * in the photo by a guided filter at 512. What lies outside the photo is black to the network and means nothing.
 */
export async function findPersonMask(
  networks: FaceNetworks,
  photo: Photo,
  { region }: Pick<DenseLandmarks, 'region'>,
  signal?: AbortSignal,
): Promise<PersonMask> {
  const square = { ...region, size: region.size * REGION_SCALE };
  const spec = (matrix: Affine, side: number) =>
    ({ matrix, width: side, height: side, low: 0, high: 1, border: 'zero' }) as const;
  const fineToPhoto = regionToPhoto(square, FINE_SIDE);
  const { mask: values, rgb } = await networks.lookForPerson(
    photo,
    spec(regionToPhoto(square, SIDE), SIDE),
    { ...spec(fineToPhoto, FINE_SIDE), radius: FILTER_RADIUS, epsilon: FILTER_EPSILON },
    signal,
  );
  return { values, size: FINE_SIDE, toPhoto: fineToPhoto, rgb };
}

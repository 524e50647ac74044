import type { DenseLandmarks } from './landmarks.js';
import { type Photo, regionToPhoto } from './photo.js';

/** Side of the crop in which sharpness is measured, pixels. */
const SIDE = 96;

/** Mean change of green between neighbouring pixels of the face, brought to one size, over its mean brightness. */
export async function faceSharpness(
  photo: Photo,
  { region }: Pick<DenseLandmarks, 'region'>,
  signal?: AbortSignal,
): Promise<number> {
  const crop = await photo.crop(
    { matrix: regionToPhoto(region, SIDE), width: SIDE, height: SIDE, low: 0, high: 1, border: 'replicate' },
    signal,
  );
  let [change, brightness] = [0, 0];
  for (let i = 0; i < SIDE * SIDE - SIDE - 1; i++) {
    const green = crop[3 * i + 1]!;
    change += Math.abs(crop[3 * i + 4]! - green) + Math.abs(crop[3 * (i + SIDE) + 1]! - green);
    brightness += green;
  }
  return change / Math.max(1, brightness);
}

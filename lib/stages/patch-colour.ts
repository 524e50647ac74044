import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import { IMAGE_LEFT_EYE, IMAGE_RIGHT_EYE, LIPS, MESH_POINTS } from './mesh-points.js';
import { transform } from './photo.js';
import { invert } from './skin-mask.js';

/** Shares of red and green, and brightness. */
export type Colour = readonly [number, number, number];

/** The photo as the person mask shows it. */
export type PatchSource = Pick<PersonMask, 'rgb' | 'size' | 'toPhoto'>;

/** Mean of 3 x 3 pixels of the mask; undefined beside the border and where it is black. */
export function patchColour({ rgb, size }: PatchSource, u: number, v: number): Colour | undefined {
  const [column, row] = [Math.floor(u), Math.floor(v)];
  if (!(column >= 1 && row >= 1 && column < size - 1 && row < size - 1)) return undefined;
  let [r, g, b] = [0, 0, 0];
  for (let dv = -1; dv <= 1; dv++) {
    for (let du = -1; du <= 1; du++) {
      const i = 3 * ((row + dv) * size + column + du);
      r += rgb[i]! / 9;
      g += rgb[i + 1]! / 9;
      b += rgb[i + 2]! / 9;
    }
  }
  const sum = r + g + b;
  return sum > 0.03 ? [r / sum, g / sum, sum / 3] : undefined;
}

/** The colours at the landmarks of the face, without those of lips and eyes. */
export function faceColours(source: PatchSource, { pixels }: Pick<DenseLandmarks, 'pixels'>): Colour[] {
  const featured = new Set([...LIPS, ...IMAGE_LEFT_EYE, ...IMAGE_RIGHT_EYE]);
  const toMask = invert(source.toPhoto);
  const seen: Colour[] = [];
  for (let i = 0; i < MESH_POINTS; i++) {
    if (featured.has(i)) continue;
    const colour = patchColour(source, ...transform(toMask, pixels[2 * i]!, pixels[2 * i + 1]!));
    if (colour) seen.push(colour);
  }
  return seen;
}

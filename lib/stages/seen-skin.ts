import { HrnError } from '../errors.js';
import type { Affine } from '../native/face-view.js';
import { DENSE_CLASSES, type DenseClass, type DenseFace } from './dense.js';
import type { DetectedFace } from './detected-face.js';
import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import { MESH_POINTS } from './mesh-points.js';
import { transform } from './photo.js';

/** What the dense network sees where the landmark network has put a face. */
export interface SeenSkin {
  /** Mean probability of a face's own parts at its points, 0..1. */
  bare: number;
  /** And of things that lie over one: hands, masks, glasses, clothes. */
  covering: number;
}

const OWN: readonly DenseClass[] = ['face', 'lips', 'brows', 'eyes', 'mouth', 'teeth', 'beard'];
const OVER: readonly DenseClass[] = ['occluder', 'glasses', 'clothes'];

/**
 * Of 92 faces of people in photos the least that was seen bare was 0.82; of 36 drawn animals the most 0.76; painted-over
 * faces have 0.56 to 0.9 (`npm run bench:robust`).
 */
export const LEAST_BARE = 0.77;

/** @throws HrnError FACE_NOT_VISIBLE for what the detector doubts and the dense network does not take for a face either */
export function requireCredible({ isCertain }: Pick<DetectedFace, 'isCertain'>, skin: SeenSkin | undefined): void {
  if (isCertain || !skin || skin.bare >= LEAST_BARE) return;
  throw new HrnError(
    'FACE_NOT_VISIBLE',
    `this may be no face: only ${(100 * skin.bare).toFixed(0)} % of it look like one; use a photo in which it looks towards the camera and nothing covers it`,
    { details: { bareShare: skin.bare, coveringShare: skin.covering } },
  );
}

/** Points beyond the network's square do not count; nothing seen where all are. */
export function seenSkin(
  { side, classes, toPhoto }: Pick<DenseFace, 'side' | 'classes' | 'toPhoto'>,
  { pixels }: Pick<DenseLandmarks, 'pixels'>,
): SeenSkin | undefined {
  const cells = cellsOfPoints(pixels, toPhoto, side);
  if (cells.length === 0) return undefined;
  const mean = (names: readonly DenseClass[]): number =>
    names
      .map((name) => classes.subarray(DENSE_CLASSES.indexOf(name) * side * side))
      .reduce((sum, plane) => sum + cells.reduce((inPlane, at) => inPlane + plane[at]!, 0), 0) / cells.length;
  return { bare: mean(OWN), covering: mean(OVER) };
}

/** Share of the face's points where the person network sees a person; 1 where all lie beyond what it saw. */
export function seenPerson(
  { values, size, toPhoto }: Pick<PersonMask, 'values' | 'size' | 'toPhoto'>,
  { pixels }: Pick<DenseLandmarks, 'pixels'>,
): number {
  const cells = cellsOfPoints(pixels, toPhoto, size);
  return cells.length > 0 ? cells.reduce((sum, at) => sum + values[at]!, 0) / cells.length : 1;
}

/** Of the mesh's points that lie inside a square map: their places in it. */
function cellsOfPoints(pixels: Float32Array, [a, b, c, d, e, f]: Affine, side: number): number[] {
  const determinant = a * e - b * d;
  const toMap: Affine = [
    e / determinant,
    -b / determinant,
    (b * f - e * c) / determinant,
    -d / determinant,
    a / determinant,
    (d * c - a * f) / determinant,
  ];
  const cells: number[] = [];
  for (let i = 0; i < MESH_POINTS; i++) {
    const [u, v] = transform(toMap, pixels[2 * i]!, pixels[2 * i + 1]!).map(Math.floor) as [number, number];
    if (u >= 0 && v >= 0 && u < side && v < side) cells.push(v * side + u);
  }
  return cells;
}

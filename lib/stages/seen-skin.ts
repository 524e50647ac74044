import type { Affine } from '../native/face-view.js';
import { DENSE_CLASSES, type DenseClass, type DenseFace } from './dense.js';
import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import { LEFT_LIDS, LIPS, MESH_POINTS, RIGHT_LIDS } from './mesh-points.js';
import { transform } from './photo.js';

/** What the dense network sees where the landmark network has put a face. */
export interface SeenSkin {
  /** Mean probability of a face's own parts at its points, 0..1. */
  bare: number;
  /** And of things that lie over one: hands, masks, glasses, clothes. */
  covering: number;
  /** Of these, glasses. */
  glasses: number;
}

/** The same at a part of a face. */
export interface SeenPart extends SeenSkin {
  hair: number;
}

const OWN: readonly DenseClass[] = ['face', 'lips', 'brows', 'eyes', 'mouth', 'teeth', 'beard'];
const OVER: readonly DenseClass[] = ['occluder', 'glasses', 'clothes'];

/** With fewer landmarks around one nothing is said of what lies there. */
const LEAST_NEAR = 5;

/**
 * Of 27 faces of people in photos the least that was seen bare was 0.83 (0.82 of 92 to the network before this one); of 36 drawn
 * animals the most 0.76 to that one; painted-over faces have 0.56 to 0.9 (`npm run bench:robust`).
 */
export const LEAST_BARE = 0.8;

/** Of some landmarks, or all: points beyond the network's square do not count; nothing seen where all are. */
export function seenSkin(
  dense: Pick<DenseFace, 'side' | 'classes' | 'toPhoto'>,
  landmarks: Pick<DenseLandmarks, 'pixels'>,
  points: readonly number[] = ALL,
): SeenSkin | undefined {
  const seen = seenPart(dense, landmarks, points);
  return seen && { bare: seen.bare, covering: seen.covering, glasses: seen.glasses };
}

/** The same with the hair there. */
export function seenPart(
  { side, classes, toPhoto }: Pick<DenseFace, 'side' | 'classes' | 'toPhoto'>,
  { pixels }: Pick<DenseLandmarks, 'pixels'>,
  points: readonly number[],
): SeenPart | undefined {
  const cells = cellsOf(points, pixels, toPhoto, side);
  if (cells.length === 0) return undefined;
  const mean = meanOver(classes, side, cells);
  return { bare: mean(OWN), hair: mean(['hair']), covering: mean(OVER), glasses: mean(['glasses']) };
}

/** Mean probability of brows at some landmarks; none where all are beyond the square. */
export function seenBrows(
  { side, classes, toPhoto }: Pick<DenseFace, 'side' | 'classes' | 'toPhoto'>,
  { pixels }: Pick<DenseLandmarks, 'pixels'>,
  points: readonly number[],
): number {
  const cells = cellsOf(points, pixels, toPhoto, side);
  return cells.length > 0 ? meanOver(classes, side, cells)(['brows']) : 0;
}

/** Mean probability of lips or an open mouth at the lips' landmarks; undefined where all are beyond the square. */
export function seenLips(
  { side, classes, toPhoto }: Pick<DenseFace, 'side' | 'classes' | 'toPhoto'>,
  { pixels }: Pick<DenseLandmarks, 'pixels'>,
): number | undefined {
  const cells = cellsOf(LIPS, pixels, toPhoto, side);
  return cells.length > 0 ? meanOver(classes, side, cells)(['lips', 'mouth', 'teeth']) : undefined;
}

/** Where most lies over a face. */
export interface Cover {
  /** The landmark in its middle. */
  landmark: number;
  /** Mean probability of the classes there, 0..1. */
  share: number;
}

/**
 * @param surface `[478][3]`, mm: the landmarks on the mean head
 * @param points those that may be covered
 * @param radiusMm around a landmark, on the mean head
 * @returns undefined where too few are in the network's square
 */
export function thickestCover(
  { side, classes, toPhoto }: Pick<DenseFace, 'side' | 'classes' | 'toPhoto'>,
  { pixels }: Pick<DenseLandmarks, 'pixels'>,
  surface: Float32Array,
  points: readonly number[],
  names: readonly DenseClass[],
  radiusMm: number,
): Cover | undefined {
  const cellOf = cellFinder(pixels, toPhoto, side);
  const seen: number[] = [];
  const shares: number[] = [];
  const planes = names.map((name) => DENSE_CLASSES.indexOf(name) * side * side);
  for (const landmark of points) {
    const cell = cellOf(landmark);
    if (cell < 0) continue;
    seen.push(landmark);
    shares.push(planes.reduce((sum, plane) => sum + classes[plane + cell]!, 0));
  }
  let thickest: Cover | undefined;
  // Every landmark meets every other one: plain loops, a tenth of the time that lists of the near ones take.
  for (const landmark of seen) {
    const [x, y, z] = [surface[3 * landmark]!, surface[3 * landmark + 1]!, surface[3 * landmark + 2]!];
    let sum = 0;
    let near = 0;
    for (let i = 0; i < seen.length; i++) {
      const at = 3 * seen[i]!;
      const dx = x - surface[at]!;
      const dy = y - surface[at + 1]!;
      const dz = z - surface[at + 2]!;
      if (dx * dx + dy * dy + dz * dz >= radiusMm * radiusMm) continue;
      sum += shares[i]!;
      near++;
    }
    if (near < LEAST_NEAR) continue;
    if (!thickest || sum / near > thickest.share) thickest = { landmark, share: sum / near };
  }
  return thickest;
}

/** Share of the face's points where the person network sees a person; 1 where all lie beyond what it saw. */
export function seenPerson(
  { values, size, toPhoto }: Pick<PersonMask, 'values' | 'size' | 'toPhoto'>,
  { pixels }: Pick<DenseLandmarks, 'pixels'>,
): number {
  const cells = cellsOf(ALL, pixels, toPhoto, size);
  return cells.length > 0 ? cells.reduce((sum, at) => sum + values[at]!, 0) / cells.length : 1;
}

export const EYES: readonly number[] = [...RIGHT_LIDS, ...LEFT_LIDS];
const ALL: readonly number[] = Array.from({ length: MESH_POINTS }, (_, i) => i);

/** Mean probability of some classes at cells of the map. */
function meanOver(classes: Float32Array, side: number, cells: readonly number[]) {
  return (names: readonly DenseClass[]): number =>
    names
      .map((name) => classes.subarray(DENSE_CLASSES.indexOf(name) * side * side))
      .reduce((sum, plane) => sum + cells.reduce((inPlane, at) => inPlane + plane[at]!, 0), 0) / cells.length;
}

/** Of those points that lie inside a square map: their places in it. */
function cellsOf(points: readonly number[], pixels: Float32Array, toPhoto: Affine, side: number): number[] {
  return points.map(cellFinder(pixels, toPhoto, side)).filter((cell) => cell >= 0);
}

/** The place of a point in a square map, -1 outside. */
function cellFinder(pixels: Float32Array, toPhoto: Affine, side: number): (point: number) => number {
  const [a, b, c, d, e, f] = toPhoto;
  const determinant = a * e - b * d;
  const toMap: Affine = [
    e / determinant,
    -b / determinant,
    (b * f - e * c) / determinant,
    -d / determinant,
    a / determinant,
    (d * c - a * f) / determinant,
  ];
  return (i) => {
    const [u, v] = transform(toMap, pixels[2 * i]!, pixels[2 * i + 1]!).map(Math.floor) as [number, number];
    return u >= 0 && v >= 0 && u < side && v < side ? v * side + u : -1;
  };
}

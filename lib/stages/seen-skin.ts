import { HrnError } from '../errors.js';
import type { Affine } from '../native/face-view.js';
import { DENSE_CLASSES, type DenseClass, type DenseFace } from './dense.js';
import { CERTAIN_SCORE, type DetectedFace } from './detected-face.js';
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
}

/** The same at a part of a face. */
export interface SeenPart extends SeenSkin {
  hair: number;
}

const OWN: readonly DenseClass[] = ['face', 'lips', 'brows', 'eyes', 'mouth', 'teeth', 'beard'];
const OVER: readonly DenseClass[] = ['occluder', 'glasses', 'clothes'];

/** How far around a landmark a cover is measured on the mean head, and with how many landmarks at least. */
const COVER_MM = 20;
const LEAST_NEAR = 8;

/**
 * Of 27 faces of people in photos the least that was seen bare was 0.83 (0.82 of 92 to the network before this one); of 36 drawn
 * animals the most 0.76 to that one; painted-over faces have 0.56 to 0.9 (`npm run bench:robust`).
 */
export const LEAST_BARE = 0.8;

/**
 * And of what both other networks are sure of: where less is seen bare the landmarks are a guess. Of 137 faces in photos one had
 * less (0.41: half painted over, the pose off by 17 degrees), of 18 drawn animals six.
 */
const LEAST_OF_CERTAIN = 0.5;
/**
 * But the eyes above a mask are seen as bare as any (0.90 above masks of three colours, with which 0.44 to 0.49 of the face is):
 * such a head is fitted, and told as covered. Those of 24 drawn animals, where they are refused, by 0.84 at most.
 */
const LEAST_OF_EYES = 0.87;
/**
 * Of a face that is not seen bare its eyes or its lips are: of 217 faces in photos 31 were bare by less than 0.88, their lips seen
 * by 0.31 and more; a fist of which both other networks were sure had 0.61 and 0.11.
 */
const LEAST_OF_LIPS = 0.2;
/**
 * What the detector doubts stays in doubt however sure the landmark network is, which follows dogs as surely: of 137 faces in photos
 * nine scored less than `CERTAIN_SCORE`, of which 0.82 and more was seen bare; a dog 0.58, with 0.76.
 *
 * @throws HrnError FACE_NOT_VISIBLE for what the detector doubts and the dense network does not take for a face either
 */
export function requireCredible(
  { isCertain, score }: Pick<DetectedFace, 'isCertain' | 'score'>,
  skin: SeenSkin | undefined,
  eyes: SeenSkin | undefined,
  lips: number | undefined,
): void {
  const hasLips = lips === undefined || lips >= LEAST_OF_LIPS;
  const needed = isCertain && score >= CERTAIN_SCORE && hasLips ? LEAST_OF_CERTAIN : LEAST_BARE;
  if (!skin || skin.bare >= needed) return;
  if (isCertain && eyes && eyes.bare >= LEAST_OF_EYES) return;
  throw new HrnError(
    'FACE_NOT_VISIBLE',
    `this may be no face: only ${(100 * skin.bare).toFixed(0)} % of it look like one; use a photo in which it looks towards the camera and nothing covers it`,
    { details: { bareShare: skin.bare, coveringShare: skin.covering } },
  );
}

/** Of some landmarks, or all: points beyond the network's square do not count; nothing seen where all are. */
export function seenSkin(
  dense: Pick<DenseFace, 'side' | 'classes' | 'toPhoto'>,
  landmarks: Pick<DenseLandmarks, 'pixels'>,
  points: readonly number[] = ALL,
): SeenSkin | undefined {
  const seen = seenPart(dense, landmarks, points);
  return seen && { bare: seen.bare, covering: seen.covering };
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
  return { bare: mean(OWN), hair: mean(['hair']), covering: mean(OVER) };
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
  /** Mean probability of things that lie over a face, 0..1. */
  share: number;
}

/**
 * @param surface `[478][3]`, mm: the landmarks on the mean head
 * @param points those that may be covered
 * @returns undefined where too few are in the network's square
 */
export function thickestCover(
  { side, classes, toPhoto }: Pick<DenseFace, 'side' | 'classes' | 'toPhoto'>,
  { pixels }: Pick<DenseLandmarks, 'pixels'>,
  surface: Float32Array,
  points: readonly number[],
): Cover | undefined {
  const cellOf = cellFinder(pixels, toPhoto, side);
  const seen = points.filter((landmark) => cellOf(landmark) >= 0);
  const shares = Float64Array.from(seen, (landmark) => meanOver(classes, side, [cellOf(landmark)])(OVER));
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
      if (dx * dx + dy * dy + dz * dz >= COVER_MM * COVER_MM) continue;
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

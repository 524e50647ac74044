/** How the head stands, as the dense network sees it: a witness beside the landmarks and the outline. */
import { DENSE_CLASSES, type DenseFace } from './dense.js';
import { transform } from './photo.js';
import { turnOf } from './plausibility.js';

export type SeenFace = Pick<DenseFace, 'side' | 'classes' | 'points' | 'pointSigma' | 'toPhoto'>;

/** Only pixels that are this surely the face's skin count. */
const LEAST_FACE = 0.7;
/** Every so many pixels of the map, along both sides: neighbours err alike. */
const STEP = 3;
/** With fewer there is too little to tell a pose. */
const LEAST_POINTS = 50;
const AHEAD = [0, 0, 1] as const;

const known = new WeakMap<SeenFace, readonly number[] | undefined>();

/**
 * The head's rotation against the line of sight, row-major 3 x 3, from where on the mean head its pixels lie: least
 * squares under weak perspective, each point by its own deviation. Undefined where hardly any of the face is seen bare.
 */
export function seenRotation(face: SeenFace): readonly number[] | undefined {
  if (!known.has(face)) known.set(face, solvedRotation(face));
  return known.get(face);
}

function solvedRotation({ side, classes, points, pointSigma, toPhoto }: SeenFace): number[] | undefined {
  const plane = side * side;
  const face = DENSE_CLASSES.indexOf('face') * plane;
  const seen: { weight: number; at: number[]; pixel: [number, number] }[] = [];
  for (let y = 1; y < side; y += STEP) {
    for (let x = 1; x < side; x += STEP) {
      const i = y * side + x;
      if (!(classes[face + i]! >= LEAST_FACE)) continue;
      seen.push({
        weight: 1 / pointSigma[i]! ** 2,
        at: [points[i]!, points[plane + i]!, points[2 * plane + i]!],
        pixel: transform(toPhoto, x + 0.5, y + 0.5),
      });
    }
  }
  if (seen.length < LEAST_POINTS) return undefined;
  const total = seen.reduce((sum, { weight }) => sum + weight, 0);
  const mean = (value: (one: (typeof seen)[number]) => number) =>
    seen.reduce((sum, one) => sum + one.weight * value(one), 0) / total;
  const middle = [0, 1, 2].map((k) => mean(({ at }) => at[k]!));
  const [u, v] = [mean(({ pixel }) => pixel[0]), mean(({ pixel }) => pixel[1])];
  const product = (a: (one: (typeof seen)[number]) => number, k: number) =>
    mean((one) => a(one) * (one.at[k]! - middle[k]!));
  const spread = [0, 1, 2].map((j) => [0, 1, 2].map((k) => product(({ at }) => at[j]! - middle[j]!, k)));
  const inverse = inverseOf(spread);
  if (inverse === undefined) return undefined;
  const row = (of: (one: (typeof seen)[number]) => number) => {
    const moments = [0, 1, 2].map((k) => product(of, k));
    return inverse.map((line) => line.reduce((sum, value, k) => sum + value * moments[k]!, 0));
  };
  return rotationOf(
    row(({ pixel }) => pixel[0] - u),
    row(({ pixel }) => pixel[1] - v),
  );
}

/** Rotation of a head as a camera that looks straight at it sees it; row-major 3 x 3. */
export function againstLineOfSight(rotation: ArrayLike<number>, translation: ArrayLike<number>): number[] {
  const length = Math.hypot(translation[0]!, translation[1]!, translation[2]!);
  const [x, y, z] = [0, 1, 2].map((k) => translation[k]! / length) as [number, number, number];
  // The shortest way from the line of sight to the camera's axis.
  const turn = [
    1 - (x * x) / (1 + z), (-x * y) / (1 + z), -x,
    (-x * y) / (1 + z), 1 - (y * y) / (1 + z), -y,
    x, y, z,
  ]; // biome-ignore format: a matrix
  return Array.from({ length: 9 }, (_, i) =>
    [0, 1, 2].reduce((sum, k) => sum + turn[3 * Math.floor(i / 3) + k]! * rotation[3 * k + (i % 3)]!, 0),
  );
}

/** Between a head's rotation and the one that the dense network sees, degrees. */
export interface PoseDifference {
  degrees: number;
  /** Without nods, which a smile or a long face pass for: between the ways to the head's left. */
  turnDegrees: number;
  /** How much less the head is turned to its side. */
  behindDegrees: number;
}

/** Undefined where the dense network sees too little. */
export function poseDifference(
  dense: SeenFace,
  { rotation, translation }: { rotation: ArrayLike<number>; translation: ArrayLike<number> },
): PoseDifference | undefined {
  const seen = seenRotation(dense);
  if (seen === undefined) return undefined;
  const fitted = againstLineOfSight(rotation, translation);
  const cosine = [0, 3, 6].reduce((sum, i) => sum + seen[i]! * fitted[i]!, 0);
  const told = turnOf(seen, AHEAD);
  const behindDegrees = Math.sign(told) * (told - turnOf(rotation, translation));
  return { degrees: degreesBetween(fitted, seen), turnDegrees: degreesOf(cosine), behindDegrees };
}

/** Between two rotations, degrees. */
export function degreesBetween(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let trace = 0;
  for (let i = 0; i < 9; i++) trace += a[i]! * b[i]!;
  return degreesOf((trace - 1) / 2);
}

function degreesOf(cosine: number): number {
  return (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI;
}

/** The rotation whose first two rows are nearest to the given ones, at their mean length; undefined where they are parallel. */
function rotationOf(first: readonly number[], second: readonly number[]): number[] | undefined {
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, k) => sum + value * b[k]!, 0);
  const [aa, ab, bb] = [dot(first, first), dot(first, second), dot(second, second)];
  const root = Math.sqrt(aa * bb - ab * ab);
  if (!(root > 1e-6 * (aa + bb))) return undefined;
  // The inverse square root of the 2 x 2 matrix of products makes the rows orthonormal with the least change.
  const scale = 1 / (root * Math.sqrt(aa + bb + 2 * root));
  const x = first.map((value, k) => scale * ((bb + root) * value - ab * second[k]!));
  const y = second.map((value, k) => scale * ((aa + root) * value - ab * first[k]!));
  const z = [0, 1, 2].map((k) => x[(k + 1) % 3]! * y[(k + 2) % 3]! - x[(k + 2) % 3]! * y[(k + 1) % 3]!);
  return [...x, ...y, ...z];
}

/** Of a symmetric 3 x 3 matrix; undefined where it is singular. */
function inverseOf(m: readonly (readonly number[])[]): number[][] | undefined {
  const cofactor = (i: number, j: number) => {
    const [a, b, c, d] = [(i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3] as const;
    return m[a]![c]! * m[b]![d]! - m[a]![d]! * m[b]![c]!;
  };
  const determinant = [0, 1, 2].reduce((sum, k) => sum + m[0]![k]! * cofactor(0, k), 0);
  if (!(Math.abs(determinant) > 1e-9)) return undefined;
  return [0, 1, 2].map((i) => [0, 1, 2].map((j) => cofactor(j, i) / determinant));
}

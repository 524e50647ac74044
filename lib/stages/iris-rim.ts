/** Irises measured in the photo itself: the landmark network's rims keep a usual share of the eye, whatever its size. */
import type { DenseLandmarks } from './landmarks.js';
import { IMAGE_LEFT_IRIS, IMAGE_RIGHT_IRIS } from './mesh-points.js';
import { type Photo, regionToPhoto } from './photo.js';

/** Side of an eye's crop in pixels, and in diameters of the iris as the network sees it. */
const SIDE = 96;
const WIDE = 2.4;
/** Radii that are tried, in the network's. */
const [SMALLEST, LARGEST, RADII] = [0.7, 1.35, 60] as const;
/** Every so many of them at first, to find the centre. */
const COARSE = 4;
/** The centre may be off by so much, in radii. */
const [SHIFTS_X, SHIFTS_Y] = [
  [-0.24, -0.18, -0.12, -0.06, 0, 0.06, 0.12, 0.18, 0.24],
  [-0.16, -0.08, 0, 0.08, 0.16],
] as const;
/** The rim is looked at on either side, this far above and below the middle, degrees: beyond are lids. */
const [SPREAD, ANGLES] = [40, 9] as const;
/** Half the width over which the step at the rim is felt, in radii. */
const STEP = 0.09;
/** Of brightness at the rim, from the iris to the white; less is no rim. */
const MIN_STEP = 0.06;

/** Diameter of each iris from side to side in pixels of the photo, image left first; 0 where its rim is not seen. */
export type IrisDiameters = [number, number];

/** By the circle across which brightness steps most, on both sides (Daugman 1993, his integro-differential operator). */
export async function measureIrises(
  photo: Photo,
  landmarks: DenseLandmarks,
  signal?: AbortSignal,
): Promise<IrisDiameters> {
  const [left, right] = await Promise.all(
    [IMAGE_LEFT_IRIS, IMAGE_RIGHT_IRIS].map((iris) => measure(photo, landmarks, iris, signal)),
  );
  return [left!, right!];
}

async function measure(
  photo: Photo,
  { pixels, region }: DenseLandmarks,
  [centre, ...rim]: readonly number[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const at = (point: number, axis: number): number => pixels[2 * point + axis]!;
  const [x, y] = [at(centre!, 0), at(centre!, 1)];
  const usualPx = rim.reduce((sum, point) => sum + Math.hypot(at(point, 0) - x, at(point, 1) - y), 0) / rim.length;
  if (!(usualPx > 1)) return 0;
  const size = 2 * usualPx * WIDE;
  const matrix = regionToPhoto({ x, y, size, angle: region.angle }, SIDE);
  const crop = await photo.crop({ matrix, width: SIDE, height: SIDE, low: 0, high: 1, border: 'replicate' }, signal);
  const radius = strongestCircle(brightness(crop), (usualPx * SIDE) / size);
  return (2 * radius * size) / SIDE;
}

function brightness(crop: Float32Array): Float32Array {
  return Float32Array.from({ length: SIDE * SIDE }, (_, i) => (crop[3 * i]! + crop[3 * i + 1]! + crop[3 * i + 2]!) / 3);
}

/** Radius of the circle with the strongest step outwards from dark to bright; 0 where there is none. */
function strongestCircle(grey: Float32Array, usual: number): number {
  let best = { value: 0, cx: 0, cy: 0 };
  for (const sx of SHIFTS_X) {
    for (const sy of SHIFTS_Y) {
      const [cx, cy] = [SIDE / 2 + sx * usual, SIDE / 2 + sy * usual];
      for (let i = 0; i < RADII; i += COARSE) {
        const value = stepAcross(grey, cx, cy, usual * radius(i), usual * STEP);
        if (value > best.value) best = { value, cx, cy };
      }
    }
  }
  const { cx, cy } = best;
  const steps = Array.from({ length: RADII }, (_, i) => stepAcross(grey, cx, cy, usual * radius(i), usual * STEP));
  const value = Math.max(...steps);
  const at = steps.indexOf(value);
  // At the ends it may go on beyond.
  if (!(value >= MIN_STEP) || at === 0 || at === RADII - 1) return 0;
  const [before, after] = [steps[at - 1]!, steps[at + 1]!];
  const bend = before - 2 * value + after;
  return usual * radius(at + (bend < 0 ? (0.5 * (before - after)) / bend : 0));
}

/** The i-th that is tried, in the network's. */
function radius(i: number): number {
  return SMALLEST + ((LARGEST - SMALLEST) * i) / (RADII - 1);
}

/** Mean rise of brightness across a circle, on its weaker side: a lid's corner steps on one side alone. */
function stepAcross(grey: Float32Array, cx: number, cy: number, r: number, step: number): number {
  let weaker = Infinity;
  for (const side of [1, -1]) {
    let sum = 0;
    for (let i = 0; i < ANGLES; i++) {
      const [dx, dy] = [side * COSINES[i]!, SINES[i]!];
      sum += sample(grey, cx + (r + step) * dx, cy + (r + step) * dy);
      sum -= sample(grey, cx + (r - step) * dx, cy + (r - step) * dy);
    }
    weaker = Math.min(weaker, sum / ANGLES);
  }
  return weaker;
}

const ANGLE_LIST = Array.from({ length: ANGLES }, (_, i) => ((2 * i) / (ANGLES - 1) - 1) * ((SPREAD * Math.PI) / 180));
const COSINES = ANGLE_LIST.map(Math.cos);
const SINES = ANGLE_LIST.map(Math.sin);

/** Bilinear, at pixel centres of +0.5. */
function sample(grey: Float32Array, x: number, y: number): number {
  const u = Math.min(SIDE - 1, Math.max(0, x - 0.5));
  const v = Math.min(SIDE - 1, Math.max(0, y - 0.5));
  const i = Math.min(SIDE - 2, Math.floor(u));
  const j = Math.min(SIDE - 2, Math.floor(v));
  const at = j * SIDE + i;
  const above = grey[at]! + (u - i) * (grey[at + 1]! - grey[at]!);
  const below = grey[at + SIDE]! + (u - i) * (grey[at + SIDE + 1]! - grey[at + SIDE]!);
  return above + (v - j) * (below - above);
}

/** eyeBlink as it closes the lids of one head: the model's own is made for the mean head, and lids differ by millimetres. */
import type { LandmarkSet, MorphableModel } from './morphable-model.js';

/** Landmarks on the margins of the subject's right lids, from the outer corner to the inner one, and of the left ones. */
const MARGINS = {
  Right: { upper: [246, 161, 160, 159, 158, 157, 173], lower: [7, 163, 144, 145, 153, 154, 155] },
  Left: { upper: [466, 388, 387, 386, 385, 384, 398], lower: [249, 390, 373, 374, 380, 381, 382] },
} as const;
export type Side = keyof typeof MARGINS;

/** So far past the lower margin the upper one comes to rest, mm: no slit is left between coarse triangles. */
const OVERLAP_MM = 0.4;
/** Vertices that a blink takes down by more than this belong to the upper lid, mm. */
const UPPER_LID_MM = 0.3;
const LEAST_TRAVEL_MM = 1;
const SCALES = [0.6, 1.9] as const;
/** Between two landmarks of a margin. */
const MARGIN_STEPS = 16;

type Point = [number, number, number];

/** The margin of a side's upper lid on the mean head, mm: points from corner to corner, a fraction of a millimetre apart. */
export function marginOf({ dense, mean }: Pick<MorphableModel, 'dense' | 'mean'>, side: Side): Point[] {
  const points = MARGINS[side].upper.map((point) => surfacePoint(dense, point, mean, undefined));
  const between = (a: Point, b: Point, t: number) => a.map((value, k) => value + t * (b[k]! - value)) as Point;
  return points
    .slice(1)
    .flatMap((next, i) =>
      Array.from({ length: MARGIN_STEPS }, (_, step) => between(points[i]!, next, step / MARGIN_STEPS)),
    );
}

/** Whether the landmarks tell the model's lids. */
export function hasLids({ dense, parts }: Pick<MorphableModel, 'dense' | 'parts'>): boolean {
  return dense.count > 466 && parts.some(({ name, triangleCount }) => name === 'leftEye' && triangleCount > 0);
}

/**
 * The offsets `[vertices][3]` of a blink for a head with open eyes. Changed columns of the upper lid travel until they
 * meet the lower one.
 *
 * @param positions `[vertices][3]`, mm: the head without the blink
 * @param blink the model's offsets
 */
export function closingBlink(
  model: Pick<MorphableModel, 'dense' | 'mean'>,
  positions: Float32Array | Float64Array,
  blink: Float32Array,
  side: Side,
): Float32Array {
  const { upper, lower } = MARGINS[side];
  const at = (point: number, blinks: boolean) =>
    surfacePoint(model.dense, point, positions, blinks ? blink : undefined);
  const rest = lower.map((point) => at(point, true)).sort((a, b) => a[0] - b[0]);
  const columns = upper
    .map((point) => {
      const [open, shut] = [at(point, false), at(point, true)];
      const travel = Math.max(open[1] - shut[1], LEAST_TRAVEL_MM);
      const gap = shut[1] - heightAt(rest, shut[0]) + OVERLAP_MM;
      const scale = Math.min(SCALES[1], Math.max(SCALES[0], 1 + gap / travel));
      return [surfacePoint(model.dense, point, model.mean, undefined)[0], scale] as const;
    })
    .sort((a, b) => a[0] - b[0]);
  // Columns beside the corners are short and tell little.
  const inner = columns.slice(1, -1);
  const out = blink.slice();
  for (let i = 0; i < out.length; i += 3) {
    const down = -blink[i + 1]!;
    if (down <= 0) continue;
    const scale = heightAt(inner, model.mean[i]!);
    const factor = 1 + (scale - 1) * Math.min(1, down / UPPER_LID_MM);
    for (let k = 0; k < 3; k++) out[i + k]! *= factor;
  }
  return out;
}

/** Of a line through points that ascend in x: level beyond its ends. */
function heightAt(line: readonly (readonly [number, number, ...number[]])[], x: number): number {
  const next = line.findIndex((point) => point[0] > x);
  if (next === 0) return line[0]![1];
  if (next < 0) return line.at(-1)![1];
  const [a, b] = [line[next - 1]!, line[next]!];
  return a[1] + ((x - a[0]) / (b[0] - a[0])) * (b[1] - a[1]);
}

function surfacePoint(
  { vertices, weights }: Pick<LandmarkSet, 'vertices' | 'weights'>,
  point: number,
  positions: ArrayLike<number>,
  moved: ArrayLike<number> | undefined,
): Point {
  const sum: Point = [0, 0, 0];
  for (let j = 3 * point; j < 3 * point + 3; j++) {
    for (let k = 0; k < 3; k++) {
      const i = 3 * vertices[j]! + k;
      sum[k]! += weights[j]! * (positions[i]! + (moved ? moved[i]! : 0));
    }
  }
  return sum;
}

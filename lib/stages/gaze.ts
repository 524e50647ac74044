/** Where the eyes look: from the irises in the photo and the eyeballs of the fitted head. */
import { FULL_GAZE_DEGREES } from '../gaze.js';
import type { MorphableModel, PartName } from '../morphable-model.js';
import type { NativeCamera } from '../native/refine.js';
import { partVertices } from '../part-vertices.js';
import type { EyeState } from './eye-state.js';
import type { DenseLandmarks } from './landmarks.js';
import { IMAGE_LEFT_IRIS, IMAGE_RIGHT_IRIS } from './mesh-points.js';
import type { RefinedHead } from './refine.js';

/** The part of an eye, and the landmarks of its iris. */
const EYES = {
  left: { part: 'leftEye', iris: IMAGE_RIGHT_IRIS },
  right: { part: 'rightEye', iris: IMAGE_LEFT_IRIS },
} as const;
/** What is less is noise. */
const LEAST = 0.04;
/** The gaze of an eye that is this shut is not seen. */
const HIDDEN = 0.6;
/** With a radius of this many pixels an iris begins to be measured, and is: the network tells small ones better. */
const [BLURRED_PX, CLEAR_PX] = [3, 8];
/** Irises lie a little behind the front of the ball. */
const IRIS_DEPTH = 0.96;

/**
 * The eye as the network tells it, its gaze measured on the fitted head where the head has eyeballs.
 *
 * @param positions `[vertices][3]`, mm, with eyeballs that look straight ahead
 */
export function measuredEye(
  model: MorphableModel,
  { camera }: Pick<RefinedHead, 'camera'>,
  positions: Float32Array,
  { pixels, eyes }: Pick<DenseLandmarks, 'pixels' | 'eyes'>,
  side: 'left' | 'right',
): EyeState {
  const eye = eyes[side];
  const { part, iris } = EYES[side];
  const ball = ballOf(model, positions, part);
  if (!ball || eye.shut > HIDDEN) return eye;
  const seen = lineOfSight(camera, ball, [pixels[2 * iris[0]!]!, pixels[2 * iris[0]! + 1]!]);
  const across = (Math.atan2(seen[0], seen[2]) * 180) / Math.PI;
  const up = (Math.atan2(seen[1], Math.hypot(seen[0], seen[2])) * 180) / Math.PI;
  const clear = (radiusPx(pixels, iris) - BLURRED_PX) / (CLEAR_PX - BLURRED_PX);
  const trust = Math.max(0, Math.min(1, clear));
  const told = (measured: number, network: number) => {
    const value = trust * Math.max(-1, Math.min(1, measured)) + (1 - trust) * network;
    return Math.abs(value) < LEAST ? 0 : value;
  };
  return {
    shut: eye.shut,
    outwards: told((side === 'left' ? across : -across) / FULL_GAZE_DEGREES.across, eye.outwards),
    up: told(up / FULL_GAZE_DEGREES.up, eye.up),
  };
}

/** Mean distance of the iris' rim from its centre. */
function radiusPx(pixels: Float32Array, [centre, ...rim]: readonly number[]): number {
  const from = (i: number, k: number) => pixels[2 * i + k]! - pixels[2 * centre! + k]!;
  return rim.reduce((sum, i) => sum + Math.hypot(from(i, 0), from(i, 1)) / rim.length, 0);
}

interface Ball {
  centre: [number, number, number];
  radius: number;
}

/** Middle of the smallest box around the eyeball's vertices. */
function ballOf(model: MorphableModel, positions: Float32Array, name: PartName): Ball | undefined {
  const vertices = partVertices(model, name);
  if (vertices.length === 0) return undefined;
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (const v of vertices) {
    for (let k = 0; k < 3; k++) {
      low[k] = Math.min(low[k]!, positions[3 * v + k]!);
      high[k] = Math.max(high[k]!, positions[3 * v + k]!);
    }
  }
  const centre = low.map((value, k) => (value + high[k]!) / 2) as Ball['centre'];
  return { centre, radius: Math.max(...low.map((value, k) => (high[k]! - value) / 2)) };
}

/** From the ball's centre to where the line through the pixel meets it, or passes it nearest; head frame. */
function lineOfSight(
  { rotation, translation, focalPx, principalPx }: NativeCamera,
  { centre, radius }: Ball,
  [u, v]: readonly [number, number],
): [number, number, number] {
  const middle = [0, 1, 2].map(
    (row) => translation[row]! + centre.reduce((sum, value, k) => sum + rotation[3 * row + k]! * value, 0),
  );
  const ray = [(u - principalPx[0]!) / focalPx, (v - principalPx[1]!) / focalPx, 1];
  const length = Math.hypot(...ray);
  const along = ray.reduce((sum, value, k) => sum + (value / length) * middle[k]!, 0);
  const nearest = ray.map((value, k) => (along * value) / length - middle[k]!);
  const back = Math.sqrt(Math.max(0, (IRIS_DEPTH * radius) ** 2 - Math.hypot(...nearest) ** 2));
  const seen = nearest.map((value, k) => value - (back * ray[k]!) / length);
  return [0, 1, 2].map((k) => seen.reduce((sum, value, row) => sum + rotation[3 * row + k]! * value, 0)) as [
    number,
    number,
    number,
  ];
}

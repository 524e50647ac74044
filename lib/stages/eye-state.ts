/** Whether eyes are shut and where they look, from small pictures of them and their landmarks. */
import type { Affine } from '../native/face-view.js';
import { type At, between, type CloseUp, closeUp, framed, type Points, pointsOf } from './close-up.js';
import { IMAGE_LEFT_EYE, IMAGE_LEFT_IRIS } from './mesh-points.js';
import type { FaceNetworks } from './networks.js';
import { mirrored, type Photo } from './photo.js';

/** One eye. */
export interface EyeState {
  /** 0 open to 1 shut. */
  shut: number;
  /** -1 full gaze to the nose, 1 full gaze to the temple; 0 where shut. */
  outwards: number;
  /** -1 full gaze down, 1 up; 0 where shut. */
  up: number;
}

/** The subject's. */
export interface EyeStates {
  left: EyeState;
  right: EyeState;
}

/** The picture of an eye, and its width in distances between the eye's corners. */
const [WIDTH, HEIGHT, SPAN] = [24, 16, 1.6];
const PICTURE = 3 * WIDTH * HEIGHT;
const POINTS = [...IMAGE_LEFT_EYE, ...IMAGE_LEFT_IRIS];
const [OUTER, INNER] = [33, 133];
/** What the network takes of one eye. */
const VALUES = PICTURE + 3 * POINTS.length;

/**
 * The network falls short of the ends; chosen on the portraits that its training left out (models/build/expression): of
 * their shut eyes (blink 0.75 to 1) the lowest decile, of open ones the highest twentieth.
 */
const SHUT_CURVE = [
  [0.08, 0],
  [0.35, 0.35],
  [0.55, 0.84],
  [0.75, 1],
] as const;
/** What is less is noise. */
const LEAST_GAZE = 0.06;
const GAZE_GAIN = 1.1;
/** The gaze of an eye that is this shut is not seen. */
const HIDDEN = 0.6;

/** @throws HrnError MODEL_MISSING, MODEL_CORRUPT */
export async function seeEyes(
  networks: FaceNetworks,
  photo: Photo,
  points: Points,
  signal?: AbortSignal,
): Promise<EyeStates> {
  const { state } = await networks.run('eyes', await eyeInput(photo, points, signal), signal);
  return { right: stateOf(state!.subarray(0, 3)), left: stateOf(state!.subarray(3, 6)) };
}

/** What the network takes: the right eye, then the left one in a mirror; of each its picture, then its points. */
export async function eyeInput(photo: Photo, points: Points, signal?: AbortSignal): Promise<Float32Array> {
  const values = new Float32Array(2 * VALUES);
  const look = async (row: number, isLeft: boolean) => {
    const at = pointsOf(points, isLeft);
    const upright = eyeToPhoto(at, isLeft);
    const matrix = isLeft ? mirrored(upright, WIDTH) : upright;
    const crop = { matrix, width: WIDTH, height: HEIGHT, low: 0, high: 1, border: 'replicate' } as const;
    values.set(await photo.crop(crop, signal), row * VALUES);
    values.set(framed(at, POINTS, frameOf(at)), row * VALUES + PICTURE);
  };
  await Promise.all([look(0, false), look(1, true)]);
  return values;
}

function frameOf(at: At): CloseUp {
  return closeUp(at, OUTER, INNER, between(at, OUTER, INNER));
}

/** Pixels of the upright picture to pixels of the photo. */
function eyeToPhoto(at: At, isLeft: boolean): Affine {
  const { middle, cos, sin, unit } = frameOf(at);
  const scale = (SPAN * unit) / WIDTH;
  const [c, s] = [scale * cos, scale * sin * (isLeft ? -1 : 1)];
  const x = isLeft ? -middle[0] : middle[0];
  return [c, -s, x - (c * WIDTH - s * HEIGHT) / 2, s, c, middle[1] - (s * WIDTH + c * HEIGHT) / 2];
}

function stateOf([told, outwards, up]: ArrayLike<number> & Iterable<number>): EyeState {
  const shut = curve(told!);
  const gaze = (value: number) =>
    shut > HIDDEN ? 0 : Math.sign(value) * Math.min(1, GAZE_GAIN * Math.max(0, Math.abs(value) - LEAST_GAZE));
  return { shut, outwards: gaze(outwards!), up: gaze(up!) };
}

function curve(value: number): number {
  if (value <= SHUT_CURVE[0][0]) return 0;
  for (const [k, [x, y]] of SHUT_CURVE.entries()) {
    if (value > x) continue;
    const [x0, y0] = SHUT_CURVE[k - 1]!;
    return y0 + ((value - x0) / (x - x0)) * (y - y0);
  }
  return 1;
}

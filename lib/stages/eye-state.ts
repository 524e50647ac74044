/** Whether eyes are shut and where they look, from small pictures of them and their landmarks. */
import { type CloseUp, lookBothWays, type Points } from './close-up.js';
import { IMAGE_LEFT_EYE, IMAGE_LEFT_IRIS } from './mesh-points.js';
import type { FaceNetworks } from './networks.js';
import type { Photo } from './photo.js';

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

const [OUTER, INNER] = [33, 133];
/** The right eye, in distances between its corners. */
const EYE: CloseUp = {
  width: 24,
  height: 16,
  level: [OUTER, INNER],
  around: [OUTER, INNER],
  span: 1.6,
  below: 0,
  points: [...IMAGE_LEFT_EYE, ...IMAGE_LEFT_IRIS],
};

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

/** What the network takes: the right eye, then the left one in a mirror. */
export function eyeInput(photo: Photo, points: Points, signal?: AbortSignal): Promise<Float32Array> {
  return lookBothWays(photo, points, EYE, signal);
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

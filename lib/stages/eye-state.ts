/** Whether eyes are shut and where they look, from small pictures of them and their landmarks. */
import type { Affine } from '../native/face-view.js';
import { IMAGE_LEFT_EYE, IMAGE_LEFT_IRIS, MIRROR } from './mesh-points.js';
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

/** Landmarks without what is made of them here. */
interface Points {
  /** `[478][2]`, pixels of the photo. */
  pixels: Float32Array;
  /** `[478]`, pixels. */
  depth: Float32Array;
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
    const at = eyePoints(points, isLeft);
    const upright = eyeToPhoto(at, isLeft);
    const matrix = isLeft ? mirrored(upright, WIDTH) : upright;
    const crop = { matrix, width: WIDTH, height: HEIGHT, low: 0, high: 1, border: 'replicate' } as const;
    values.set(await photo.crop(crop, signal), row * VALUES);
    values.set(framed(at), row * VALUES + PICTURE);
  };
  await Promise.all([look(0, false), look(1, true)]);
  return values;
}

type At = (point: number) => [number, number, number];

/** Points of the right eye, or those of the left one in a mirror. */
function eyePoints({ pixels, depth }: Points, isLeft: boolean): At {
  const at: At = (i) => [pixels[2 * i]!, pixels[2 * i + 1]!, depth[i]!];
  if (!isLeft) return at;
  return (i) => {
    const [x, y, z] = at(MIRROR[i]!);
    return [-x, y, z];
  };
}

function axes(at: At) {
  const [outer, inner] = [at(OUTER), at(INNER)];
  const [dx, dy] = [inner[0] - outer[0], inner[1] - outer[1]];
  const across = Math.hypot(dx, dy) || 1;
  const middle = outer.map((value, k) => (value + inner[k]!) / 2) as [number, number, number];
  return { middle, cos: dx / across, sin: dy / across, unit: Math.hypot(dx, dy, inner[2] - outer[2]) || 1 };
}

/** Pixels of the upright picture to pixels of the photo. */
function eyeToPhoto(at: At, isLeft: boolean): Affine {
  const { middle, cos, sin, unit } = axes(at);
  const scale = (SPAN * unit) / WIDTH;
  const [c, s] = [scale * cos, scale * sin * (isLeft ? -1 : 1)];
  const x = isLeft ? -middle[0] : middle[0];
  return [c, -s, x - (c * WIDTH - s * HEIGHT) / 2, s, c, middle[1] - (s * WIDTH + c * HEIGHT) / 2];
}

/** The points in the eye's own frame: x of all, then y, then z. */
function framed(at: At): number[] {
  const { middle, cos, sin, unit } = axes(at);
  const inFrame = POINTS.map((i) => {
    const [x, y, z] = at(i).map((value, k) => (value - middle[k]!) / unit) as [number, number, number];
    return [x * cos + y * sin, y * cos - x * sin, z];
  });
  return [0, 1, 2].flatMap((k) => inFrame.map((point) => point[k]!));
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

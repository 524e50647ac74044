/** What small networks take of a part of the face: its picture and its landmarks in that part's own frame. */
import type { Affine } from '../native/face-view.js';
import { MIRROR } from './mesh-points.js';
import { mirrored, type Photo } from './photo.js';

/** Landmarks without what is made of them. */
export interface Points {
  /** `[478][2]`, pixels of the photo. */
  pixels: Float32Array;
  /** `[478]`, pixels. */
  depth: Float32Array;
}

/** A part of the face and how it is shown. */
export interface CloseUp {
  /** Pixels of the picture. */
  width: number;
  height: number;
  /** Points whose line is level in it, and whose distance is the unit. */
  level: readonly [number, number];
  /** Points between which the frame's origin lies. */
  around: readonly [number, number];
  /** Width of the picture; how far below the origin its middle is. */
  span: number;
  below: number;
  /** Those that the network is told. */
  points: readonly number[];
}

/**
 * The part as it is, then its twin in a mirror: of each the picture, sRGB-encoded 0..1, then x of all points, then y, then z.
 */
export async function lookBothWays(
  photo: Photo,
  points: Points,
  part: CloseUp,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { width, height } = part;
  const picture = 3 * width * height;
  const count = picture + 3 * part.points.length;
  const values = new Float32Array(2 * count);
  const look = async (row: number, isMirrored: boolean) => {
    const at = pointsOf(points, isMirrored);
    const frame = frameOf(at, part);
    const upright = toPhoto(frame, part, isMirrored);
    const matrix = isMirrored ? mirrored(upright, width) : upright;
    const crop = { matrix, width, height, low: 0, high: 1, border: 'replicate' } as const;
    values.set(await photo.crop(crop, signal), row * count);
    values.set(framed(at, part.points, frame), row * count + picture);
  };
  await Promise.all([look(0, false), look(1, true)]);
  return values;
}

/** Pixels of the photo, and depth. */
type At = (point: number) => [number, number, number];

/** In a mirror every point is where its twin's image is. */
function pointsOf({ pixels, depth }: Points, isMirrored: boolean): At {
  const at: At = (i) => [pixels[2 * i]!, pixels[2 * i + 1]!, depth[i]!];
  if (!isMirrored) return at;
  return (i) => {
    const [x, y, z] = at(MIRROR[i]!);
    return [-x, y, z];
  };
}

interface Frame {
  middle: [number, number, number];
  /** Of its horizontal in the photo. */
  cos: number;
  sin: number;
  /** Pixels of the photo. */
  unit: number;
}

function frameOf(at: At, { level, around }: CloseUp): Frame {
  const [from, to] = [at(level[0]), at(level[1])];
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const across = Math.hypot(dx, dy) || 1;
  const [a, b] = [at(around[0]), at(around[1])];
  const middle = a.map((value, k) => (value + b[k]!) / 2) as [number, number, number];
  return { middle, cos: dx / across, sin: dy / across, unit: Math.hypot(dx, dy, to[2] - from[2]) || 1 };
}

/** Pixels of the upright picture to pixels of the photo. */
function toPhoto({ middle, cos, sin, unit }: Frame, part: CloseUp, isMirrored: boolean): Affine {
  const { width, height, span, below } = part;
  const side = isMirrored ? -1 : 1;
  const scale = (span * unit) / width;
  const [c, s] = [scale * cos, scale * sin * side];
  const [x, y] = [side * (middle[0] - sin * below * unit), middle[1] + cos * below * unit];
  return [c, -s, x - (c * width - s * height) / 2, s, c, y - (s * width + c * height) / 2];
}

function framed(at: At, points: readonly number[], { middle, cos, sin, unit }: Frame): number[] {
  const inFrame = points.map((i) => {
    const [x, y, z] = at(i).map((value, k) => (value - middle[k]!) / unit) as [number, number, number];
    return [x * cos + y * sin, y * cos - x * sin, z];
  });
  return [0, 1, 2].flatMap((k) => inFrame.map((point) => point[k]!));
}

/** Landmarks of a part of the face in that part's own frame, as they are or in a mirror. */
import { MIRROR } from './mesh-points.js';

/** Landmarks without what is made of them. */
export interface Points {
  /** `[478][2]`, pixels of the photo. */
  pixels: Float32Array;
  /** `[478]`, pixels. */
  depth: Float32Array;
}

/** Pixels of the photo, and depth. */
export type At = (point: number) => [number, number, number];

/** In a mirror every point is where its twin's image is. */
export function pointsOf({ pixels, depth }: Points, isMirrored: boolean): At {
  const at: At = (i) => [pixels[2 * i]!, pixels[2 * i + 1]!, depth[i]!];
  if (!isMirrored) return at;
  return (i) => {
    const [x, y, z] = at(MIRROR[i]!);
    return [-x, y, z];
  };
}

export interface CloseUp {
  middle: [number, number, number];
  /** Of its horizontal in the photo. */
  cos: number;
  sin: number;
  /** Pixels of the photo. */
  unit: number;
}

/** Level with two points, in distances between them. */
export function closeUp(at: At, from: number, to: number, middle: [number, number, number]): CloseUp {
  const [a, b] = [at(from), at(to)];
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const across = Math.hypot(dx, dy) || 1;
  return { middle, cos: dx / across, sin: dy / across, unit: Math.hypot(dx, dy, b[2] - a[2]) || 1 };
}

export function between(at: At, from: number, to: number): [number, number, number] {
  const [a, b] = [at(from), at(to)];
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2];
}

/** Points in such a frame: x of all, then y, then z. */
export function framed(at: At, points: readonly number[], { middle, cos, sin, unit }: CloseUp): number[] {
  const inFrame = points.map((i) => {
    const [x, y, z] = at(i).map((value, k) => (value - middle[k]!) / unit) as [number, number, number];
    return [x * cos + y * sin, y * cos - x * sin, z];
  });
  return [0, 1, 2].flatMap((k) => inFrame.map((point) => point[k]!));
}

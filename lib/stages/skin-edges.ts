import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import { IMAGE_LEFT_EYE, IMAGE_RIGHT_EYE, LIPS, MESH_POINTS } from './mesh-points.js';
import type { Photo } from './photo.js';
import { invert } from './skin-mask.js';

/** Where bare skin ends and background begins: the outline of cheeks, jaw and ears as far as hair and clothes show it. */
export interface SkinEdges {
  /** `[n][2]`, pixels of the photo. */
  points: Float64Array;
  /** `[n][2]`, unit vectors towards the background. */
  normals: Float64Array;
}

/** Reach of the differences that tell the direction of an edge, pixels of the mask: its edge is as soft as that. */
const GRADIENT_REACH = 2;
/** How far inside the edge the colour is looked at, pixels of the mask: some 3 mm, beyond the soft rim of the photo. */
const INSIDE = 4;
/** Chromaticity counts as skin within this many deviations of the face's own; their least size. */
const MAX_DEVIATIONS = 3.5;
const MIN_DEVIATION = 0.012;
/** Sides of the face may lie in shadow or shine; hair is mostly darker still. Of the median brightness. */
const BRIGHTNESS = [0.3, 2] as const;
/** The mask is not to be trusted beside the photo's border, pixels of the mask. */
const BORDER = 6;

export async function findSkinEdges(
  photo: Photo,
  landmarks: DenseLandmarks,
  { values, size, toPhoto }: PersonMask,
  signal?: AbortSignal,
): Promise<SkinEdges> {
  const rgb = await photo.crop({ matrix: toPhoto, width: size, height: size, low: 0, high: 1, border: 'zero' }, signal);
  const isSkin = skinTest(rgb, size, landmarks, toPhoto);
  const inPhoto = (u: number, v: number): boolean => {
    const [x, y] = apply(toPhoto, u, v);
    return x > 0 && y > 0 && x < photo.width && y < photo.height;
  };
  const at = (u: number, v: number): number => values[v * size + u]!;
  const points: number[] = [];
  const normals: number[] = [];
  const scale = Math.hypot(toPhoto[0], toPhoto[3]);
  for (let v = BORDER; v < size - BORDER; v++) {
    for (let u = BORDER; u < size - BORDER; u++) {
      // Nearly all pixels end here: the loop runs on the event loop's thread.
      const i = v * size + u;
      const inside = values[i]! > 0.5;
      if (values[i + 1]! > 0.5 === inside && values[i + size]! > 0.5 === inside) continue;
      const here = at(u, v) - 0.5;
      for (const [du, dv] of [
        [1, 0],
        [0, 1],
      ] as const) {
        const there = at(u + du, v + dv) - 0.5;
        if (here > 0 === there > 0) continue;
        const gu = at(u - GRADIENT_REACH, v) - at(u + GRADIENT_REACH, v);
        const gv = at(u, v - GRADIENT_REACH) - at(u, v + GRADIENT_REACH);
        const length = Math.hypot(gu, gv);
        if (length === 0) continue;
        const [nu, nv] = [gu / length, gv / length];
        const t = here / (here - there);
        const [eu, ev] = [u + 0.5 + t * du, v + 0.5 + t * dv];
        if (!isSkin(eu - INSIDE * nu, ev - INSIDE * nv)) continue;
        if (!inPhoto(eu + BORDER * nu, ev + BORDER * nv)) continue;
        points.push(...apply(toPhoto, eu, ev));
        const [a, b, , d, e] = toPhoto;
        normals.push((a * nu + b * nv) / scale, (d * nu + e * nv) / scale);
      }
    }
  }
  return { points: Float64Array.from(points), normals: Float64Array.from(normals) };
}

const apply = ([a, b, c, d, e, f]: PersonMask['toPhoto'], u: number, v: number): [number, number] => [
  a * u + b * v + c,
  d * u + e * v + f,
];

/** Whether the crop shows skin around one of its pixels, judged by the colours of this face. */
function skinTest(rgb: Float32Array, size: number, { pixels }: DenseLandmarks, toPhoto: PersonMask['toPhoto']) {
  const featured = new Set([...LIPS, ...IMAGE_LEFT_EYE, ...IMAGE_RIGHT_EYE]);
  const toMask = invert(toPhoto);
  const seen: Colour[] = [];
  for (let i = 0; i < MESH_POINTS; i++) {
    if (featured.has(i)) continue;
    const colour = patchColour(rgb, size, ...apply(toMask, pixels[2 * i]!, pixels[2 * i + 1]!));
    if (colour) seen.push(colour);
  }
  const centre = [0, 1, 2].map((k) => median(seen.map((colour) => colour[k]!)));
  // 1.48 times the median deviation is the standard deviation of normal values.
  const spread = [0, 1].map((k) =>
    Math.max(MIN_DEVIATION, 1.48 * median(seen.map((colour) => Math.abs(colour[k]! - centre[k]!)))),
  );
  return (u: number, v: number): boolean => {
    const colour = patchColour(rgb, size, u, v);
    if (!colour) return false;
    const deviations = Math.hypot(...spread.map((s, k) => (colour[k]! - centre[k]!) / s));
    const brightness = colour[2] / centre[2]!;
    return deviations < MAX_DEVIATIONS && brightness > BRIGHTNESS[0] && brightness < BRIGHTNESS[1];
  };
}

/** Shares of red and green, and brightness. */
type Colour = readonly [number, number, number];

/** Mean of 3 x 3 pixels; undefined beside the border and where it is black. */
function patchColour(rgb: Float32Array, size: number, u: number, v: number): Colour | undefined {
  const [column, row] = [Math.floor(u), Math.floor(v)];
  if (!(column >= 1 && row >= 1 && column < size - 1 && row < size - 1)) return undefined;
  let [r, g, b] = [0, 0, 0];
  for (let dv = -1; dv <= 1; dv++) {
    for (let du = -1; du <= 1; du++) {
      const i = 3 * ((row + dv) * size + column + du);
      r += rgb[i]! / 9;
      g += rgb[i + 1]! / 9;
      b += rgb[i + 2]! / 9;
    }
  }
  const sum = r + g + b;
  return sum > 0.03 ? [r / sum, g / sum, sum / 3] : undefined;
}

function median(values: number[]): number {
  if (values.length === 0) return 0;
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

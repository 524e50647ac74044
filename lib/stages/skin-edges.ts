import { hairColour } from './hair-colour.js';
import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import { type Photo, transform } from './photo.js';
import { skinColour } from './skin-colour.js';

/**
 * Where bare skin ends and background begins: the outline of cheeks, jaw and ears as far as hair and clothes show it;
 * nothing in black-and-white photos.
 */
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
/** The mask is not to be trusted beside the photo's border, pixels of the mask. */
const BORDER = 6;

export function findSkinEdges(
  photo: Pick<Photo, 'width' | 'height'>,
  landmarks: Pick<DenseLandmarks, 'pixels'>,
  person: PersonMask,
): SkinEdges {
  const { values, size, toPhoto } = person;
  const { isSkin, tellsHair } = skinColour(person, landmarks);
  // Hair taken for skin would draw the head to its own outline.
  if (!tellsHair) return { points: new Float64Array(0), normals: new Float64Array(0) };
  const isHair = hairColour(person, landmarks);
  const inPhoto = (u: number, v: number): boolean => {
    const [x, y] = transform(toPhoto, u, v);
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
      const seen = values[i]! > 0.5;
      if (values[i + 1]! > 0.5 === seen && values[i + size]! > 0.5 === seen) continue;
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
        const inside = [eu - INSIDE * nu, ev - INSIDE * nv] as const;
        if (!isSkin(...inside) || isHair(...inside)) continue;
        if (!inPhoto(eu + BORDER * nu, ev + BORDER * nv)) continue;
        points.push(...transform(toPhoto, eu, ev));
        const [a, b, , d, e] = toPhoto;
        normals.push((a * nu + b * nv) / scale, (d * nu + e * nv) / scale);
      }
    }
  }
  return { points: Float64Array.from(points), normals: Float64Array.from(normals) };
}

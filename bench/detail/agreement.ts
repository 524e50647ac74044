/** How far two fits of one person in two photos found the same relief. */

import { gaussian } from '../../lib/gaussian.js';
import type { DisplacementMap } from '../../lib/result-data.js';
import { FINE_SIGMA_MM, finePart } from './metrics.js';
import type { DetailPortrait } from './portrait.js';

/** Texels of a map of 1024 on the face, mm. */
const TEXEL_MM = 0.3;
const STEP_MM = 1.2;
const FOLD_MM = 1.2;
const SMOOTH_MM = 5;

export interface Found {
  map: DisplacementMap;
  /** `[height][width][3]` as `fittedNormals` has them; absent where the photo is not the other's size. */
  normals: Float32Array | undefined;
  pixelsPerMm: number;
}

export interface Agreement {
  solvedSize: number;
  /** Root mean square of the differences of heights over 1.2 mm, mm. */
  energy: number;
  /** Correlation of those differences with the other map's. */
  map: number;
  /** Of heights wider than `FOLD_MM` and finer than `SMOOTH_MM`. */
  folds: number;
  /** Of the finer part of the whole surface's normals (x and y), NaN without normals. */
  surface: number;
}

/** Where both photos decided; `face` of the portrait is where normals are compared, per pixel. */
export function agreement(own: Found, other: Found, { face, image }: DetailPortrait): Agreement {
  const { data, seen, size, solvedSize } = own.map;
  const step = Math.round(((STEP_MM / TEXEL_MM) * size) / 1024);
  const differences = new Sums();
  const folds = new Sums();
  const [a, b] = [own, other].map(({ map }) => band(map)) as [Float32Array, Float32Array];
  for (let i = 0; i + step * size + step < data.length; i++) {
    if (seen[i]! < 0.9 || other.map.seen[i]! < 0.9) continue;
    for (const to of [i + step, i + step * size]) {
      differences.add(data[to]! - data[i]!, other.map.data[to]! - other.map.data[i]!);
    }
    folds.add(a[i]!, b[i]!);
  }
  return {
    solvedSize,
    energy: differences.energy,
    map: differences.correlation,
    folds: folds.correlation,
    surface: surfaceAgreement(own, other, face, image.width, image.height),
  };
}

function band({ data, size }: DisplacementMap): Float32Array {
  const texels = size / 1024 / TEXEL_MM;
  const shape = { columns: size, rows: size, channels: 1 };
  const wide = gaussian(data, shape, SMOOTH_MM * texels);
  return gaussian(data, shape, FOLD_MM * texels).map((height, i) => height - wide[i]!);
}

function surfaceAgreement(own: Found, other: Found, face: Uint8Array, width: number, height: number): number {
  const [p, q] = [own.normals, other.normals];
  if (!p || !q) return Number.NaN;
  const isUnit = (n: Float32Array, i: number): boolean => Math.hypot(n[3 * i]!, n[3 * i + 1]!, n[3 * i + 2]!) > 0.7;
  const counted = face.map((on, i) => (on === 1 && isUnit(p, i) && isUnit(q, i) ? 1 : 0));
  const [a, b] = [p, q].map((n) => finePart(n, counted, width, height, FINE_SIGMA_MM * own.pixelsPerMm)) as [
    Float32Array,
    Float32Array,
  ];
  const sums = new Sums();
  for (let i = 0; i < a.length; i++) if (counted[i >> 1]) sums.add(a[i]!, b[i]!);
  return sums.correlation;
}

class Sums {
  #aa = 0;
  #ab = 0;
  #bb = 0;
  #count = 0;

  add(a: number, b: number): void {
    this.#aa += a * a;
    this.#ab += a * b;
    this.#bb += b * b;
    this.#count++;
  }
  /** Of the first values alone. */
  get energy(): number {
    return Math.sqrt(this.#aa / Math.max(1, this.#count));
  }
  get correlation(): number {
    return this.#ab / Math.sqrt(this.#aa * this.#bb || 1);
  }
}

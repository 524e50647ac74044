/** How well the normals of a fit agree with the true ones, per pixel of a portrait, in the camera's frame. */

import type { NativeContext } from '../../lib/native/binding.js';
import { native } from '../../lib/native/load.js';
import type { DisplacementMap, Mesh, ReconstructionData } from '../../lib/result-data.js';
import { alignPoints, rotate } from '../accuracy/align.js';
import type { DetailPortrait } from './portrait.js';

export interface DetailFigures {
  /** Mean angle between true and fitted normals after the best rotation. */
  degrees: number;
  /** Of the parts of both that are finer than 6 mm (x and y). */
  correlation: number;
  /** Energy of the fine part over the truth's. */
  gain: number;
  /** Energy of the fine part where there is only paint, over the truth's where there are wrinkles. */
  leak: number;
  /** The same of the true normals: what a perfect fit has there, since paint lies on lips and noses too. */
  trueLeak: number;
  /** `leak` and `trueLeak` where the truth is smooth, too: what no perfect fit has there. */
  smoothLeak: number;
  trueSmoothLeak: number;
  /** The same of the difference to another fit's normals (the medium level's): what this one has added. */
  addedLeak: number;
  /** Root mean square of the fine part. */
  energy: number;
}

/** A true fine part below this is no shape of its own: about two degrees. */
const SMOOTH = 0.035;
/** What is finer than about 6 mm: less a Gaussian of this deviation. */
export const FINE_SIGMA_MM = 2.5;

/** `[height][width][3]`, unit, camera frame; zero where the fitted skin is not seen. */
export async function fittedNormals(
  context: NativeContext,
  { mesh, pose, camera, input }: ReconstructionData,
  map?: DisplacementMap,
): Promise<Float32Array> {
  const { width, height } = input;
  const { triangleId, barycentrics } = await native().render(context, {
    positions: mesh.positions,
    indices: mesh.indices,
    rotation: pose.rotation,
    translation: pose.translation,
    focalLengthPx: camera.focalLengthPx,
    principalPointPx: camera.principalPointPx,
    width,
    height,
    supersampling: 1,
    light: 'none',
    geometry: true,
  }).promise;
  const skinEnd = mesh.parts[0]!.indexCount / 3;
  const out = new Float32Array(3 * width * height);
  const n = [0, 0, 0];
  for (let i = 0; i < width * height; i++) {
    const t = triangleId![i]!;
    if (t < 0 || t >= skinEnd) continue;
    const w = [barycentrics![2 * i]!, barycentrics![2 * i + 1]!];
    w.push(1 - w[0]! - w[1]!);
    surfaceNormal(mesh, t, w, n);
    if (map) bend(mesh, t, w, map, n);
    const r = rotate(pose.rotation, n[0]!, n[1]!, n[2]!);
    const length = Math.hypot(...r) || 1;
    for (let k = 0; k < 3; k++) out[3 * i + k] = r[k]! / length;
  }
  return out;
}

function surfaceNormal({ indices, normals }: Mesh, t: number, w: number[], n: number[]): void {
  n.fill(0);
  for (let c = 0; c < 3; c++) {
    const v = 3 * indices[3 * t + c]!;
    for (let k = 0; k < 3; k++) n[k]! += w[c]! * normals[v + k]!;
  }
  const length = Math.hypot(...n) || 1;
  for (let k = 0; k < 3; k++) n[k]! /= length;
}

/** n - grad h, with h between texels linear. */
function bend({ indices, positions, uvs }: Mesh, t: number, w: number[], { data, size }: DisplacementMap, n: number[]) {
  const [a, b, c] = [indices[3 * t]!, indices[3 * t + 1]!, indices[3 * t + 2]!];
  const uv = (k: number): number =>
    size * (w[0]! * uvs[2 * a + k]! + w[1]! * uvs[2 * b + k]! + w[2]! * uvs[2 * c + k]!);
  const at = (x: number, y: number): number => {
    const s = Math.min(Math.max(x - 0.5, 0), size - 1.001);
    const r = Math.min(Math.max(y - 0.5, 0), size - 1.001);
    const i = Math.floor(r) * size + Math.floor(s);
    const f = s % 1;
    const low = data[i]! + f * (data[i + 1]! - data[i]!);
    const high = data[i + size]! + f * (data[i + size + 1]! - data[i + size]!);
    return low + (r % 1) * (high - low);
  };
  const [x, y] = [uv(0), uv(1)];
  const hu = (at(x + 0.5, y) - at(x - 0.5, y)) * size;
  const hv = (at(x, y + 0.5) - at(x, y - 0.5)) * size;
  const edge = (to: number): number[] => [0, 1, 2].map((k) => positions[3 * to + k]! - positions[3 * a + k]!);
  const along = (to: number): number => hu * (uvs[2 * to]! - uvs[2 * a]!) + hv * (uvs[2 * to + 1]! - uvs[2 * a + 1]!);
  const [e, f] = [edge(b), edge(c)] as [number[], number[]];
  const dot = (p: number[], q: number[]): number => p[0]! * q[0]! + p[1]! * q[1]! + p[2]! * q[2]!;
  const [ee, ef, ff] = [dot(e, e), dot(e, f), dot(f, f)];
  const det = ee * ff - ef * ef || 1;
  const [de, df] = [along(b), along(c)];
  const p = (ff * de - ef * df) / det;
  const q = (ee * df - ef * de) / det;
  for (let k = 0; k < 3; k++) n[k]! -= p * e[k]! + q * f[k]!;
}

/** @param before normals of another fit, of which `addedLeak` tells how far `fitted` differs */
export function detailFigures(
  portrait: DetailPortrait,
  fitted: Float32Array,
  pixelsPerMm: number,
  before = fitted,
): DetailFigures {
  const { normals: truth, face, paintOnly, wrinkled, image } = portrait;
  const { width, height } = image;
  const counted = new Uint8Array(face.length);
  const pairs: number[] = [];
  for (let i = 0; i < face.length; i++) {
    if (face[i] !== 1 || !isUnit(truth, i) || !isUnit(fitted, i)) continue;
    counted[i] = 1;
    pairs.push(i);
  }
  const every = Math.max(1, Math.floor(pairs.length / 20000));
  const chosen = pairs.filter((_, k) => k % every === 0);
  const gather = (from: Float32Array): Float64Array =>
    Float64Array.from({ length: 3 * chosen.length }, (_, k) => from[3 * chosen[Math.floor(k / 3)]! + (k % 3)]!);
  const { rotation } = rotationBetween(gather(fitted), gather(truth));
  const turned = new Float32Array(fitted.length);
  let angle = 0;
  for (const i of pairs) {
    const r = rotate(rotation, fitted[3 * i]!, fitted[3 * i + 1]!, fitted[3 * i + 2]!);
    for (let k = 0; k < 3; k++) turned[3 * i + k] = r[k]!;
    const cosine = r[0] * truth[3 * i]! + r[1] * truth[3 * i + 1]! + r[2] * truth[3 * i + 2]!;
    angle += Math.acos(Math.min(1, Math.max(-1, cosine)));
  }
  const sigma = FINE_SIGMA_MM * pixelsPerMm;
  const fineTruth = finePart(truth, counted, width, height, sigma);
  const fineFit = finePart(turned, counted, width, height, sigma);
  const change = fitted.map((value, i) => value - before[i]!);
  const fineChange = before === fitted ? change : finePart(change, counted, width, height, sigma);
  let [tt, tf, ff, painted, paintedTruth, added, paintedCount, deep, deepCount] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  let [smooth, smoothTruth, smoothCount] = [0, 0, 0];
  for (const i of pairs) {
    for (let k = 0; k < 2; k++) {
      const [t, f] = [fineTruth[2 * i + k]!, fineFit[2 * i + k]!];
      tt += t * t;
      tf += t * f;
      ff += f * f;
      if (paintOnly[i]) {
        painted += f * f;
        paintedTruth += t * t;
        added += fineChange[2 * i + k]! ** 2;
      }
      if (wrinkled[i]) deep += t * t;
    }
    const [tx, ty] = [fineTruth[2 * i]!, fineTruth[2 * i + 1]!];
    if (paintOnly[i] && Math.hypot(tx, ty) < SMOOTH) {
      smooth += fineFit[2 * i]! ** 2 + fineFit[2 * i + 1]! ** 2;
      smoothTruth += tx ** 2 + ty ** 2;
      smoothCount++;
    }
    paintedCount += paintOnly[i]!;
    deepCount += wrinkled[i]!;
  }
  const share = (energy: number, count = paintedCount): number =>
    count > 50 && deepCount > 0 ? energy / count / (deep / deepCount) : Number.NaN;
  return {
    degrees: (angle / pairs.length) * (180 / Math.PI),
    correlation: tf / Math.sqrt(tt * ff || 1),
    gain: ff / (tt || 1),
    leak: share(painted),
    trueLeak: share(paintedTruth),
    smoothLeak: share(smooth, smoothCount),
    trueSmoothLeak: share(smoothTruth, smoothCount),
    addedLeak: share(added),
    energy: Math.sqrt(ff / pairs.length),
  };
}

function isUnit(normals: Float32Array, i: number): boolean {
  return normals[3 * i]! ** 2 + normals[3 * i + 1]! ** 2 + normals[3 * i + 2]! ** 2 > 0.5;
}

/** The rotation that best maps directions onto directions: that of the points without their centroids. */
function rotationBetween(from: Float64Array, to: Float64Array) {
  // With each direction's opposite beside it the centroids are zero.
  const both = (p: Float64Array): Float64Array =>
    Float64Array.from({ length: 2 * p.length }, (_, i) => (i < p.length ? p[i]! : -p[i - p.length]!));
  return alignPoints(both(from), both(to), false);
}

/** `[pixels][2]`: x and y less their Gaussian mean over the counted pixels. */
export function finePart(
  normals: Float32Array,
  counted: Uint8Array,
  width: number,
  height: number,
  sigma: number,
): Float32Array {
  const values = new Float32Array(3 * width * height);
  for (let i = 0; i < counted.length; i++) {
    if (!counted[i]) continue;
    values[3 * i] = normals[3 * i]!;
    values[3 * i + 1] = normals[3 * i + 1]!;
    values[3 * i + 2] = 1;
  }
  const blurred = blur(values, width, boxOf(counted, width, Math.ceil(3 * sigma)), sigma);
  const out = new Float32Array(2 * width * height);
  for (let i = 0; i < counted.length; i++) {
    if (!counted[i]) continue;
    const w = blurred[3 * i + 2]! || 1;
    out[2 * i] = normals[3 * i]! - blurred[3 * i]! / w;
    out[2 * i + 1] = normals[3 * i + 1]! - blurred[3 * i + 1]! / w;
  }
  return out;
}

interface PixelBox {
  left: number;
  top: number;
  right: number;
  low: number;
}

/** Of the counted pixels, and a margin around them. */
function boxOf(counted: Uint8Array, width: number, margin: number): PixelBox {
  const height = counted.length / width;
  let [left, top, right, low] = [width, height, 0, 0];
  for (let i = 0; i < counted.length; i++) {
    if (!counted[i]) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    [left, right, top, low] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(low, y)];
  }
  const [x0, y0] = [Math.max(0, left - margin), Math.max(0, top - margin)];
  return { left: x0, top: y0, right: Math.min(width, right + margin + 1), low: Math.min(height, low + margin + 1) };
}

/** Gaussian over three channels, an axis after the other, within a box; 0 outside it. */
function blur(values: Float32Array, width: number, { left, top, right, low }: PixelBox, sigma: number): Float32Array {
  const reach = Math.ceil(3 * sigma);
  const kernel = Array.from({ length: reach + 1 }, (_, d) => Math.exp(-0.5 * (d / sigma) ** 2));
  let from = values;
  for (const along of [true, false]) {
    const to = new Float32Array(values.length);
    const step = along ? 3 : 3 * width;
    for (let y = top; y < low; y++) {
      for (let x = left; x < right; x++) {
        const o = 3 * (y * width + x);
        const [place, begin, end] = along ? [x, left, right] : [y, top, low];
        let [a, b, c] = [0, 0, 0];
        const first = Math.max(-reach, begin - place);
        const last = Math.min(reach, end - 1 - place);
        for (let d = first; d <= last; d++) {
          const j = o + d * step;
          const w = kernel[d < 0 ? -d : d]!;
          a += w * from[j]!;
          b += w * from[j + 1]!;
          c += w * from[j + 2]!;
        }
        to[o] = a;
        to[o + 1] = b;
        to[o + 2] = c;
      }
    }
    from = to;
  }
  return from;
}

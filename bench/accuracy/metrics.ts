/**
 * How far a fitted face is from the true one: the truth's face region is sampled, the fitted head is aligned to it
 * (landmarks first, then iterated closest points), and every sample is compared with the nearest point of the skin.
 * Scan-to-mesh distance alone is lenient, so normals and the depth of the nose stand beside it.
 */

import { ClosestPointIndex } from '../../lib/importers/closest-point.js';
import { alignPoints, applySimilarity, invertSimilarity, rotate, type Similarity } from './align.js';
import { type Surface, type SurfaceSamples, vertexNormals } from './surface.js';

/** The true face: samples of its face region, and landmarks on its surface (68 iBUG points). All mm. */
export interface FaceTruth {
  samples: SurfaceSamples;
  /** `[68][3]` */
  landmarks: Float32Array | Float64Array;
  /** The whole outer skin, for the depth of the nose. */
  skin: Surface;
}

/** A fitted head: its skin and its 68 landmarks. All mm. */
export interface FaceEstimate {
  skin: Surface;
  /** `[68][3]` */
  landmarks: Float32Array | Float64Array;
}

export interface FaceError {
  meanMm: number;
  medianMm: number;
  /** The distance that 90 % of the samples stay below. */
  p90Mm: number;
  /** Mean angle between the true normal and the fitted one at the nearest point. */
  normalDegrees: number;
  /** Fitted less true protrusion of the nose tip over the plane through eye and mouth corners; positive: too long. */
  noseDepthMm: number;
  /** What moved the fitted head onto the true one. */
  alignment: Similarity;
  /** Distance per sample, in the order of the truth's samples, mm. */
  distancesMm: Float64Array;
}

/** The jaw contour (0..16) follows the silhouette in photos and is no fixed surface point, so it does not align. */
const FIRST_INNER_LANDMARK = 17;
const ICP_ITERATIONS = 30;
const ICP_SAMPLES = 1500;
const ICP_TOLERANCE_MM = 1e-4;

/**
 * Compares a fitted head with the truth.
 *
 * @param withScale true: similarity alignment; false: rigid, so that a wrong size counts as error
 * @param index of the fitted skin, where there is one already
 */
export function faceError(
  truth: FaceTruth,
  estimate: FaceEstimate,
  withScale: boolean,
  index = new ClosestPointIndex(estimate.skin.positions, estimate.skin.triangles),
): FaceError {
  const alignment = alignFace(truth, estimate, index, withScale);
  const back = invertSimilarity(alignment);
  const local = applySimilarity(back, truth.samples.positions);
  const normals = vertexNormals(estimate.skin);
  const count = local.length / 3;
  const distancesMm = new Float64Array(count);
  let angle = 0;
  for (let i = 0; i < count; i++) {
    const hit = index.query(local[3 * i]!, local[3 * i + 1]!, local[3 * i + 2]!);
    distancesMm[i] = hit.distance * alignment.scale;
    const n = [0, 0, 0];
    for (let corner = 0; corner < 3; corner++) {
      const vertex = 3 * estimate.skin.triangles[3 * hit.triangle + corner]!;
      for (let k = 0; k < 3; k++) n[k]! += hit.weights[corner]! * normals[vertex + k]!;
    }
    const m = rotate(alignment.rotation, n[0]!, n[1]!, n[2]!);
    const t = truth.samples.normals;
    const cosine = (m[0] * t[3 * i]! + m[1] * t[3 * i + 1]! + m[2] * t[3 * i + 2]!) / (Math.hypot(...m) || 1);
    angle += Math.acos(Math.min(1, Math.max(-1, cosine)));
  }
  const sorted = distancesMm.slice().sort();
  return {
    meanMm: distancesMm.reduce((a, b) => a + b, 0) / count,
    medianMm: quantile(sorted, 0.5),
    p90Mm: quantile(sorted, 0.9),
    normalDegrees: (angle / count) * (180 / Math.PI),
    noseDepthMm: noseDepthError(truth, estimate, alignment, index),
    alignment,
    distancesMm,
  };
}

/** Landmarks, then iterated closest points over the truth's samples. Deterministic. */
function alignFace(truth: FaceTruth, estimate: FaceEstimate, index: ClosestPointIndex, withScale: boolean): Similarity {
  const inner = 3 * FIRST_INNER_LANDMARK;
  let transform = alignPoints(estimate.landmarks.subarray(inner), truth.landmarks.subarray(inner), withScale);
  const target = everyNth(truth.samples.positions, ICP_SAMPLES);
  const nearest = new Float64Array(target.length);
  let previous = Infinity;
  for (let iteration = 0; iteration < ICP_ITERATIONS; iteration++) {
    const local = applySimilarity(invertSimilarity(transform), target);
    let sum = 0;
    for (let i = 0; i < local.length; i += 3) {
      const hit = index.query(local[i]!, local[i + 1]!, local[i + 2]!);
      nearest.set(hit.point, i);
      sum += hit.distance * transform.scale;
    }
    transform = alignPoints(nearest, target, withScale);
    const mean = (3 * sum) / local.length;
    if (Math.abs(previous - mean) < ICP_TOLERANCE_MM) break;
    previous = mean;
  }
  return transform;
}

function everyNth(points: Float64Array, atMost: number): Float64Array {
  const count = points.length / 3;
  const step = Math.max(1, Math.ceil(count / atMost));
  const out = new Float64Array(3 * Math.ceil(count / step));
  for (let i = 0, o = 0; i < count; i += step, o += 3) out.set(points.subarray(3 * i, 3 * i + 3), o);
  return out;
}

/** iBUG: eye corners and mouth corners, which span the face plane. */
const PLANE_LANDMARKS = [36, 39, 42, 45, 48, 54];
const NOSE_TIP = 30;
/** The tip is the most protruding skin within this distance of the true tip, measured along the face plane. */
const NOSE_RADIUS_MM = 12;

/**
 * Fitted less true protrusion. The corners are carried over to the fitted skin by nearest point, not by the fit's own
 * landmarks: two models never put a landmark on quite the same spot, and the skin around the corners is flat.
 */
function noseDepthError(
  truth: FaceTruth,
  estimate: FaceEstimate,
  alignment: Similarity,
  index: ClosestPointIndex,
): number {
  const corners = new Float64Array(3 * PLANE_LANDMARKS.length);
  for (const [i, l] of PLANE_LANDMARKS.entries()) corners.set(truth.landmarks.subarray(3 * l, 3 * l + 3), 3 * i);
  const local = applySimilarity(invertSimilarity(alignment), corners);
  const fitted = new Float64Array(corners.length);
  for (let i = 0; i < local.length; i += 3) {
    fitted.set(index.query(local[i]!, local[i + 1]!, local[i + 2]!).point, i);
  }
  const tip = truth.landmarks.subarray(3 * NOSE_TIP, 3 * NOSE_TIP + 3);
  const plane = facePlane(corners, tip);
  const fittedPlane = facePlane(applySimilarity(alignment, fitted), tip);
  const fittedSkin = applySimilarity(alignment, estimate.skin.positions);
  return protrusion(fittedSkin, tip, fittedPlane) - protrusion(truth.skin.positions, tip, plane);
}

interface Plane {
  origin: number[];
  normal: number[];
}

/** Least-squares plane through points, by the cross product of its two long axes; the normal points to `front`. */
function facePlane(points: Float64Array, front: ArrayLike<number>): Plane {
  const at = (i: number): number[] => [points[3 * i]!, points[3 * i + 1]!, points[3 * i + 2]!];
  const n = points.length / 3;
  const origin = [0, 0, 0];
  for (let i = 0; i < points.length; i++) origin[i % 3]! += points[i]! / n;
  // z = a x + b y in a frame whose z is already close to the normal: across the eyes, down to the mouth.
  const across = unit(subtract(at(3), at(0)));
  const mouth = scaled(add(at(4), at(5)), 0.5);
  const eyes = scaled(add(at(0), at(3)), 0.5);
  let z = unit(cross(across, subtract(eyes, mouth)));
  if (dot(subtract([front[0]!, front[1]!, front[2]!], origin), z) < 0) z = scaled(z, -1);
  const y = cross(z, across);
  let [xx, xy, yy, xz, yz] = [0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const d = subtract(at(i), origin);
    const [px, py, pz] = [dot(d, across), dot(d, y), dot(d, z)];
    xx += px * px;
    xy += px * py;
    yy += py * py;
    xz += px * pz;
    yz += py * pz;
  }
  const det = xx * yy - xy * xy;
  const a = (xz * yy - yz * xy) / det;
  const b = (yz * xx - xz * xy) / det;
  const normal = unit(subtract(z, add(scaled(across, a), scaled(y, b))));
  return { origin, normal };
}

/** Largest height over the plane among vertices near the tip. */
function protrusion(positions: ArrayLike<number>, tip: ArrayLike<number>, { origin, normal }: Plane): number {
  let best = -Infinity;
  for (let i = 0; i < positions.length; i += 3) {
    const p = [positions[i]!, positions[i + 1]!, positions[i + 2]!];
    const fromTip = subtract(p, [tip[0]!, tip[1]!, tip[2]!]);
    const along = dot(fromTip, normal);
    if (Math.abs(along) > 3 * NOSE_RADIUS_MM) continue;
    if (dot(fromTip, fromTip) - along * along > NOSE_RADIUS_MM ** 2) continue;
    best = Math.max(best, dot(subtract(p, origin), normal));
  }
  return best;
}

/** Linear interpolation between order statistics. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const position = q * (sorted.length - 1);
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (position - low) * (sorted[high]! - sorted[low]!);
}

const add = (a: number[], b: number[]): number[] => [a[0]! + b[0]!, a[1]! + b[1]!, a[2]! + b[2]!];
const subtract = (a: number[], b: number[]): number[] => [a[0]! - b[0]!, a[1]! - b[1]!, a[2]! - b[2]!];
const scaled = (a: number[], k: number): number[] => [a[0]! * k, a[1]! * k, a[2]! * k];
const dot = (a: number[], b: number[]): number => a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
const unit = (a: number[]): number[] => scaled(a, 1 / (Math.hypot(...a) || 1));
const cross = (a: number[], b: number[]): number[] => [
  a[1]! * b[2]! - a[2]! * b[1]!,
  a[2]! * b[0]! - a[0]! * b[2]!,
  a[0]! * b[1]! - a[1]! * b[0]!,
];

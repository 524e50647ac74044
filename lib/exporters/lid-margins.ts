/** Eyeballs and the margins of their lids on a fitted head, and what a mesh that lies on them is. */

import type { BlendShapeHead, SparseVectors } from '../blend-shapes.js';
import type { LandmarkSet } from '../morphable-model.js';
import type { ExportModel } from './glb-head.js';

export type V3 = [number, number, number];
export type OfModel = { model: ExportModel };

/** A mesh beside the head's, with the same blend shapes. Lengths in mm. */
export interface EyePart {
  positions: Float32Array;
  normals: Float32Array;
  uvs?: Float32Array;
  /** `[vertices][4]`, linear, with alpha: what the material's colour is multiplied by. */
  colours?: Float32Array;
  indices: Uint32Array;
  /** Per vertex: which joint carries it. */
  joints: readonly ('skull' | 'leftEye' | 'rightEye')[];
  /** Per blend shape of the head. */
  offsets: SparseVectors[];
}

/** Landmarks along the margins of lids, from the outer corner to the inner one, both included. */
export const MARGINS = [
  { eye: 'rightEye', isUpper: true, points: [33, 246, 161, 160, 159, 158, 157, 173, 133] },
  { eye: 'rightEye', isUpper: false, points: [33, 7, 163, 144, 145, 153, 154, 155, 133] },
  { eye: 'leftEye', isUpper: true, points: [263, 466, 388, 387, 386, 385, 384, 398, 362] },
  { eye: 'leftEye', isUpper: false, points: [263, 249, 390, 373, 374, 380, 381, 382, 362] },
] as const;
export interface Ball {
  name: 'leftEye' | 'rightEye';
  /** Of the part, ascending. */
  vertices: number[];
  centre: V3;
  /** mm. */
  radius: number;
  /** Angle of each of `vertices` from the eye's axis, radians. */
  angles: Map<number, number>;
}

export function ballOf({ model }: OfModel, { positions }: BlendShapeHead, name: Ball['name']): Ball | undefined {
  const part = model.parts.find((one) => one.name === name);
  if (!part || part.triangleCount === 0) return undefined;
  const corners = model.triangles.subarray(3 * part.firstTriangle, 3 * (part.firstTriangle + part.triangleCount));
  const vertices = [...new Set(corners)].sort((a, b) => a - b);
  const rest = middleOf(model.mean, vertices);
  const angles = new Map(
    vertices.map((v) => {
      const [x, y, z] = [0, 1, 2].map((k) => (model.mean[3 * v + k] as number) - (rest[k] as number)) as V3;
      return [v, Math.atan2(Math.hypot(x, y), z)];
    }),
  );
  const centre = middleOf(positions, vertices);
  const away = vertices.map((v) =>
    Math.hypot(...[0, 1, 2].map((k) => (positions[3 * v + k] as number) - (centre[k] as number))),
  );
  return { name, vertices, centre, radius: away.reduce((sum, one) => sum + one, 0) / away.length, angles };
}

/** Middle of the smallest box around vertices. */
function middleOf(positions: Float32Array, vertices: readonly number[]): V3 {
  return [0, 1, 2].map((k) => {
    let [low, high] = [Infinity, -Infinity];
    for (const v of vertices) {
      low = Math.min(low, positions[3 * v + k] as number);
      high = Math.max(high, positions[3 * v + k] as number);
    }
    return (low + high) / 2;
  }) as V3;
}

/** A point of the surface, as a mean of vertices. */
export type Mix = readonly (readonly [vertex: number, weight: number])[];

export function mixOf({ vertices, weights }: LandmarkSet, point: number, share: number): Mix {
  return [0, 1, 2].map((k) => [vertices[3 * point + k] as number, share * (weights[3 * point + k] as number)] as const);
}

export function blend(mix: Mix, values: Float32Array): V3 {
  // A plain loop: thousands of these a file, most of them before it is compiled.
  let [x, y, z] = [0, 0, 0];
  for (let i = 0; i < mix.length; i++) {
    const v = 3 * mix[i]![0];
    const weight = mix[i]![1];
    x += weight * values[v]!;
    y += weight * values[v + 1]!;
    z += weight * values[v + 2]!;
  }
  return [x, y, z];
}
export const add = (a: V3, b: V3, s = 1): V3 => [a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]];
export const cross = (a: V3, b: V3): V3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
export const unit = (a: V3): V3 => {
  const length = Math.hypot(a[0], a[1], a[2]) || 1;
  return [a[0] / length, a[1] / length, a[2] / length];
};

/** `count` points of a margin, evenly between two shares of its length, and how far along it each lies. */
export function alongMargin(
  dense: LandmarkSet,
  points: readonly number[],
  positions: Float32Array,
  { first, last, count }: { first: number; last: number; count: number },
): { mix: Mix; at: number }[] {
  const places = points.map((point) => blend(mixOf(dense, point, 1), positions));
  const lengths = [0];
  for (let i = 1; i < places.length; i++) {
    lengths.push((lengths[i - 1] as number) + Math.hypot(...add(places[i] as V3, places[i - 1] as V3, -1)));
  }
  const whole = lengths.at(-1) as number;
  return Array.from({ length: count }, (_, column) => {
    const at = first + ((last - first) * column) / (count - 1);
    const next = Math.max(
      1,
      lengths.findIndex((length) => length >= at * whole),
    );
    const [a, b] = [lengths[next - 1] as number, lengths[next] as number];
    const t = b > a ? (at * whole - a) / (b - a) : 0;
    return {
      at,
      mix: [...mixOf(dense, points[next - 1] as number, 1 - t), ...mixOf(dense, points[next] as number, t)],
    };
  });
}

/** Points that points of the surface carry. */
export interface Carried {
  mixes: readonly Mix[];
  /** Where they are, of where those are. */
  shape(roots: readonly V3[]): readonly V3[];
}

/** How pieces, one after the other, go along with each blend shape of the head. */
export function carriedOffsets({ positions, shapes }: BlendShapeHead, pieces: readonly Carried[]): SparseVectors[] {
  const rests = pieces.map(({ mixes, shape }) => {
    const roots = mixes.map((mix) => blend(mix, positions));
    return { mixes, shape, roots, points: shape(roots) };
  });
  const isCarrier = new Uint8Array(positions.length / 3);
  for (const { mixes } of pieces) for (const mix of mixes) for (const [v] of mix) isCarrier[v] = 1;
  const offsets = new Float32Array(positions.length);
  return shapes.map(({ positionOffsets: { vertices, values } }) => {
    // Most shapes move no lid.
    const carriers: number[] = [];
    for (let j = 0; j < vertices.length; j++) {
      const v = vertices[j] as number;
      if (!isCarrier[v]) continue;
      carriers.push(v);
      for (let k = 0; k < 3; k++) offsets[3 * v + k] = values[3 * j + k] as number;
    }
    const moved: number[] = [];
    const by: number[] = [];
    if (carriers.length === 0) return { vertices: new Uint32Array(), values: new Float32Array() };
    let first = 0;
    for (const { mixes, shape, roots, points } of rests) {
      const shifts = mixes.map((mix) => blend(mix, offsets));
      if (shifts.some(([x, y, z]) => Math.hypot(x, y, z) > 1e-4)) {
        shape(roots.map((root, k) => add(root, shifts[k] as V3))).forEach((point, k) => {
          moved.push(first + k);
          by.push(...add(point, points[k] as V3, -1));
        });
      }
      first += points.length;
    }
    for (const v of carriers) offsets.fill(0, 3 * v, 3 * v + 3);
    return { vertices: Uint32Array.from(moved), values: Float32Array.from(by) };
  });
}

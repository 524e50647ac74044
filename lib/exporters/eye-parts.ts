/** What the mesh of a head lacks around its eyes: corneas, thin clear shells that bulge, and lashes, cards of strands. */
import type { LandmarkSet, PartName } from '../morphable-model.js';
import type { BlendShapeHead, SparseVectors } from './blend-shapes.js';
import type { ExportModel } from './glb-head.js';
import { LOWER_BAND, UPPER_BAND } from './lash-texture.js';
import { VertexNormals } from './vertex-normals.js';

type V3 = [number, number, number];
type OfModel = { model: ExportModel };

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

export interface EyeParts {
  corneas: EyePart;
  lashes: EyePart;
}

/** A cornea reaches a little over the rim of the iris: from the eye's axis, radians. */
const CORNEA_ANGLE = 0.45;
const CORNEA_BULGE_MM = 0.9;
/** Over the ball where they meet. */
const CORNEA_GAP_MM = 0.04;

/** Landmarks along the margins of lids, from the outer corner to the inner one, both included. */
const MARGINS = [
  { eye: 'rightEye', isUpper: true, points: [33, 246, 161, 160, 159, 158, 157, 173, 133] },
  { eye: 'rightEye', isUpper: false, points: [33, 7, 163, 144, 145, 153, 154, 155, 133] },
  { eye: 'leftEye', isUpper: true, points: [263, 466, 388, 387, 386, 385, 384, 398, 362] },
  { eye: 'leftEye', isUpper: false, points: [263, 249, 390, 373, 374, 380, 381, 382, 362] },
] as const;
/** Of a margin's length: no lashes grow at the corners. */
const [FIRST, LAST] = [0.04, 0.86];
const COLUMNS = 24;
const ROWS = 3;
/** From root to tip, mm. */
const LENGTH_MM = { upper: 8, lower: 4 } as const;
/** Per row: the share of the length that it lies out from the ball, and up the lid (down the lower one). */
const CURL = {
  upper: [
    [0.02, -0.02],
    [0.6, -0.04],
    [0.95, 0.32],
  ],
  lower: [
    [0.02, 0],
    [0.55, 0.25],
    [0.8, 0.6],
  ],
} as const;
/** Lashes at the outer corner lean to the temple, those at the inner one to the nose, by this share of their length. */
const FAN = 0.45;

/** @returns undefined for heads without eyeballs or without landmarks on their lids */
export function eyePartsOf(result: OfModel, head: BlendShapeHead): EyeParts | undefined {
  const { model } = result;
  const balls = { leftEye: ballOf(result, head, 'leftEye'), rightEye: ballOf(result, head, 'rightEye') };
  if (!balls.leftEye || !balls.rightEye || model.dense.count < 468) return undefined;
  const both = balls as Record<'leftEye' | 'rightEye', Ball>;
  return { corneas: corneasOf(result, head, both), lashes: lashesOf(result, head, both) };
}

interface Ball {
  /** Of the part, ascending. */
  vertices: number[];
  centre: V3;
  /** Angle of each of `vertices` from the eye's axis, radians. */
  angles: Map<number, number>;
}

function ballOf({ model }: OfModel, { positions }: BlendShapeHead, name: PartName): Ball | undefined {
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
  return { vertices, centre: middleOf(positions, vertices), angles };
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

function corneasOf({ model }: OfModel, head: BlendShapeHead, balls: Record<'leftEye' | 'rightEye', Ball>): EyePart {
  const source: number[] = [];
  const place = new Map<number, number>();
  const positions: number[] = [];
  const scales: number[] = [];
  const indices: number[] = [];
  const colours: number[] = [];
  const joints: EyePart['joints'][number][] = [];
  for (const name of ['leftEye', 'rightEye'] as const) {
    const { vertices, centre, angles } = balls[name];
    for (const v of vertices) {
      const angle = angles.get(v) as number;
      if (angle > CORNEA_ANGLE) continue;
      const out = [0, 1, 2].map((k) => (head.positions[3 * v + k] as number) - (centre[k] as number)) as V3;
      const bulge = CORNEA_GAP_MM + CORNEA_BULGE_MM * (1 - (angle / CORNEA_ANGLE) ** 2) ** 1.5;
      const scale = 1 + bulge / Math.hypot(...out);
      place.set(v, source.push(v) - 1);
      scales.push(scale);
      joints.push(name);
      // No edge shows where the shell ends.
      colours.push(1, 1, 1, 1 - (angle / CORNEA_ANGLE) ** 4);
      for (let k = 0; k < 3; k++) positions.push((centre[k] as number) + scale * (out[k] as number));
    }
    const part = model.parts.find((one) => one.name === name) as { firstTriangle: number; triangleCount: number };
    for (let t = 3 * part.firstTriangle; t < 3 * (part.firstTriangle + part.triangleCount); t += 3) {
      const corners = [0, 1, 2].map((k) => place.get(model.triangles[t + k] as number));
      if (corners.every((corner) => corner !== undefined)) indices.push(...(corners as number[]));
    }
  }
  const offsets = head.shapes.map(({ positionOffsets }) => {
    const kept: number[] = [];
    const values: number[] = [];
    positionOffsets.vertices.forEach((v, i) => {
      const own = place.get(v);
      if (own === undefined) return;
      kept.push(own);
      for (let k = 0; k < 3; k++) values.push((scales[own] as number) * (positionOffsets.values[3 * i + k] as number));
    });
    return ascending(kept, values);
  });
  const shell = Float32Array.from(positions);
  const triangles = Uint32Array.from(indices);
  return {
    positions: shell,
    normals: new VertexNormals(shell, triangles).normals,
    colours: Float32Array.from(colours),
    indices: triangles,
    joints,
    offsets,
  };
}

function ascending(vertices: readonly number[], values: readonly number[]): SparseVectors {
  const order = vertices.map((_, i) => i).sort((a, b) => (vertices[a] as number) - (vertices[b] as number));
  return {
    vertices: Uint32Array.from(order, (i) => vertices[i] as number),
    values: Float32Array.from(order.flatMap((i) => values.slice(3 * i, 3 * i + 3))),
  };
}

/** A point of the surface, as a mean of vertices. */
export type Mix = readonly (readonly [vertex: number, weight: number])[];

export function mixOf({ vertices, weights }: LandmarkSet, point: number, share: number): Mix {
  return [0, 1, 2].map((k) => [vertices[3 * point + k] as number, share * (weights[3 * point + k] as number)] as const);
}

const blend = (mix: Mix, values: Float32Array): V3 =>
  [0, 1, 2].map((k) => mix.reduce((sum, [v, weight]) => sum + weight * (values[3 * v + k] as number), 0)) as V3;
const add = (a: V3, b: V3, s = 1): V3 => [a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]];
const cross = (a: V3, b: V3): V3 => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a: V3): V3 => {
  const length = Math.hypot(...a) || 1;
  return [a[0] / length, a[1] / length, a[2] / length];
};

/** The roots of a margin's lashes, and how far along it each lies. */
function rootsOf(dense: LandmarkSet, points: readonly number[], positions: Float32Array): { mix: Mix; at: number }[] {
  const places = points.map((point) => blend(mixOf(dense, point, 1), positions));
  const lengths = [0];
  for (let i = 1; i < places.length; i++) {
    lengths.push((lengths[i - 1] as number) + Math.hypot(...add(places[i] as V3, places[i - 1] as V3, -1)));
  }
  const whole = lengths.at(-1) as number;
  return Array.from({ length: COLUMNS }, (_, column) => {
    const at = FIRST + ((LAST - FIRST) * column) / (COLUMNS - 1);
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

/** Rows of cards, `[COLUMNS][ROWS]`, on roots that may have moved. */
function cards(roots: readonly V3[], ats: readonly number[], centre: V3, isUpper: boolean) {
  const points: V3[] = [];
  const normals: V3[] = [];
  for (const [column, root] of roots.entries()) {
    const at = ats[column] as number;
    const before = roots[Math.max(0, column - 1)] as V3;
    const after = roots[Math.min(roots.length - 1, column + 1)] as V3;
    const inwards = unit(add(after, before, -1));
    const out = unit(add(root, centre, -1));
    const across = unit(cross(out, inwards));
    const up: V3 = across[1] < 0 ? [-across[0], -across[1], -across[2]] : across;
    // Longest beyond the middle, towards the temple.
    const length = LENGTH_MM[isUpper ? 'upper' : 'lower'] * (0.45 + 0.55 * Math.sin(Math.PI * (0.12 + 0.8 * at)));
    for (const [outwards, upwards] of CURL[isUpper ? 'upper' : 'lower']) {
      let point = add(root, out, outwards * length);
      point = add(point, up, (isUpper ? upwards : -upwards) * length);
      points.push(add(point, inwards, FAN * (at - 0.5) * outwards * length));
      normals.push(out);
    }
  }
  return { points, normals };
}

function lashesOf({ model }: OfModel, head: BlendShapeHead, balls: Record<'leftEye' | 'rightEye', Ball>): EyePart {
  const strips = MARGINS.map(({ eye, isUpper, points }) => {
    const roots = rootsOf(model.dense, points, head.positions);
    const ats = roots.map(({ at }) => at);
    const mixes = roots.map(({ mix }) => mix);
    const rest = mixes.map((mix) => blend(mix, head.positions));
    const { centre } = balls[eye];
    return { isUpper, ats, mixes, rest, centre, ...cards(rest, ats, centre, isUpper) };
  });
  const positions = Float32Array.from(strips.flatMap(({ points }) => points.flat()));
  const indices: number[] = [];
  const uvs: number[] = [];
  for (const [s, { isUpper }] of strips.entries()) {
    const [from, to] = isUpper ? UPPER_BAND : LOWER_BAND;
    for (let column = 0; column < COLUMNS; column++) {
      for (let row = 0; row < ROWS; row++) {
        uvs.push(column / (COLUMNS - 1), from + ((to - from) * row) / (ROWS - 1));
        if (column + 1 === COLUMNS || row + 1 === ROWS) continue;
        const corner = (s * COLUMNS + column) * ROWS + row;
        indices.push(corner, corner + ROWS, corner + ROWS + 1, corner, corner + ROWS + 1, corner + 1);
      }
    }
  }
  const moved = new Float32Array(head.positions.length);
  const offsets: SparseVectors[] = [];
  for (const { positionOffsets } of head.shapes) {
    const { vertices, values } = positionOffsets;
    vertices.forEach((v, j) => {
      moved.set(values.subarray(3 * j, 3 * j + 3), 3 * v);
    });
    offsets.push(movedCards(strips, moved));
    for (const v of vertices) moved.fill(0, 3 * v, 3 * v + 3);
  }
  return {
    positions,
    normals: Float32Array.from(strips.flatMap(({ normals }) => normals.flat())),
    uvs: Float32Array.from(uvs),
    indices: Uint32Array.from(indices),
    joints: Array.from({ length: positions.length / 3 }, () => 'skull' as const),
    offsets,
  };
}

interface Strip {
  isUpper: boolean;
  ats: readonly number[];
  mixes: readonly Mix[];
  rest: readonly V3[];
  centre: V3;
  points: readonly V3[];
}

/** Lashes go along with their lid and turn with it about the ball. */
function movedCards(strips: readonly Strip[], offsets: Float32Array): SparseVectors {
  const vertices: number[] = [];
  const values: number[] = [];
  let first = 0;
  for (const { isUpper, ats, mixes, rest, centre, points } of strips) {
    const shifts = mixes.map((mix) => blend(mix, offsets));
    if (shifts.some((shift) => Math.hypot(...shift) > 1e-4)) {
      const roots = rest.map((root, column) => add(root, shifts[column] as V3));
      cards(roots, ats, centre, isUpper).points.forEach((point, i) => {
        vertices.push(first + i);
        values.push(...add(point, points[i] as V3, -1));
      });
    }
    first += points.length;
  }
  return { vertices: Uint32Array.from(vertices), values: Float32Array.from(values) };
}

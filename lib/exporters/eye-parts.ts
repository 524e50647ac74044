/** What the mesh of a head lacks around its eyes: corneas, lashes, and what is wet or in shadow where lids meet the ball. */
import type { BlendShapeHead } from '../blend-shapes.js';
import { LOWER_BAND, UPPER_BAND } from './lash-texture.js';
import {
  add,
  alongMargin,
  type Ball,
  ballOf,
  blend,
  carriedOffsets,
  cross,
  type EyePart,
  MARGINS,
  type OfModel,
  unit,
  type V3,
} from './lid-margins.js';
import { vertexNormals } from './vertex-normals.js';
import { wetLinesOf } from './wet-lines.js';

export interface EyeParts {
  wetLines: EyePart;
  /** Thin clear shells that bulge. */
  corneas: EyePart;
  /** Cards of strands. */
  lashes: EyePart;
}

/** A cornea reaches a little over the rim of the iris: from the eye's axis, radians. */
const CORNEA_ANGLE = 0.45;
const CORNEA_BULGE_MM = 0.9;
/** Over the ball where they meet. */
const CORNEA_GAP_MM = 0.04;

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
  return {
    wetLines: wetLinesOf(result, head, both),
    corneas: corneasOf(result, head, both),
    lashes: lashesOf(result, head, both),
  };
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
  const [first, last] = [Math.min(...source), Math.max(...source)];
  const offsets = head.shapes.map(({ positionOffsets: { vertices, values } }) => {
    const moved: { own: number; at: number }[] = [];
    for (let i = 0; i < vertices.length; i++) {
      const v = vertices[i] as number;
      if (v < first || v > last) continue;
      const own = place.get(v);
      if (own !== undefined) moved.push({ own, at: 3 * i });
    }
    moved.sort((a, b) => a.own - b.own);
    const by = new Float32Array(3 * moved.length);
    moved.forEach(({ own, at }, i) => {
      for (let k = 0; k < 3; k++) by[3 * i + k] = (scales[own] as number) * (values[at + k] as number);
    });
    return { vertices: Uint32Array.from(moved, ({ own }) => own), values: by };
  });
  const shell = Float32Array.from(positions);
  const triangles = Uint32Array.from(indices);
  return {
    positions: shell,
    normals: vertexNormals(shell, triangles),
    colours: Float32Array.from(colours),
    indices: triangles,
    joints,
    offsets,
  };
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
    const roots = alongMargin(model.dense, points, head.positions, { first: FIRST, last: LAST, count: COLUMNS });
    const ats = roots.map(({ at }) => at);
    const mixes = roots.map(({ mix }) => mix);
    const at = (places: readonly V3[]) => cards(places, ats, balls[eye].centre, isUpper);
    const rest = at(mixes.map((mix) => blend(mix, head.positions)));
    return { isUpper, mixes, shape: (places: readonly V3[]) => at(places).points, ...rest };
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
  return {
    positions,
    normals: Float32Array.from(strips.flatMap(({ normals }) => normals.flat())),
    uvs: Float32Array.from(uvs),
    indices: Uint32Array.from(indices),
    joints: Array.from({ length: positions.length / 3 }, () => 'skull' as const),
    // They go along with their lid and turn with it about the ball.
    offsets: carriedOffsets(head, strips),
  };
}

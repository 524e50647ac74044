import { decodeHalfs } from '../half-float.js';
import { type PartName, REGION_NAMES } from '../morphable-model.js';
import { partVertices } from '../part-vertices.js';
import type { ExportModel } from './glb-head.js';
import type { GlbMakers } from './glb-makers.js';

/** The joints in the order of the skin, each with its parent. `skull` is what others call the head's joint. */
export const JOINTS = [
  { name: 'neck', parent: undefined },
  { name: 'skull', parent: 'neck' },
  { name: 'jaw', parent: 'skull' },
  { name: 'leftEye', parent: 'skull' },
  { name: 'rightEye', parent: 'skull' },
] as const;
export type JointName = (typeof JOINTS)[number]['name'];

/** A head's joints at rest, unrotated, and how far each moves each vertex. */
export interface Skeleton {
  /** Of each joint, mm in the head frame. */
  places: Record<JointName, [number, number, number]>;
  /** `[vertices][4]`, indices into JOINTS. */
  joints: Uint8Array;
  /** `[vertices][4]`, of 65,535; each vertex' sum to that. */
  weights: Uint16Array;
}

/** From the middle between the ears to the hinge of the jaw, mm: before and a little below the ear canals. */
const HINGE = { y: -4, z: 14 };
/** From there to where the skull sits on the neck. */
const ATLAS = { y: -22, z: -12 };
/** The share of the way from the atlas down to the rim of the neck at which the neck's joint lies. */
const NECK_SHARE = 0.75;
/** Steps of averaging that spread the weights over the neck. */
const SPREAD_STEPS = 240;
const RIGID: Partial<Record<PartName, JointName>> = {
  leftEye: 'leftEye',
  rightEye: 'rightEye',
  upperTeeth: 'skull',
  lowerTeeth: 'jaw',
  tongue: 'jaw',
};

const jointIndex = (name: JointName): number => JOINTS.findIndex((joint) => joint.name === name);

function meanOf(positions: Float32Array, vertices: Iterable<number>): [number, number, number] {
  const sum: [number, number, number] = [0, 0, 0];
  let count = 0;
  for (const vertex of vertices) {
    for (let k = 0; k < 3; k++) sum[k] = (sum[k] as number) + (positions[3 * vertex + k] as number);
    count++;
  }
  return sum.map((value) => value / Math.max(count, 1)) as [number, number, number];
}

function inRegion(model: ExportModel, region: (typeof REGION_NAMES)[number]): number[] {
  const wanted = REGION_NAMES.indexOf(region);
  const vertices: number[] = [];
  for (let v = 0; v < model.vertexCount; v++) if (model.regions[v] === wanted) vertices.push(v);
  return vertices;
}

/** Middle of the smallest box around a part. */
function boxMiddle(positions: Float32Array, vertices: Iterable<number>): [number, number, number] {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (const vertex of vertices) {
    for (let k = 0; k < 3; k++) {
      const value = positions[3 * vertex + k] as number;
      low[k] = Math.min(low[k] as number, value);
      high[k] = Math.max(high[k] as number, value);
    }
  }
  return low.map((value, k) => (Number.isFinite(value) ? (value + (high[k] as number)) / 2 : 0)) as [
    number,
    number,
    number,
  ];
}

function placesOf(model: ExportModel, positions: Float32Array): Skeleton['places'] {
  const neck = inRegion(model, 'neck');
  const ears = inRegion(model, 'ears');
  // A model whose regions tell nothing of ears has its middle instead.
  const [, earY, earZ] = meanOf(positions, ears.length > 0 ? ears : Array.from(model.regions.keys()));
  const skull: [number, number, number] = [0, earY + ATLAS.y, earZ + ATLAS.z];
  const rim = neck.reduce((least, vertex) => Math.min(least, positions[3 * vertex + 1] as number), skull[1] - 60);
  const low = neck.filter((vertex) => (positions[3 * vertex + 1] as number) < rim + 30);
  const foot = low.length > 0 ? meanOf(positions, low)[2] : skull[2];
  return {
    neck: [0, skull[1] + NECK_SHARE * (rim - skull[1]), skull[2] + NECK_SHARE * (foot - skull[2])],
    skull,
    jaw: [0, earY + HINGE.y, earZ + HINGE.z],
    leftEye: boxMiddle(positions, partVertices(model, 'leftEye')),
    rightEye: boxMiddle(positions, partVertices(model, 'rightEye')),
  };
}

/** Per vertex, 0..1: how far it goes along with the jaw, as jawOpen moves it; a hinge moves what is far from it more. */
function jawShares(model: ExportModel, hinge: readonly [number, number, number]): Float32Array {
  const shares = new Float32Array(model.vertexCount);
  const shape = model.expression.names.indexOf('jawOpen');
  if (shape < 0) return shares;
  const perShape = 3 * model.vertexCount;
  const offsets = decodeHalfs(model.expression.halfs, shape * perShape, (shape + 1) * perShape);
  const angles = new Float32Array(model.vertexCount);
  for (let v = 0; v < model.vertexCount; v++) {
    const down = offsets[3 * v + 1] as number;
    const back = offsets[3 * v + 2] as number;
    const y = (model.mean[3 * v + 1] as number) - hinge[1];
    const z = (model.mean[3 * v + 2] as number) - hinge[2];
    angles[v] = Math.sqrt(down * down + back * back) / Math.max(Math.sqrt(y * y + z * z), 20);
  }
  const teeth = partVertices(model, 'lowerTeeth');
  const whole = teeth.reduce((sum, v) => sum + (angles[v] as number), 0) / Math.max(teeth.length, 1);
  if (whole > 0) for (let v = 0; v < shares.length; v++) shares[v] = Math.min((angles[v] as number) / whole, 1);
  return shares;
}

/** Per vertex, 0..1: how far it stays with the neck when the skull turns; smooth from its rim to where the head begins. */
async function neckShares(model: ExportModel, spreadValues: GlbMakers['spreadValues']): Promise<Float32Array> {
  const shares = new Float32Array(model.vertexCount);
  const free = new Uint8Array(model.vertexCount);
  const neck = inRegion(model, 'neck');
  const rim = neck.reduce((least, vertex) => Math.min(least, model.mean[3 * vertex + 1] as number), Infinity);
  for (const vertex of neck) {
    free[vertex] = 1;
    shares[vertex] = 0.5;
  }
  for (const vertex of rimVertices(model)) {
    if (!free[vertex] || (model.mean[3 * vertex + 1] as number) > rim + 60) continue;
    free[vertex] = 0;
    shares[vertex] = 1;
  }
  return spreadValues({ values: shares, free, indices: model.triangles, steps: SPREAD_STEPS });
}

/** Vertices of the skin on an edge of only one triangle: the rim at which the neck ends. */
function rimVertices(model: ExportModel): number[] {
  const skin = model.parts.find(({ name }) => name === 'skin');
  // Around a vertex within the surface every neighbour comes once before and once after it; on a rim one of each is left.
  const left = new Int32Array(model.vertexCount);
  const [first, count] = skin ? [3 * skin.firstTriangle, 3 * skin.triangleCount] : [0, 0];
  for (let t = first; t < first + count; t += 3) {
    const a = model.triangles[t] as number;
    const b = model.triangles[t + 1] as number;
    const c = model.triangles[t + 2] as number;
    left[a] = (left[a] as number) + b - c;
    left[b] = (left[b] as number) + c - a;
    left[c] = (left[c] as number) + a - b;
  }
  const rim: number[] = [];
  for (let v = 0; v < left.length; v++) if (left[v] !== 0) rim.push(v);
  return rim;
}

type Binding = Pick<Skeleton, 'joints' | 'weights'>;
/** By model, because all of its heads have the same. */
const bindings = new WeakMap<ExportModel, Promise<Binding>>();

/** Which joints move each vertex. */
export function bindingOf(model: ExportModel, makers: Pick<GlbMakers, 'spreadValues'>): Promise<Binding> {
  const binding = bindings.get(model) ?? bind(model, makers.spreadValues);
  bindings.set(model, binding);
  return binding;
}

async function bind(model: ExportModel, spreadValues: GlbMakers['spreadValues']): Promise<Binding> {
  const spreading = neckShares(model, spreadValues);
  const joints = new Uint8Array(4 * model.vertexCount);
  const weights = new Uint16Array(4 * model.vertexCount);
  const jaw = jawShares(model, placesOf(model, model.mean).jaw);
  const neck = await spreading;
  const carriers = [jointIndex('skull'), jointIndex('jaw'), jointIndex('neck')];
  for (let v = 0; v < model.vertexCount; v++) {
    const toJaw = Math.round(65535 * (jaw[v] as number) * (1 - (neck[v] as number)));
    const toNeck = Math.round(65535 * (neck[v] as number));
    weights[4 * v] = 65535 - toJaw - toNeck;
    weights[4 * v + 1] = toJaw;
    weights[4 * v + 2] = toNeck;
    for (let k = 0; k < 3; k++) if (weights[4 * v + k] !== 0) joints[4 * v + k] = carriers[k] as number;
  }
  for (const [part, joint] of Object.entries(RIGID)) {
    for (const v of partVertices(model, part as PartName)) {
      joints.set([jointIndex(joint), 0, 0, 0], 4 * v);
      weights.set([65535, 0, 0, 0], 4 * v);
    }
  }
  return { joints, weights };
}

/** The skeleton of a head of this model. `positions`: `[vertices][3]`, mm, at rest. */
export function skeletonOf(model: ExportModel, positions: Float32Array, binding: Binding): Skeleton {
  return { places: placesOf(model, positions), ...binding };
}

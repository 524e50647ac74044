/** The mouth of a fitted head: what lies behind the lips' edges, which are all that a fit moves as the photo shows it. */
import { innerLips, LIP_EDGES, openLining, overLandmark, upBy } from '../lip-lining.js';
import type { Basis, LandmarkSet, MorphableModel } from '../morphable-model.js';
import { addOwn, ownOffsetsOf } from '../own-expressions.js';
import { partVertices } from '../part-vertices.js';
import { addBasis, addBasisAt } from '../sample/random-head.js';
import type { RefinedHead } from './refine.js';

/** Half of the arch's front, and how far behind its foremost point that ends, mm. */
const INCISORS_MM = 8;
/** From the edge of an incisor to where its gum begins, mm. */
const CROWN_MM = 8.8;
/** So much of the gum that lips leave bare goes, mm: */
const MOST_BARE_MM = 5;
/** this share of it as teeth stand higher in the face, the rest as they are longer. */
const RAISED_SHARE = 0.6;
const INSIDE = ['upperTeeth', 'lowerTeeth', 'tongue'] as const;
const SMILE = ['mouthSmileLeft', 'mouthSmileRight'];
/** Landmarks in the middle of the lips' edges. */
const UPPER_MIDDLE = LIP_EDGES.upper.slice(3, 6);
const MIDDLE = [...UPPER_MIDDLE, ...LIP_EDGES.lower.slice(3, 6)];

/** What moves a vertex: a number for each. */
type OfVertex = (vertex: number) => number;
/** In the head's middle plane, mm. */
interface Place {
  y: number;
  z: number;
}

/**
 * The lining goes along with the lips. Teeth and tongue move as the told weights say, which the fit spreads over shapes that
 * pull jaws apart, and stand behind the line where this person's lips meet at rest as the model has it. Where a laugh or
 * a whole smile lifts lips higher than that reaches they stand higher and are longer: as a rule that shows teeth, and not gum.
 *
 * @param told an animator's weights, one for each of the model's expressions
 */
export function settleMouth(model: MorphableModel, refined: RefinedHead, told: ArrayLike<number>): RefinedHead {
  const { expression, vertexCount, mean } = model;
  const ofIdentity = once(upBy(model.identity, refined.identity, vertexCount));
  const missing = Array.from(expression.names, (_, k) => told[k]! - refined.expression[k]!);
  const unworn = mean.slice();
  for (const vertices of [lipsOf(model)?.vertices ?? [], middleTeeth(model)]) {
    addBasisAt(unworn, model.identity, refined.identity, vertices);
  }
  const still = new Float64Array(expression.count);
  const asBorn = { lips: lipsAtRest(model, unworn, still, still), edge: incisors(model, unworn) };
  // A smile shows a little of it.
  const gumAsBorn = asBorn.lips && asBorn.edge ? Math.max(0, asBorn.lips.smiling - asBorn.edge.y - CROWN_MM) : 0;
  const settled = (before: Float32Array): Float32Array => {
    const positions = before.slice();
    openLining(model, positions, (v) => before[3 * v + 1]! - mean[3 * v + 1]! - ofIdentity(v));
    for (const part of INSIDE) addBasisAt(positions, expression, missing, partVertices(model, part));
    const lips = lipsAtRest(model, before, told, refined.expression);
    const edge = incisors(model, positions);
    if (!lips || !edge) return positions;
    const up = lips.y - asBorn.lips!.y + asBorn.edge!.y - edge.y;
    const forward = lips.z - asBorn.lips!.z + asBorn.edge!.z - edge.z;
    const higher = Math.max(upperLip(model, before), lips.smiling - gumAsBorn);
    const bare = Math.min(MOST_BARE_MM, Math.max(0, higher - (edge.y + up) - CROWN_MM));
    const longer = ((1 - RAISED_SHARE) * bare) / CROWN_MM;
    for (const part of INSIDE) {
      for (const v of partVertices(model, part)) {
        const above = part === 'upperTeeth' ? positions[3 * v + 1]! - edge.y : 0;
        positions[3 * v + 1]! += up + RAISED_SHARE * bare + longer * above;
        positions[3 * v + 2]! += forward;
      }
    }
    return positions;
  };
  const coarsePositions = settled(refined.coarsePositions);
  const positions = refined.positions === refined.coarsePositions ? coarsePositions : settled(refined.positions);
  return { ...refined, positions, coarsePositions };
}

/** Of both levels. */
function once(value: OfVertex): OfVertex {
  const known = new Map<number, number>();
  return (v) => {
    const found = known.get(v) ?? value(v);
    known.set(v, found);
    return found;
  };
}

/** Height of the middle of the upper lip's edge, mm. */
function upperLip({ dense }: MorphableModel, positions: Float32Array): number {
  return meanOf(UPPER_MIDDLE, (point) => overLandmark(dense, point, (v) => positions[3 * v + 1]!));
}

/** The lips once the told expression is taken away: how high they meet in the middle, and how far forward their lining lies. */
interface RestingLips extends Place {
  /** How high the middle of the upper lip's edge comes in a whole smile, mm. */
  smiling: number;
}

/** What the middle of the lips' edges hangs on, and what lies behind, with what the expressions do to it. */
interface Lips {
  vertices: Uint32Array;
  /** `[expressions][vertices][3]` */
  shapes: Basis;
  landmarks: LandmarkSet;
  lining: readonly number[];
}

const known = new WeakMap<MorphableModel, Lips | undefined>();

/** Undefined where landmarks, expressions or regions do not tell. */
function lipsOf(model: MorphableModel): Lips | undefined {
  if (!known.has(model)) known.set(model, findLips(model));
  return known.get(model);
}

function findLips(model: MorphableModel): Lips | undefined {
  const { dense, expression, vertexCount } = model;
  if (dense.count <= Math.max(...MIDDLE) || !SMILE.every((name) => expression.names.includes(name))) return undefined;
  const edges = MIDDLE.flatMap((point) => [...dense.vertices.subarray(3 * point, 3 * point + 3)]);
  const inner = innerLips(model);
  if (inner.length === 0) return undefined;
  const vertices = Uint32Array.from(new Set([...edges, ...inner]));
  const place = new Map(Array.from(vertices, (v, i) => [v, i]));
  const halfs = new Uint16Array(3 * vertices.length * expression.count);
  for (let k = 0; k < expression.count; k++) {
    for (const [i, v] of vertices.entries()) {
      const from = 3 * (k * vertexCount + v);
      halfs.set(expression.halfs.subarray(from, from + 3), 3 * (k * vertices.length + i));
    }
  }
  const weights = Float32Array.from(MIDDLE.flatMap((point) => [...dense.weights.subarray(3 * point, 3 * point + 3)]));
  return {
    vertices,
    shapes: { count: expression.count, halfs },
    landmarks: { ...dense, count: MIDDLE.length, vertices: Uint32Array.from(edges, (v) => place.get(v)!), weights },
    lining: Array.from(inner, (v) => place.get(v)!),
  };
}

function lipsAtRest(
  model: MorphableModel,
  positions: Float32Array,
  told: ArrayLike<number>,
  fitted: ArrayLike<number>,
): RestingLips | undefined {
  const lips = lipsOf(model);
  if (!lips) return undefined;
  const { vertices, shapes, landmarks, lining } = lips;
  const { names } = model.expression;
  const places = new Float32Array(3 * vertices.length);
  for (const [i, v] of vertices.entries()) places.set(positions.subarray(3 * v, 3 * v + 3), 3 * i);
  const weights = Object.fromEntries(names.map((name, k) => [name, told[k]!]));
  const own = ownOffsetsOf({ names, halfs: shapes.halfs }, weights, fitted, new Float32Array(places.length));
  const wear = (worn: Readonly<Record<string, number>>, sign: 1 | -1) => {
    addBasis(
      places,
      shapes,
      Array.from(names, (name) => sign * (worn[name] ?? 0)),
    );
    addOwn(places, own, worn, sign);
  };
  const height = (points: readonly number[]) =>
    meanOf(points, (point) => overLandmark(landmarks, point, (v) => places[3 * v + 1]!));
  wear(weights, -1);
  const y = height(Array.from(MIDDLE.keys()));
  const z = meanOf(lining, (v) => places[3 * v + 2]!);
  wear(Object.fromEntries(SMILE.map((name) => [name, 1])), 1);
  return { y, z, smiling: height(Array.from(UPPER_MIDDLE.keys())) };
}

function middleTeeth(model: MorphableModel): Uint32Array {
  return partVertices(model, 'upperTeeth').filter((v) => Math.abs(model.mean[3 * v]!) < INCISORS_MM);
}

/** The foremost and lowest place of the upper incisors, mm; undefined where the model has no teeth. */
function incisors(model: MorphableModel, positions: Float32Array): Place | undefined {
  const middle = middleTeeth(model);
  if (middle.length === 0) return undefined;
  const foremost = middle.reduce((most, v) => Math.max(most, positions[3 * v + 2]!), -Infinity);
  const front = middle.filter((v) => positions[3 * v + 2]! > foremost - INCISORS_MM);
  return { y: front.reduce((least, v) => Math.min(least, positions[3 * v + 1]!), Infinity), z: foremost };
}

function meanOf(points: readonly number[], value: (point: number) => number): number {
  return points.reduce((sum, point) => sum + value(point), 0) / points.length;
}

/**
 * Expressions as one person makes them. An animator's weights say an expression with few shapes, and less of them than the
 * face wears: what they leave would stay in the neutral face as a ghost, a smile's wide mouth. It goes into the shapes that
 * are worn instead, each by how far it moves a place.
 */
import { type MouthModel, openLining, upBy } from './lip-lining.js';
import type { MorphableModel } from './morphable-model.js';
import { partVertices } from './part-vertices.js';
import { addBasis, addBasisAt } from './sample/random-head.js';

/** What a shape has of its own, `[vertices][3]`, mm at weight 1, beside the model's offsets. */
export type OwnOffsets = ReadonlyMap<string, Float32Array>;

/**
 * Lids and gaze are told as they are (stages/settle-eyes.ts). Jaws take teeth and tongue along: with their share of the rest lips
 * and chin part from them (with it 865 crossings at jawOpen 1 on 15 smiles in photos, without 528, the model's own 565).
 */
const LEFT_ALONE = /^(eye|jaw)/;
/**
 * Of a jaw that is told otherwise than it was fitted, though, lips take this much: a laugh told with more of the jaw than the
 * fit has, which parts lips otherwise, shut them by up to 5 mm too far. With all of it lips stay apart by up to a millimetre.
 */
const JAW = /^jaw/;
const JAW_SHARE = 0.5;
/**
 * No shape moves a place by more than this many times as far as the model's. On 87 portraits of which half smile (seeds from
 * 13,300,000) neutral faces are off by 2.75 (smiles) and 2.37 mm without it, 2.62 and 2.33 with 2, 2.59 and 2.32 with 3; with
 * nothing left of the fit's expression 2.37 and 2.24.
 */
const MOST_TIMES = 2;
/** What is worn by less takes less of it: at weight 1 it would have many times what the photo shows. */
const SURELY_WORN = 0.3;
/** Where what is worn moves a place by less, mm, the rest there is no part of it. */
const LEAST_MM = 0.2;
/** Weights of models whose expressions are told as they were fitted differ by less. */
const ROUNDING = 1e-6;

/**
 * @param told an animator's weights, as the photo shows them
 * @param fitted the same expression as the fit spread it over the model's shapes, a weight each
 * @param vertices those that are asked for; default: the skin's, as what is inside moves as the model has it (stages/settle-mouth.ts)
 */
export function ownOffsets(
  model: MouthModel,
  told: Readonly<Record<string, number>>,
  fitted: ArrayLike<number>,
  vertices: Uint32Array = partVertices(model, 'skin'),
): OwnOffsets {
  const { expression, vertexCount } = model;
  const { names, halfs } = expression;
  const size = 3 * vertexCount;
  const left = Array.from(names, (name, k) => {
    const missing = fitted[k]! - (told[name] ?? 0);
    if (Math.abs(missing) <= ROUNDING) return 0;
    if (JAW.test(name)) return JAW_SHARE * missing;
    return LEFT_ALONE.test(name) ? 0 : missing;
  });
  const rest = new Float32Array(size);
  addBasisAt(rest, expression, left, vertices);
  // As the fitted head has it (stages/settle-mouth.ts).
  openLining(model, rest, upBy(expression, fitted, vertexCount));
  const worn = Array.from(names, (name, k) => ({ name, weight: told[name] ?? 0, k }))
    .filter(({ name, weight }) => weight > 0 && !LEFT_ALONE.test(name))
    .map(({ name, weight, k }) => {
      const offsets = new Float32Array(size);
      const alone = { count: 1, halfs: halfs.subarray(k * size, (k + 1) * size) };
      addBasisAt(offsets, alone, [1], vertices);
      return { name, weight, offsets };
    });
  const moved = new Float64Array(vertexCount);
  for (const { weight, offsets } of worn) {
    for (const v of vertices) moved[v]! += weight ** 2 * squareAt(offsets, 3 * v);
  }
  // Of a shape that moves a place by o at weight w: w o^2 / (w^2 o^2 + (r / most)^2) of the rest r, which is most / 2 times o at most.
  const most = 2 * (MOST_TIMES - 1);
  return new Map(
    worn.map(({ name, weight, offsets }) => {
      const own = new Float32Array(size);
      const sure = Math.min(1, weight / SURELY_WORN);
      for (const v of vertices) {
        const square = squareAt(offsets, 3 * v);
        // Most shapes move a small part of the head.
        if (square === 0) continue;
        const share = (sure * weight * square) / (moved[v]! + squareAt(rest, 3 * v) / most ** 2 + LEAST_MM ** 2);
        for (let i = 3 * v; i < 3 * v + 3; i++) own[i] = share * rest[i]!;
      }
      return [name, own];
    }),
  );
}

/** Of the vector that begins at `i`. */
function squareAt(vectors: Float32Array, i: number): number {
  const x = vectors[i]!;
  const y = vectors[i + 1]!;
  const z = vectors[i + 2]!;
  return x * x + y * y + z * z;
}

/** Adds what weights wear of the shapes' own, in place; `sign` -1 takes it away. */
export function addOwn(
  positions: Float32Array,
  own: OwnOffsets,
  weights: Readonly<Record<string, number>>,
  sign: 1 | -1,
): void {
  for (const [name, offsets] of own) {
    const weight = sign * (weights[name] ?? 0);
    if (weight !== 0) for (let i = 0; i < positions.length; i++) positions[i]! += weight * offsets[i]!;
  }
}

/** The same with the model's own offsets: the whole expression. */
export function addWorn(
  positions: Float32Array,
  { expression }: Pick<MorphableModel, 'expression'>,
  own: OwnOffsets,
  weights: Readonly<Record<string, number>>,
  sign: 1 | -1,
): void {
  addBasis(
    positions,
    expression,
    Float32Array.from(expression.names, (name) => sign * (weights[name] ?? 0)),
  );
  addOwn(positions, own, weights, sign);
}

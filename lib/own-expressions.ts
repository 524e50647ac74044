/**
 * Expressions as one person makes them. An animator's weights say an expression with few shapes, and less of them than the
 * face wears: what they leave would stay in the neutral face as a ghost, a smile's wide mouth. It goes into the shapes that
 * are worn instead, each by how far it moves a place.
 */
import { type MouthModel, openLining, upBy } from './lip-lining.js';
import type { MorphableModel } from './morphable-model.js';
import { native } from './native/load.js';
import { partVertices } from './part-vertices.js';
import { addBasis } from './sample/random-head.js';

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
/** Weights of models whose expressions are told as they were fitted differ by less. */
const ROUNDING = 1e-6;

/**
 * Of the skin alone: what is inside the mouth moves as the model has it (stages/settle-mouth.ts).
 *
 * @param told an animator's weights, as the photo shows them
 * @param fitted the same expression as the fit spread it over the model's shapes, a weight each
 */
export function ownOffsets(
  model: MouthModel,
  told: Readonly<Record<string, number>>,
  fitted: ArrayLike<number>,
): OwnOffsets {
  const { expression, vertexCount } = model;
  // As the fitted head has it (stages/settle-mouth.ts).
  const behindLips = new Float32Array(3 * vertexCount);
  openLining(model, behindLips, upBy(expression, fitted, vertexCount));
  return ownOffsetsOf(expression, told, fitted, behindLips, partVertices(model, 'skin'));
}

/**
 * The same of any places that shapes move.
 *
 * @param shapes half floats, `[names][places][3]`, mm
 * @param rest `[places][3]`, mm: what is left besides
 * @param places those that are asked for; default: all
 */
export function ownOffsetsOf(
  { names, halfs: shapes }: { names: readonly string[]; halfs: Uint16Array },
  told: Readonly<Record<string, number>>,
  fitted: ArrayLike<number>,
  rest: Float32Array,
  places: Uint32Array = Uint32Array.from({ length: rest.length / 3 }, (_, i) => i),
): OwnOffsets {
  const missing = Float32Array.from(names, (name, k) => {
    const weight = fitted[k]! - (told[name] ?? 0);
    if (Math.abs(weight) <= ROUNDING) return 0;
    if (JAW.test(name)) return JAW_SHARE * weight;
    return LEFT_ALONE.test(name) ? 0 : weight;
  });
  const worn = Array.from(names, (name, k) => ({ name, weight: told[name] ?? 0, k })).filter(
    ({ name, weight }) => weight > 0 && !LEFT_ALONE.test(name),
  );
  const own = native().ownOffsets({
    shapes,
    missing,
    rest,
    worn: Uint32Array.from(worn, ({ k }) => k),
    weights: Float32Array.from(worn, ({ weight }) => weight),
    vertices: places,
  });
  return new Map(worn.map(({ name }, s) => [name, own[s]!]));
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

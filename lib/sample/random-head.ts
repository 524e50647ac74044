/** A random head of a morphable model: coefficients and the surface they make. */
import { halfTable } from '../half-float.js';
import type { Basis, ExpressionBasis, MorphableModel } from '../morphable-model.js';
import type { Random } from './random.js';

export interface RandomHead {
  /** Standard deviations of the prior. */
  identity: Float32Array;
  /** One weight per expression component. */
  expression: Float32Array;
  /** Standard deviations of the prior. */
  albedo: Float32Array;
  /** `[vertices][3]`, mm, head frame. */
  positions: Float32Array;
  /** `[vertices][3]`, sRGB-encoded 0..1. */
  colours: Float32Array;
}

/** Coefficients beyond this many standard deviations are drawn again. */
const LIMIT = 2.5;
/** Colours are varied less than the prior allows: its far ends leave the range of skin, and of 8 bits. */
const ALBEDO_SIGMA = 0.7;
const ALBEDO_LIMIT = 1.8;
/** Share of heads with a neutral face. */
const NEUTRAL = 0.3;
const MOST_SHAPES = 4;
/** Both eyes shut hide the gaze and the lids; eyes look about where the camera is. */
const MAXIMUM: Readonly<Record<string, number>> = { eyeBlink: 0.35, eyeLook: 0.35, jawOpen: 0.6, tongueOut: 0 };

export function randomHead(model: MorphableModel, random: Random): RandomHead {
  const identity = Float32Array.from({ length: model.identity.count }, () => random.normal(0, 1, LIMIT));
  const expression = randomExpression(model.expression, random);
  const albedo = Float32Array.from({ length: model.albedo.count }, () => random.normal(0, ALBEDO_SIGMA, ALBEDO_LIMIT));
  const positions = model.mean.slice();
  addBasis(positions, model.identity, identity);
  addBasis(positions, model.expression, expression);
  const colours = model.albedo.mean.slice();
  addBasis(colours, model.albedo, albedo);
  for (let i = 0; i < colours.length; i++) colours[i] = Math.min(0.97, Math.max(0.02, colours[i]!));
  return { identity, expression, albedo, positions, colours };
}

/** A few shapes at a time, the two sides mostly together. */
export function randomExpression({ names, min, max }: ExpressionBasis, random: Random): Float32Array {
  const weights = new Float32Array(names.length);
  if (random.chance(NEUTRAL)) return weights;
  const stems = [...new Set(names.map((name) => name.replace(/(Left|Right)$/, '')))];
  const shapes = 1 + random.integer(MOST_SHAPES);
  for (let i = 0; i < shapes; i++) {
    const stem = stems[random.integer(stems.length)]!;
    const weight = Math.abs(random.normal(0, 0.4, 2.5));
    const together = random.chance(0.75);
    const side = random.chance(0.5) ? 'Left' : 'Right';
    const limit = Object.entries(MAXIMUM).find(([start]) => stem.startsWith(start))?.[1] ?? 1;
    for (const [k, name] of names.entries()) {
      if (name !== stem && name !== `${stem}Left` && name !== `${stem}Right`) continue;
      if (!together && name !== stem && name !== stem + side) continue;
      weights[k] = Math.min(max[k]!, limit, Math.max(min[k]!, weight));
    }
  }
  return weights;
}

/** `target += sum_k weights[k] * basis[k]` */
export function addBasis(target: Float32Array, basis: Basis, weights: ArrayLike<number>): void {
  const values = halfTable();
  const { halfs } = basis;
  const stride = target.length;
  for (let k = 0; k < basis.count; k++) {
    const weight = weights[k]!;
    if (weight === 0) continue;
    const offset = k * stride;
    for (let i = 0; i < stride; i++) target[i]! += weight * values[halfs[offset + i]!]!;
  }
}

/** The same at some vertices alone; `target`: `[vertices][3]`. */
export function addBasisAt(
  target: Float32Array,
  basis: Basis,
  weights: ArrayLike<number>,
  vertices: ArrayLike<number>,
): void {
  const values = halfTable();
  const { halfs } = basis;
  for (let k = 0; k < basis.count; k++) {
    const weight = weights[k]!;
    if (weight === 0) continue;
    const offset = k * target.length;
    for (let n = 0; n < vertices.length; n++) {
      const i = 3 * vertices[n]!;
      target[i]! += weight * values[halfs[offset + i]!]!;
      target[i + 1]! += weight * values[halfs[offset + i + 1]!]!;
      target[i + 2]! += weight * values[halfs[offset + i + 2]!]!;
    }
  }
}

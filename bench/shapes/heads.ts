/** The heads that the shapes are looked at on, and their shapes. */
import { closingBlink } from '../../lib/blink.js';
import { decodeHalfs } from '../../lib/half-float.js';
import type { MorphableModel, PartName } from '../../lib/morphable-model.js';
import { Random } from '../../lib/sample/random.js';
import { addBasis } from '../../lib/sample/random-head.js';

export interface NeutralHead {
  name: string;
  /** `[vertices][3]`, mm. */
  positions: Float32Array;
  /** `[vertices][3]`, sRGB-encoded 0..1. */
  colours: Float32Array;
}

const BLINKS = ['eyeBlinkLeft', 'eyeBlinkRight'];

export type Weights = Readonly<Record<string, number>>;

/** What faces do at the same time. */
export const COMBINATIONS: Readonly<Record<string, Weights>> = {
  'open, lips closed': { jawOpen: 1, mouthClose: 1 },
  'half open, lips closed': { jawOpen: 0.5, mouthClose: 0.5 },
  'smile and blink': { mouthSmileLeft: 1, mouthSmileRight: 1, eyeBlinkLeft: 1, eyeBlinkRight: 1 },
  'pucker and open': { mouthPucker: 1, jawOpen: 0.4 },
  'lips apart': { mouthUpperUpLeft: 1, mouthUpperUpRight: 1, mouthLowerDownLeft: 1, mouthLowerDownRight: 1 },
  laugh: { mouthSmileLeft: 0.9, mouthSmileRight: 0.9, jawOpen: 0.5, cheekSquintLeft: 0.6, cheekSquintRight: 0.6 },
  'tongue, jaw half open': { tongueOut: 1, jawOpen: 0.5 },
  'tongue, jaw open': { tongueOut: 1, jawOpen: 1 },
  'look down and blink': { eyeLookDownLeft: 1, eyeLookDownRight: 1, eyeBlinkLeft: 0.5, eyeBlinkRight: 0.5 },
  blink: { eyeBlinkLeft: 1, eyeBlinkRight: 1 },
  'half a blink': { eyeBlinkLeft: 0.5, eyeBlinkRight: 0.5 },
  'squint and blink': { eyeSquintLeft: 1, eyeSquintRight: 1, eyeBlinkLeft: 1, eyeBlinkRight: 1 },
  'look left': { eyeLookOutLeft: 1, eyeLookInRight: 1 },
};

/** The mean head and two random ones of these seeds. */
export function neutralHeads(model: MorphableModel, seeds: readonly number[]): NeutralHead[] {
  const mean = { name: 'mean', positions: model.mean.slice(), colours: model.albedo.mean.slice() };
  return [
    mean,
    ...seeds.map((seed) => {
      const random = new Random(seed);
      const positions = model.mean.slice();
      const colours = model.albedo.mean.slice();
      addBasis(
        positions,
        model.identity,
        Float32Array.from({ length: model.identity.count }, () => random.normal(0, 1, 2.5)),
      );
      addBasis(
        colours,
        model.albedo,
        Float32Array.from({ length: model.albedo.count }, () => random.normal(0, 0.7, 1.8)),
      );
      return {
        name: `seed ${seed}`,
        positions,
        colours: colours.map((value) => Math.min(0.97, Math.max(0.02, value))),
      };
    }),
  ];
}

/** The head with these expressions, as exports have them: blinks are those of its own lids. */
export function posed(model: MorphableModel, head: NeutralHead, weights: Weights): Float32Array {
  const positions = head.positions.slice();
  const { names } = model.expression;
  const missing = Object.keys(weights).filter((name) => !names.includes(name));
  if (missing.length > 0) throw new Error(`the model has no ${missing.join(', ')}`);
  addBasis(
    positions,
    model.expression,
    Float32Array.from(names, (name) => (BLINKS.includes(name) ? 0 : (weights[name] ?? 0))),
  );
  for (const name of BLINKS) {
    const weight = weights[name] ?? 0;
    if (weight === 0) continue;
    const [k, size] = [names.indexOf(name), 3 * model.vertexCount];
    const generic = decodeHalfs(model.expression.halfs, k * size, (k + 1) * size);
    const blink = closingBlink(model, head.positions, generic, name === 'eyeBlinkLeft' ? 'Left' : 'Right');
    for (let i = 0; i < size; i++) positions[i]! += weight * blink[i]!;
  }
  return positions;
}

/** `[triangles][3]` of a part. */
export function trianglesOf(model: MorphableModel, part: PartName): Uint32Array {
  const { firstTriangle, triangleCount } = model.parts.find(({ name }) => name === part)!;
  return model.triangles.subarray(3 * firstTriangle, 3 * (firstTriangle + triangleCount));
}

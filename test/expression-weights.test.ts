import { beforeAll, describe, expect, it } from 'vitest';
import { decodeHalfs } from '../lib/half-float.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import type { MorphableModel } from '../lib/morphable-model.js';
import { expressionWeights, OPPOSITES } from '../lib/stages/expression-weights.js';
import type { EyeState } from '../lib/stages/eye-state.js';
import { lipGaps } from '../lib/stages/lip-gap.js';

const OPEN: EyeState = { shut: 0, outwards: 0, up: 0 };
const SHUT: EyeState = { shut: 0.95, outwards: 0, up: 0 };
let model: MorphableModel;
beforeAll(async () => {
  model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
});

/** By name, from weights by name. */
function told(
  fitted: Record<string, number>,
  eyes = { left: OPEN, right: OPEN },
  mouth?: Record<string, number>,
): Record<string, number> {
  const { names } = model.expression;
  const weights = expressionWeights(
    model,
    names.map((name) => fitted[name] ?? 0),
    eyes,
    undefined,
    mouth && new Map(Object.entries(mouth)),
  );
  return Object.fromEntries(names.map((name, k) => [name, weights[k]!]));
}

describe('the weights of a fit', () => {
  it('keep a clear expression, and are zero where the fit is', () => {
    expect(Math.max(...Object.values(told({})))).toBe(0);
    const smile = told({ mouthSmileLeft: 0.9, mouthSmileRight: 0.9, jawOpen: 0.4 });
    expect(smile.mouthSmileLeft).toBeGreaterThan(0.6);
    expect(smile.jawOpen).toBeGreaterThan(0.3);
  });

  it('never hold two that pull apart', () => {
    const all = told(Object.fromEntries(model.expression.names.map((name, k) => [name, 0.3 + 0.01 * (k % 7)])));
    for (const [a, b] of OPPOSITES) expect(Math.min(all[a]!, all[b]!)).toBeLessThan(0.1);
    const mouth = told({ mouthLeft: 0.5, mouthRight: 0.6, jawLeft: 0.4, jawRight: 0.1 });
    expect(Math.min(mouth.mouthLeft!, mouth.mouthRight!)).toBe(0);
  });

  it('shut an eye that the landmarks see shut, and no other', () => {
    const wink = told({ eyeBlinkLeft: 0.3, eyeLookDownLeft: 1, eyeBlinkRight: 0.2 }, { left: SHUT, right: OPEN });
    expect(wink.eyeBlinkLeft).toBe(0.95);
    expect(wink.eyeLookDownLeft).toBe(0);
    expect(wink.eyeBlinkRight).toBe(0);
  });

  it('call a smile what the photo shows as one', () => {
    // As fits spread a smile.
    const spread = { mouthDimpleLeft: 0.9, mouthUpperUpLeft: 0.6, mouthSmileLeft: 0.2 };
    const [unseen, seen] = [told(spread), told(spread, undefined, { mouthSmileLeft: 0.9 })];
    expect(seen.mouthSmileLeft).toBeGreaterThan(unseen.mouthSmileLeft! + 0.05);
  });

  it('part the lips as far as the head has them parted, so that those of its neutral face are shut', () => {
    const { dense, expression, mean, vertexCount } = model;
    const size = 3 * vertexCount;
    const add = (positions: Float32Array, name: string, weight: number) => {
      const k = expression.names.indexOf(name);
      const offsets = decodeHalfs(expression.halfs, k * size, (k + 1) * size);
      for (let i = 0; i < size; i++) positions[i]! += weight * offsets[i]!;
    };
    // What the deformation map parts, no weight of the fit knows of: here as another head's lips would.
    const head = mean.slice();
    add(head, 'mouthSmileLeft', 0.4);
    for (const [i, y] of [1.2, -1.6].entries()) {
      for (const point of i === 0 ? [80, 81, 82, 13, 312, 311, 310] : [88, 178, 87, 14, 317, 402, 318]) {
        for (let j = 3 * point; j < 3 * point + 3; j++) head[3 * dense.vertices[j]! + 1]! += y * dense.weights[j]!;
      }
    }
    const widest = (positions: Float32Array) => Math.max(...lipGaps(dense, positions).map(Math.abs));
    const smile = expression.names.map((name) => (name === 'mouthSmileLeft' ? 0.4 : 0));
    const neutral = (positions?: Float32Array) => {
      const weights = expressionWeights(model, smile, { left: OPEN, right: OPEN }, positions);
      const out = head.slice();
      weights.forEach((weight, k) => void add(out, expression.names[k]!, -weight));
      return widest(out);
    };
    expect(neutral()).toBeGreaterThan(1);
    expect(neutral(head)).toBeLessThan(0.5 * neutral());
    expect(widest(mean)).toBeLessThan(0.2);
  });

  it('of a video tell brows, and what lasts as large as it is', () => {
    const { names } = model.expression;
    const fitted = names.map((name) => (/^browInnerUp|^mouthPucker/.test(name) ? 0.5 : 0));
    const at = (weights: Float64Array, name: string) => weights[names.indexOf(name)]!;
    const tell = (before?: ArrayLike<number>) =>
      expressionWeights(model, fitted, { left: OPEN, right: OPEN }, undefined, undefined, before);
    const first = tell([]);
    expect(at(tell(), 'browInnerUp')).toBe(0);
    expect(at(first, 'browInnerUp')).toBeGreaterThan(0.1);
    let later = first;
    for (let frame = 0; frame < 10; frame++) later = tell(later);
    for (const name of ['browInnerUp', 'mouthPucker']) {
      expect(at(later, name)).toBeGreaterThan(at(first, name) + 0.05);
      expect(at(later, name)).toBeLessThan(0.5);
    }
    const rest = expressionWeights(
      model,
      names.map(() => 0),
      { left: OPEN, right: OPEN },
      undefined,
      undefined,
      later,
    );
    expect(Math.max(...rest)).toBe(0);
  });

  it('are left alone for a model with other expressions', () => {
    const other = {
      ...model,
      expression: { ...model.expression, names: model.expression.names.map((_, k) => `e${k}`) },
    };
    const fitted = model.expression.names.map((_, k) => (k % 5) / 10);
    expect([...expressionWeights(other, fitted, { left: SHUT, right: SHUT })]).toEqual(fitted);
  });
});

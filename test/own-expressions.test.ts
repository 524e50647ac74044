import { beforeAll, describe, expect, it } from 'vitest';
import { toBlendShapes } from '../lib/blend-shapes.js';
import { decodeHalfs } from '../lib/half-float.js';
import { create } from '../lib/index.js';
import { openLining, upBy } from '../lib/lip-lining.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import type { MorphableModel } from '../lib/morphable-model.js';
import { addOwn, ownOffsets } from '../lib/own-expressions.js';
import { withWeights } from '../lib/posed.js';
import { surfacePoints } from '../lib/stages/surface-points.js';
import { astronaut } from './photos.js';
import { syntheticHead } from './synthetic-head.js';

describe('expressions as a person makes them', () => {
  let model: MorphableModel;
  beforeAll(async () => {
    model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
  });
  const fitted = (weights: Record<string, number>) =>
    Float32Array.from(model.expression.names, (name) => weights[name] ?? 0);
  const length = (vectors: Float32Array, v: number) => Math.hypot(...vectors.subarray(3 * v, 3 * v + 3));
  const offsetsOf = (name: string) => {
    const [k, size] = [(model.expression.names as readonly string[]).indexOf(name), 3 * model.vertexCount];
    return decodeHalfs(model.expression.halfs, k * size, (k + 1) * size);
  };

  it('nothing is left where weights are told as they were fitted, or none is told, but behind the lips', () => {
    const told = { mouthSmileLeft: 0.5, jawOpen: 0.25 };
    const behind = new Float32Array(3 * model.vertexCount);
    openLining(model, behind, upBy(model.expression, fitted(told), model.vertexCount));
    const own = ownOffsets(model, told, fitted(told)).get('mouthSmileLeft')!;
    expect(own.every((x, i) => told.mouthSmileLeft * Math.abs(x) <= Math.abs(behind[i]!))).toBe(true);
    expect(ownOffsets(model, {}, fitted({ mouthSmileLeft: 0.5 })).size).toBe(0);
  });

  it('a smile told by half takes most of the rest, by places that it moves, and at most doubles', () => {
    const worn = fitted({ mouthSmileLeft: 0.9, mouthSmileRight: 0.9 });
    const own = ownOffsets(model, { mouthSmileLeft: 0.6, mouthSmileRight: 0.6 }, worn);
    const left = own.get('mouthSmileLeft')!;
    const corner = { left: model.dense.vertices[3 * 291]!, right: model.dense.vertices[3 * 61]! };
    // 0.3 of the model's smile is left over 0.6 of it: half as much again at weight 1.
    const smile = offsetsOf('mouthSmileLeft');
    const whole = length(smile, corner.left);
    expect(length(left, corner.left)).toBeGreaterThan(0.35 * whole);
    expect(length(left, corner.left)).toBeLessThan(0.55 * whole);
    expect(length(left, corner.right)).toBeLessThan(0.1 * length(left, corner.left));
    const most = ownOffsets(model, { mouthSmileLeft: 0.3 }, fitted({ mouthSmileLeft: 1, mouthPucker: 1 }));
    const beyond = Float32Array.from(
      { length: model.vertexCount },
      (_, v) => length(most.get('mouthSmileLeft')!, v) - length(smile, v),
    );
    expect(Math.max(...beyond)).toBeLessThan(1e-3);
  });

  it('eyes and jaws are left alone', () => {
    const own = ownOffsets(model, { eyeBlinkLeft: 0.5, jawOpen: 0.5 }, fitted({ eyeBlinkLeft: 1, jawOpen: 1 }));
    expect(own.size).toBe(0);
  });

  it('base and weights are still the fitted head', async () => {
    const result = syntheticHead();
    const { names } = result.model.expression;
    const all = Array.from(names, (_, k) => k);
    const head = await toBlendShapes(result, all);
    const back = withWeights(head, result.coefficients.expression);
    for (const [i, x] of back.entries()) expect(x).toBeCloseTo(result.mesh.positions[i]!, 4);
  });

  it('a smile in a photo leaves a neutral mouth that is no wider than the mean head has it', async () => {
    const hrn = await create({ device: 'cpu' });
    try {
      const face = await hrn.fit(await astronaut(), { textureSize: 256 });
      const neutral = (await face.posed({})).positions;
      const width = (positions: Float32Array) => {
        const at = surfacePoints(model.dense, positions);
        return Math.hypot(...[0, 1, 2].map((k) => at[3 * 61 + k]! - at[3 * 291 + k]!));
      };
      const generic = neutral.slice();
      addOwn(
        generic,
        ownOffsets(model, face.coefficients.expression, face.coefficients.fittedExpression),
        face.coefficients.expression,
        1,
      );
      // 52.9 mm, 54.9 with the model's shapes alone, 51.6 of the mean head.
      expect(width(neutral)).toBeLessThan(width(generic) - 1);
      expect(width(neutral)).toBeLessThan(width(model.mean) + 3);
    } finally {
      await hrn.dispose();
    }
  });
});

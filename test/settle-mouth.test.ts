import { beforeAll, describe, expect, it } from 'vitest';
import { upBy } from '../lib/lip-lining.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import type { MorphableModel } from '../lib/morphable-model.js';
import { partVertices } from '../lib/part-vertices.js';
import { addBasis } from '../lib/sample/random-head.js';
import type { RefinedHead } from '../lib/stages/refine.js';
import { settleMouth } from '../lib/stages/settle-mouth.js';
import { surfacePoints } from '../lib/stages/surface-points.js';

/** The middle of the lips' edges. */
const [UPPER, LOWER] = [13, 14];

describe('the mouth of a fitted head', () => {
  let model: MorphableModel;
  beforeAll(async () => {
    model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
  });

  /** A head as a fit returns it, with what it needs here. */
  function headWith(weights: Record<string, number>, some: number[] = []): RefinedHead {
    const identity = Float64Array.from({ length: model.identity.count }, (_, k) => some[k] ?? 0);
    const positions = model.mean.slice();
    addBasis(positions, model.identity, identity);
    addBasis(
      positions,
      model.expression,
      model.expression.names.map((name) => weights[name] ?? 0),
    );
    const expression = Float64Array.from(model.expression.names, (name) => weights[name] ?? 0);
    return { positions, coarsePositions: positions, identity, expression } as RefinedHead;
  }
  const settled = (head: RefinedHead, told: ArrayLike<number> = head.expression) =>
    settleMouth(model, head, told).positions;
  const edge = (positions: Float32Array, point: number) => surfacePoints(model.dense, positions)[3 * point + 1]!;
  /** The lowest of the upper lip's and the highest of the lower lip's vertices in the middle of the mouth, mm. */
  const opening = (positions: Float32Array): [number, number] => {
    const opens = model.expression.names.map((name) => Number(name === 'jawOpen'));
    const jaw = upBy(model.expression, opens, model.vertexCount);
    const at = surfacePoints(model.dense, model.mean);
    let [lowest, highest] = [Infinity, -Infinity];
    for (const v of partVertices(model, 'skin')) {
      const [x, y, z] = [0, 1, 2].map((k) => model.mean[3 * v + k]! - at[3 * UPPER + k]!) as [number, number, number];
      if (Math.abs(x) > 3 || Math.abs(y) > 3 || z > 0.5 || z < -7) continue;
      if (jaw(v) > -5) lowest = Math.min(lowest, positions[3 * v + 1]!);
      else highest = Math.max(highest, positions[3 * v + 1]!);
    }
    return [lowest, highest];
  };

  it('of a laugh that a fit spread over many shapes: lips are parted as far as their edges are', () => {
    const head = headWith({
      ...{ mouthSmileLeft: 0.6, mouthSmileRight: 0.6, mouthUpperUpLeft: 0.6, mouthUpperUpRight: 0.6 },
      ...{ mouthShrugUpper: 0.9, mouthLowerDownLeft: 0.5, mouthLowerDownRight: 0.5, jawLeft: 0.6, jawRight: 0.6 },
    });
    const gap = edge(head.positions, UPPER) - edge(head.positions, LOWER);
    const before = opening(head.positions);
    const after = opening(settled(head));
    expect(gap).toBeGreaterThan(7);
    expect(before[0] - before[1]).toBeLessThan(gap - 3);
    expect(after[0] - after[1]).toBeGreaterThan(gap - 1.2);
    expect(Math.abs(edge(settled(head), UPPER) - edge(head.positions, UPPER))).toBeLessThan(0.15);
  });

  it('teeth stand higher and are longer as far as lips would bare the gum, together', () => {
    const laugh = headWith({ mouthUpperUpLeft: 1, mouthUpperUpRight: 1, mouthSmileLeft: 1, mouthSmileRight: 1 });
    const heights = (positions: Float32Array, part: 'upperTeeth' | 'lowerTeeth' | 'tongue') =>
      Array.from(partVertices(model, part), (v) => positions[3 * v + 1]!);
    const moved = (part: 'upperTeeth' | 'lowerTeeth' | 'tongue') => {
      const [before, after] = [heights(laugh.positions, part), heights(settled(laugh), part)];
      return after.map((y, i) => y - before[i]!);
    };
    const lower = moved('lowerTeeth');
    expect(Math.min(...lower)).toBeGreaterThan(0.5);
    expect(Math.max(...lower) - Math.min(...lower)).toBeLessThan(1e-4);
    expect(Math.max(...moved('tongue'))).toBeCloseTo(lower[0]!, 4);
    const upper = moved('upperTeeth');
    expect(Math.min(...upper)).toBeGreaterThan(0);
    expect(Math.max(...upper)).toBeGreaterThan(lower[0]! + 0.5);
  });

  it('at rest next to nothing moves, whoever it is', () => {
    for (const identity of [[], [1, -1, 0.5, 2], Array.from({ length: 40 }, (_, k) => ((k * 7) % 5) / 2 - 1)]) {
      const head = headWith({}, identity);
      const after = settled(head);
      expect(Math.max(...after.map((y, i) => Math.abs(y - head.positions[i]!)))).toBeLessThan(0.02);
    }
  });

  it('jaws move as they are told, and lips that a fit put elsewhere take teeth along', () => {
    const told = model.expression.names.map((name) => Number(name === 'jawOpen') * 0.4);
    const plain = settled(headWith({ jawOpen: 0.4 }), told);
    const spread = settled(headWith({ jawOpen: 0.2, mouthLowerDownLeft: 0.6, mouthLowerDownRight: 0.6 }), told);
    const height = (positions: Float32Array, part: 'upperTeeth' | 'lowerTeeth') => {
      const vertices = partVertices(model, part);
      return vertices.reduce((sum, v) => sum + positions[3 * v + 1]! / vertices.length, 0);
    };
    const bite = (positions: Float32Array) => height(positions, 'upperTeeth') - height(positions, 'lowerTeeth');
    expect(bite(spread)).toBeCloseTo(bite(plain), 1);

    const lower = headWith({});
    const skin = partVertices(model, 'skin');
    for (const v of skin) lower.positions[3 * v + 1]! -= 3;
    expect(height(settled(lower), 'upperTeeth')).toBeCloseTo(height(lower.positions, 'upperTeeth') - 3, 1);
  });

  it('heads without lips and teeth are left as they are', () => {
    const bare = { ...model, dense: { ...model.dense, count: 10 }, parts: model.parts.slice(0, 1) };
    const head = headWith({ mouthUpperUpLeft: 1, mouthUpperUpRight: 1 });
    expect(settleMouth(bare, head, head.expression).positions).toEqual(head.positions);
  });
});

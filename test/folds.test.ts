// Folds that belong to an expression go with it: across the direction in which it compresses the skin, and no others.
import { describe, expect, it } from 'vitest';
import { movingFolds } from '../lib/exporters/moving-folds.js';
import { ExpressionFolds } from '../lib/folds.js';
import { encodeHalfs } from '../lib/half-float.js';
import type { Mesh } from '../lib/result-data.js';

const SIDE = 21;
const SIZE = 128;
const AMOUNT = 0.3;

/** A square of skin of 40 mm, which `squeeze` makes narrower in x; at its weight of 1 as it lies. */
function square() {
  const positions = new Float32Array(3 * SIDE * SIDE);
  const normals = new Float32Array(3 * SIDE * SIDE);
  const uvs = new Float32Array(2 * SIDE * SIDE);
  const offsets = new Float32Array(3 * SIDE * SIDE);
  const indices: number[] = [];
  for (let v = 0; v < SIDE * SIDE; v++) {
    const [x, y] = [(v % SIDE) / (SIDE - 1), Math.floor(v / SIDE) / (SIDE - 1)];
    positions.set([40 * x, -40 * y, 0], 3 * v);
    normals[3 * v + 2] = 1;
    uvs.set([x, y], 2 * v);
    offsets[3 * v] = -AMOUNT * 40 * x;
    if (x < 1 && y < 1) indices.push(v, v + SIDE, v + 1, v + 1, v + SIDE, v + SIDE + 1);
  }
  const parts = [{ name: 'skin' as const, firstIndex: 0, indexCount: indices.length }];
  const mesh: Mesh = { positions, normals, uvs, indices: Uint32Array.from(indices), parts };
  const halfs = new Uint16Array(offsets.length);
  encodeHalfs(offsets, halfs, 0);
  const expression = { names: ['squeeze'], halfs };
  return { mesh, model: { expression, vertexCount: SIDE * SIDE } as never };
}

/** Waves of 0.3 mm, 5 mm long, that rise along x or along y. */
function waves(alongX: boolean) {
  const data = Float32Array.from({ length: SIZE * SIZE }, (_, i) => {
    const place = alongX ? i % SIZE : Math.floor(i / SIZE);
    return 0.3 * Math.sin((2 * Math.PI * place * 40) / SIZE / 5);
  });
  return { data, size: SIZE };
}

const MIDDLE = Math.floor((SIDE * SIDE) / 2);

describe('folds of an expression', () => {
  it('go with it where it compresses the skin across them', () => {
    const { mesh, model } = square();
    const folds = new ExpressionFolds(mesh, model, { squeeze: 1 }, waves(true));
    expect(folds.kept({ squeeze: 1 })[MIDDLE]).toBe(1);
    expect(folds.kept({})[MIDDLE]).toBeLessThan(0.05);
    const half = folds.kept({ squeeze: 0.3 })[MIDDLE]!;
    expect(half).toBeGreaterThan(0.2);
    expect(half).toBeLessThan(0.9);
  });

  it('stay where they run along the compression', () => {
    const { mesh, model } = square();
    const folds = new ExpressionFolds(mesh, model, { squeeze: 1 }, waves(false));
    expect(folds.kept({})[MIDDLE]).toBeGreaterThan(0.95);
  });

  it('stay where the expression stretches, or was not worn', () => {
    const { mesh, model } = square();
    for (const squeeze of [-1, 0]) {
      const folds = new ExpressionFolds(mesh, model, { squeeze }, waves(true));
      expect(folds.kept({})[MIDDLE]).toBeCloseTo(1, 6);
    }
  });

  it('are in a GLB partly the morph target, which at the fitted weight gives the map back', () => {
    const { mesh, model } = square();
    const map = waves(true);
    const head = { mesh, model, coefficients: { expression: { squeeze: 0.8 } }, displacementMap: map };
    const { map: left, offsets } = movingFolds(head as never, [0])!;
    const target = offsets.get('squeeze')!;
    let [off, highest, carried] = [0, 0, 0];
    for (let y = 4; y < SIDE - 4; y++) {
      for (let x = 4; x < SIDE - 4; x++) {
        const v = y * SIDE + x;
        const texel = Math.round((y / (SIDE - 1)) * SIZE - 0.5) * SIZE + Math.round((x / (SIDE - 1)) * SIZE - 0.5);
        const height = 0.8 * target[3 * v + 2]!;
        off = Math.max(off, Math.abs(left.data[texel]! + height - map.data[texel]!));
        highest = Math.max(highest, Math.abs(map.data[texel]!));
        carried = Math.max(carried, Math.abs(height));
      }
    }
    expect(carried).toBeGreaterThan(0.5 * highest);
    expect(off).toBeLessThan(0.2 * highest);
    expect(movingFolds({ ...head, coefficients: { expression: {} } } as never, [0])).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { decodeHalfs, encodeHalfs } from '../lib/half-float.js';
import type { NativeCage } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';

const NO_VERTEX = 0xffff;
const CUBE = Float32Array.from([-1, -1, -1, 1, -1, -1, 1, 1, -1, -1, 1, -1, -1, -1, 1, 1, -1, 1, 1, 1, 1, -1, 1, 1]);
const CUBE_FACES = Uint16Array.from(
  [
    [0, 3, 2, 1],
    [4, 5, 6, 7],
    [0, 1, 5, 4],
    [1, 2, 6, 5],
    [2, 3, 7, 6],
    [3, 0, 4, 7],
  ].flat(),
);
const CUBE_MIRROR = Uint16Array.from([1, 0, 3, 2, 5, 4, 7, 6]);

function subdivide(mean: Float32Array, faces: Uint16Array, rest: Partial<NativeCage> = {}) {
  const mirror = Uint16Array.from({ length: mean.length / 3 }, (_, v) => v);
  return native().subdivide({ mean, faces, mirror, bases: [], ...rest }).promise;
}

describe('Catmull-Clark', () => {
  it('turns the cube into the 26 points of the textbook', async () => {
    const { vertexCount, mean, triangles } = await subdivide(CUBE, CUBE_FACES);
    expect(vertexCount).toBe(26);
    expect(triangles.length / 3).toBe(48);
    // Corners at 5/9 of the cube's, edge points at 3/4 of the edge's middle, face points at the faces' centres.
    for (let v = 0; v < 8; v++)
      for (let k = 0; k < 3; k++) expect(mean[3 * v + k]).toBeCloseTo((CUBE[3 * v + k]! * 5) / 9, 6);
    const sizes = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => Math.hypot(...mean.subarray(3 * (from + i), 3 * (from + i) + 3)));
    for (const size of sizes(8, 20)) expect(size).toBeCloseTo(0.75 * Math.SQRT2, 6);
    for (const size of sizes(20, 26)) expect(size).toBeCloseTo(1, 6);
  });

  it('keeps the volume positive: triangles face outwards like their faces', async () => {
    const { mean, triangles } = await subdivide(CUBE, CUBE_FACES);
    const point = (v: number) => mean.subarray(3 * v, 3 * v + 3);
    for (let t = 0; t < triangles.length; t += 3) {
      const [a, b, c] = [0, 1, 2].map((k) => point(triangles[t + k]!)) as [Float32Array, Float32Array, Float32Array];
      const u = [b[0]! - a[0]!, b[1]! - a[1]!, b[2]! - a[2]!] as const;
      const v = [c[0]! - a[0]!, c[1]! - a[1]!, c[2]! - a[2]!] as const;
      const normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]] as const;
      expect(normal[0] * a[0]! + normal[1] * a[1]! + normal[2] * a[2]!).toBeGreaterThan(0);
    }
  });

  it('follows boundary curves and takes triangles', async () => {
    // A square of one quad and two triangles in a strip: its straight border stays straight, its corners are cut.
    const cage = Float32Array.from([0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 2, 0, 0]);
    const { mean, triangles } = await subdivide(cage, Uint16Array.from([0, 1, 2, 3, 1, 4, 2, NO_VERTEX]));
    expect(triangles.length / 3).toBe(14);
    // Boundary rule 1/8, 6/8, 1/8 at vertex 1 between 0 and 4.
    expect(mean[3]).toBeCloseTo(0.75 * 1 + 0.125 * 0 + 0.125 * 2, 6);
    expect(mean[4]).toBeCloseTo(0, 6);
  });

  it('reproduces linear functions in the interior of a regular grid', async () => {
    const cage: number[] = [];
    const faces: number[] = [];
    for (let y = 0; y < 5; y++) for (let x = 0; x < 5; x++) cage.push(x, y, 3 * x - 2 * y + 1);
    for (let y = 0; y < 4; y++)
      for (let x = 0; x < 4; x++) faces.push(5 * y + x, 5 * y + x + 1, 5 * (y + 1) + x + 1, 5 * (y + 1) + x);
    const { vertexCount, mean } = await subdivide(Float32Array.from(cage), Uint16Array.from(faces));
    for (let v = 0; v < vertexCount; v++)
      expect(mean[3 * v + 2]).toBeCloseTo(3 * mean[3 * v]! - 2 * mean[3 * v + 1]! + 1, 5);
  });

  it('subdivides the components of a basis like positions', async () => {
    // Eleven of them: more than are done side by side.
    const scales = Array.from({ length: 11 }, (_, k) => k - 4);
    const halfs = new Uint16Array(scales.length * CUBE.length);
    for (const [k, scale] of scales.entries())
      encodeHalfs(
        CUBE.map((value) => scale * value),
        halfs,
        k * CUBE.length,
      );
    const { mean, bases } = await subdivide(CUBE, CUBE_FACES, { bases: [halfs, new Uint16Array(0)] });
    expect(bases.map((basis) => basis.length)).toEqual([scales.length * mean.length, 0]);
    for (const [k, scale] of scales.entries()) {
      const expected = new Uint16Array(mean.length);
      encodeHalfs(
        mean.map((value) => scale * value),
        expected,
      );
      const component = decodeHalfs(bases[0]!, k * mean.length, (k + 1) * mean.length);
      for (const [i, value] of decodeHalfs(expected).entries())
        expect(Math.abs(component[i]! - value)).toBeLessThanOrEqual(Math.abs(value) / 1024);
    }
  });

  it('mirrors edges and faces with their vertices', async () => {
    const { vertexCount, mean, mirror } = await subdivide(CUBE, CUBE_FACES, { mirror: CUBE_MIRROR });
    for (let v = 0; v < vertexCount; v++) {
      expect(mirror[mirror[v]!]).toBe(v);
      expect(mean[3 * mirror[v]!]).toBeCloseTo(-mean[3 * v]!, 6);
      expect(mean[3 * mirror[v]! + 1]).toBeCloseTo(mean[3 * v + 1]!, 6);
    }
  });

  it.each<[string, Partial<NativeCage>, string]>([
    ['a mirror that turns the cube', { mirror: Uint16Array.from([1, 2, 3, 4, 5, 6, 7, 0]) }, 'MODEL_CORRUPT'],
    ['a face that repeats a vertex', { faces: Uint16Array.of(0, 1, 1, 2) }, 'MODEL_CORRUPT'],
    ['a vertex outside the cage', { faces: Uint16Array.of(0, 1, 2, 8) }, 'MODEL_CORRUPT'],
    ['faces turned against each other', { faces: Uint16Array.of(0, 1, 2, 3, 0, 1, 5, 4) }, 'MODEL_CORRUPT'],
    ['a mirror image outside the cage', { mirror: new Uint16Array(8).fill(8) }, 'INVALID_ARGUMENT'],
    ['half a face', { faces: Uint16Array.of(0, 1) }, 'INVALID_ARGUMENT'],
    ['a basis of another mesh', { bases: [new Uint16Array(23)] }, 'INVALID_ARGUMENT'],
  ])('refuses %s', async (_, change, code) => {
    await expect((async () => subdivide(CUBE, CUBE_FACES, change))()).rejects.toMatchObject({ name: 'HrnError', code });
  });
});

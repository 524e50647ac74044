import { describe, expect, it } from 'vitest';
import { applySubdivision, catmullClark, NO_VERTEX, subdividedMirror } from '../lib/models/catmull-clark.js';

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

function subdivide(cage: Float32Array, faces: Uint16Array) {
  const operator = catmullClark(cage.length / 3, faces);
  const out = new Float32Array(3 * operator.vertexCount);
  applySubdivision(operator, cage, out);
  return { operator, out };
}

describe('Catmull-Clark', () => {
  it('turns the cube into the 26 points of the textbook', () => {
    const { operator, out } = subdivide(CUBE, CUBE_FACES);
    expect(operator.vertexCount).toBe(26);
    expect(operator.quads.length / 4).toBe(24);
    // Corners at 5/9 of the cube's, edge points at 3/4 of the edge's middle, face points at the faces' centres.
    for (let v = 0; v < 8; v++)
      for (let k = 0; k < 3; k++) expect(out[3 * v + k]).toBeCloseTo((CUBE[3 * v + k]! * 5) / 9, 6);
    const sizes = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => Math.hypot(...out.subarray(3 * (from + i), 3 * (from + i) + 3)));
    for (const size of sizes(8, 20)) expect(size).toBeCloseTo(0.75 * Math.SQRT2, 6);
    for (const size of sizes(20, 26)) expect(size).toBeCloseTo(1, 6);
  });

  it('keeps the volume positive: quads face outwards like their faces', () => {
    const { operator, out } = subdivide(CUBE, CUBE_FACES);
    const point = (v: number) => out.subarray(3 * v, 3 * v + 3);
    for (let q = 0; q < operator.quads.length; q += 4) {
      const [a, b, c] = [0, 1, 2].map((k) => point(operator.quads[q + k]!)) as [
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      const u = [b[0]! - a[0]!, b[1]! - a[1]!, b[2]! - a[2]!] as const;
      const v = [c[0]! - a[0]!, c[1]! - a[1]!, c[2]! - a[2]!] as const;
      const normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]] as const;
      expect(normal[0] * a[0]! + normal[1] * a[1]! + normal[2] * a[2]!).toBeGreaterThan(0);
    }
  });

  it('follows boundary curves and takes triangles', () => {
    // A square of one quad and two triangles in a strip: its straight border stays straight, its corners are cut.
    const cage = Float32Array.from([0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 2, 0, 0]);
    const { operator, out } = subdivide(cage, Uint16Array.from([0, 1, 2, 3, 1, 4, 2, NO_VERTEX]));
    expect(operator.quads.length / 4).toBe(7);
    // Boundary rule 1/8, 6/8, 1/8 at vertex 1 between 0 and 4.
    expect(out[3]).toBeCloseTo(0.75 * 1 + 0.125 * 0 + 0.125 * 2, 6);
    expect(out[4]).toBeCloseTo(0, 6);
  });

  it('reproduces linear functions in the interior of a regular grid', () => {
    const cage: number[] = [];
    const faces: number[] = [];
    for (let y = 0; y < 5; y++) for (let x = 0; x < 5; x++) cage.push(x, y, 3 * x - 2 * y + 1);
    for (let y = 0; y < 4; y++)
      for (let x = 0; x < 4; x++) faces.push(5 * y + x, 5 * y + x + 1, 5 * (y + 1) + x + 1, 5 * (y + 1) + x);
    const { operator, out } = subdivide(Float32Array.from(cage), Uint16Array.from(faces));
    for (let v = 0; v < operator.vertexCount; v++)
      expect(out[3 * v + 2]).toBeCloseTo(3 * out[3 * v]! - 2 * out[3 * v + 1]! + 1, 5);
  });

  it('mirrors edges and faces with their vertices', () => {
    const mirror = Uint16Array.from([1, 0, 3, 2, 5, 4, 7, 6]);
    const { operator, out } = subdivide(CUBE, CUBE_FACES);
    const image = subdividedMirror(mirror, CUBE_FACES, operator)!;
    for (let v = 0; v < operator.vertexCount; v++) {
      expect(image[image[v]!]).toBe(v);
      expect(out[3 * image[v]!]).toBeCloseTo(-out[3 * v]!, 6);
      expect(out[3 * image[v]! + 1]).toBeCloseTo(out[3 * v + 1]!, 6);
    }
    expect(subdividedMirror(Uint16Array.from([1, 2, 3, 4, 5, 6, 7, 0]), CUBE_FACES, operator)).toBeUndefined();
  });
});

import { type MorphableModel, REGION_NAMES } from '../../lib/morphable-model.js';

const ROWS = 10;
const COLUMNS = 14;
const HALF_ONE = 0x3c00;

/** A sphere with two components of each kind and a few landmarks: everything a head has, small enough for thousands of fits. */
export function tinyModel(): MorphableModel {
  const positions: number[] = [];
  const uvs: number[] = [];
  const triangles: number[] = [];
  for (let row = 0; row <= ROWS; ++row) {
    const polar = Math.PI * (0.1 + (0.8 * row) / ROWS);
    for (let column = 0; column <= COLUMNS; ++column) {
      const azimuth = 2 * Math.PI * (column / COLUMNS - 0.5);
      positions.push(
        80 * Math.sin(polar) * Math.sin(azimuth),
        80 * Math.cos(polar),
        80 * Math.sin(polar) * Math.cos(azimuth),
      );
      uvs.push(column / COLUMNS, row / ROWS);
    }
  }
  for (let row = 0; row < ROWS; ++row) {
    for (let column = 0; column < COLUMNS; ++column) {
      const a = row * (COLUMNS + 1) + column;
      const b = a + COLUMNS + 1;
      triangles.push(a, b, b + 1, a, b + 1, a + 1);
    }
  }
  const vertexCount = positions.length / 3;
  const basis = () => ({
    count: 2,
    halfs: Uint16Array.from({ length: 6 * vertexCount }, (_, i) => ((i * 7919) % 5 === 0 ? HALF_ONE : 0)),
  });
  const front = Array.from({ length: vertexCount }, (_, v) => v).filter((v) => positions[3 * v + 2]! > 20);
  const landmarks = {
    count: front.length,
    vertices: Uint32Array.from(front.flatMap((v) => [v, v, v])),
    weights: Float32Array.from(front.flatMap(() => [1, 0, 0])),
    sigmaMm: new Float32Array(front.length).fill(1),
    dynamic: Uint8Array.from(front, (_, i) => (i % 5 === 0 ? 1 : 0)),
  };
  return {
    name: 'sphere',
    vertexCount,
    triangleCount: triangles.length / 3,
    mean: Float32Array.from(positions),
    identity: basis(),
    expression: {
      ...basis(),
      names: ['jawOpen', 'eyeBlinkLeft'],
      mean: new Float32Array(2),
      sigma: new Float32Array(2).fill(1),
      min: new Float32Array(2),
      max: new Float32Array(2).fill(1),
    },
    albedo: { ...basis(), mean: new Float32Array(3 * vertexCount).fill(0.6) },
    triangles: Uint32Array.from(triangles),
    uvs: Float32Array.from(uvs),
    parts: [{ name: 'skin', firstTriangle: 0, triangleCount: triangles.length / 3 }],
    dense: landmarks,
    ibug68: landmarks,
    regions: new Uint8Array(vertexCount).fill(REGION_NAMES.indexOf('cheeks')),
    mirror: Uint32Array.from({ length: vertexCount }, (_, v) => v),
    deformable: new Float32Array(vertexCount).fill(1),
  };
}

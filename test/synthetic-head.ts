import type { Expressions } from '../lib/expression-names.js';
import { type MorphableModel, PART_NAMES, type Part, REGION_NAMES } from '../lib/morphable-model.js';
import { Reconstruction } from '../lib/result.js';

/** Bits of the nearest half float to a small value; enough for fixtures. */
function toHalf(value: number): number {
  const magnitude = Math.abs(value);
  const sign = value < 0 ? 0x8000 : 0;
  if (magnitude < 2 ** -14) return sign | Math.round(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  const fraction = Math.round((magnitude / 2 ** exponent - 1) * 1024);
  return sign | (((exponent + 15) << 10) + fraction);
}

interface Blob {
  centre: [number, number, number];
  radii: [number, number, number];
  rows: number;
  columns: number;
  /** The corner of the UV square that this blob's island takes. */
  uv: [u: number, v: number, size: number];
}

/** An ellipsoid open at its poles, so that no triangle is degenerate. */
function addBlob(blob: Blob, positions: number[], uvs: number[], triangles: number[]): void {
  const first = positions.length / 3;
  const { centre, radii, rows, columns, uv } = blob;
  for (let row = 0; row <= rows; row++) {
    const polar = Math.PI * (0.08 + (0.84 * row) / rows);
    for (let column = 0; column <= columns; column++) {
      const azimuth = 2 * Math.PI * (column / columns - 0.5);
      positions.push(
        centre[0] + radii[0] * Math.sin(polar) * Math.sin(azimuth),
        centre[1] + radii[1] * Math.cos(polar),
        centre[2] + radii[2] * Math.sin(polar) * Math.cos(azimuth),
      );
      uvs.push(uv[0] + (uv[2] * column) / columns, uv[1] + (uv[2] * row) / rows);
    }
  }
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const a = first + row * (columns + 1) + column;
      const b = a + columns + 1;
      triangles.push(a, b, b + 1, a, b + 1, a + 1);
    }
  }
}

const BLOBS: Blob[] = [
  { centre: [0, -20, -60], radii: [75, 110, 95], rows: 48, columns: 64, uv: [0, 0, 0.8] },
  { centre: [32, 0, 20], radii: [13, 13, 13], rows: 8, columns: 12, uv: [0.81, 0, 0.18] },
  { centre: [-32, 0, 20], radii: [13, 13, 13], rows: 8, columns: 12, uv: [0.81, 0.2, 0.18] },
  { centre: [0, -55, 20], radii: [25, 5, 15], rows: 4, columns: 12, uv: [0.81, 0.4, 0.18] },
  { centre: [0, -66, 20], radii: [25, 5, 15], rows: 4, columns: 12, uv: [0.81, 0.6, 0.18] },
  { centre: [0, -60, 10], radii: [15, 5, 20], rows: 4, columns: 12, uv: [0.81, 0.8, 0.18] },
];

const EXPRESSION_NAMES = ['jawOpen', 'browInnerUp', 'mouthSmileLeft', 'tongueOut', 'eyeBlinkLeft'];

/** Smooth bumps, each in its own place; `eyeBlinkLeft` is left empty, as a shape may be for a part. */
function expressionHalfs(positions: number[]): Uint16Array {
  const count = positions.length;
  const halfs = new Uint16Array(EXPRESSION_NAMES.length * count);
  for (let k = 0; k < EXPRESSION_NAMES.length - 1; k++) {
    for (let i = 0; i < count; i += 3) {
      const y = (positions[i + 1] as number) + 70 - 40 * k;
      const bump = Math.exp(-(y * y) / 400);
      halfs[k * count + i + 1] = toHalf(-6 * bump);
      halfs[k * count + i + 2] = toHalf(2 * bump);
    }
  }
  return halfs;
}

function normalsOf(positions: Float32Array, triangles: Uint32Array): Float32Array {
  const normals = new Float32Array(positions.length);
  const point = (i: number) => [...positions.subarray(3 * i, 3 * i + 3)] as [number, number, number];
  for (let t = 0; t < triangles.length; t += 3) {
    const corners = [...triangles.subarray(t, t + 3)];
    const [a, b, c] = corners.map(point) as unknown as [number[], number[], number[]];
    const u = b.map((value, k) => value - (a[k] as number)) as [number, number, number];
    const w = c.map((value, k) => value - (a[k] as number)) as [number, number, number];
    const n = [u[1] * w[2] - u[2] * w[1], u[2] * w[0] - u[0] * w[2], u[0] * w[1] - u[1] * w[0]] as const;
    for (const corner of corners)
      for (let k = 0; k < 3; k++) normals[3 * corner + k] = normals[3 * corner + k]! + n[k]!;
  }
  for (let i = 0; i < normals.length; i += 3) {
    const length = Math.hypot(normals[i]!, normals[i + 1]!, normals[i + 2]!);
    for (let k = 0; k < 3; k++) normals[i + k] = normals[i + k]! / length;
  }
  return normals;
}

/** A head of six ellipsoids with all the parts, expressions and maps a real one has: for what reads results. */
export function syntheticHead(): Reconstruction {
  const positionList: number[] = [];
  const uvList: number[] = [];
  const triangleList: number[] = [];
  const parts: Part[] = BLOBS.map((blob, i) => {
    const firstTriangle = triangleList.length / 3;
    addBlob(blob, positionList, uvList, triangleList);
    return { name: PART_NAMES[i]!, firstTriangle, triangleCount: triangleList.length / 3 - firstTriangle };
  });
  const mean = Float32Array.from(positionList);
  const uvs = Float32Array.from(uvList);
  const triangles = Uint32Array.from(triangleList);
  const vertexCount = mean.length / 3;
  const halfs = expressionHalfs(positionList);
  const few = EXPRESSION_NAMES.length;
  const landmarks = { count: 0, vertices: new Uint32Array(), weights: new Float32Array(), sigmaMm: new Float32Array() };
  const model: MorphableModel = {
    name: 'six ellipsoids',
    vertexCount,
    triangleCount: triangles.length / 3,
    mean,
    identity: { count: 0, halfs: new Uint16Array() },
    expression: {
      count: few,
      halfs,
      names: EXPRESSION_NAMES,
      mean: new Float32Array(few),
      sigma: new Float32Array(few).fill(1),
      min: new Float32Array(few),
      max: new Float32Array(few).fill(1),
    },
    albedo: { count: 0, halfs: new Uint16Array(), mean: new Float32Array(mean.length).fill(0.6) },
    triangles,
    uvs,
    parts,
    dense: { ...landmarks, dynamic: new Uint8Array() },
    ibug68: { ...landmarks, dynamic: new Uint8Array() },
    // Face in front, scalp behind.
    regions: Uint8Array.from({ length: vertexCount }, (_, i) =>
      REGION_NAMES.indexOf(mean[3 * i + 2]! > -60 ? 'cheeks' : 'scalp'),
    ),
    mirror: new Uint32Array(vertexCount),
    deformable: new Float32Array(vertexCount),
  };

  const size = 512;
  const photo = new Uint8Array(size * size * 3);
  for (let i = 0; i < size * size; i++) photo.set([40 + (i % size) / 8, 60, 90 + Math.floor(i / size) / 8], 3 * i);
  const texture = new Uint8Array(256 * 256 * 3);
  for (let i = 0; i < 256 * 256; i++) texture.set([200 - (i % 256) / 4, 140 + (i >> 12), 120], 3 * i);

  const positions = Float32Array.from(mean, (value, i) => {
    const z = i % 3 === 2 ? 1.5 * Math.sin((mean[i - 1] as number) / 9) : 0; // stands for a deformation map
    return value + z - (i % 3 === 1 ? 0.4 * 6 * Math.exp(-((value + 70) ** 2) / 400) : 0);
  });
  const focal = 900;
  const distance = 700;
  return new Reconstruction({
    mesh: {
      positions,
      normals: normalsOf(positions, triangles),
      uvs,
      indices: triangles,
      parts: parts.map(({ name, firstTriangle, triangleCount }) => ({
        name,
        firstIndex: 3 * firstTriangle,
        indexCount: 3 * triangleCount,
      })),
    },
    coefficients: {
      identity: Float32Array.of(0.5, -1.25),
      expression: { jawOpen: 0.4, browInnerUp: 0, mouthSmileLeft: 0.25, tongueOut: 0, eyeBlinkLeft: 0 } as Expressions,
      fittedExpression: Float32Array.of(0.4, 0, 0.25, 0, 0),
      albedo: Float32Array.of(0.1),
      lighting: Float32Array.from({ length: 27 }, (_, i) => (i % 9 === 0 ? 0.8 : 0)),
    },
    pose: { rotation: [1, 0, 0, 0, -1, 0, 0, 0, -1], translation: [0, 0, distance] },
    camera: {
      projection: [focal, 0, -256, 256 * distance, 0, -focal, -256, 256 * distance, 0, 0, -1, distance],
      focalLengthPx: focal,
      principalPointPx: [256, 256],
      focalLengthSource: 'estimated',
    },
    landmarks: { positions: new Float32Array(68 * 3).fill(1), pixels: new Float32Array(68 * 2).fill(200.5) },
    levels: { coarse: mean, medium: positions },
    deformationMap: { data: new Float32Array(4 * 4 * 3), size: 4 },
    texture: { data: texture, width: 256, height: 256, channels: 3 },
    quality: { landmarkErrorPx: 1.5, landmarkErrorPercent: 0.9, photometricError: 0.02, refinement: 'full' },
    timingsMs: { detect: 20, refine: 400 },
    face: { index: 0, box: { x: 160, y: 170, width: 190, height: 200 }, score: 0.93, presence: 0.99 },
    warnings: [{ code: 'TURNED', message: 'the head is turned', details: { turnDegrees: 45 } }],
    scale: { source: 'iris', irisDiameterPx: 15 },
    device: 'cpu',
    inference: 'cpu',
    input: { data: photo, width: size, height: size, channels: 3 },
    model,
    models: [{ name: 'face-detector', sha256: 'ab'.repeat(32), licence: 'Apache-2.0' }],
  });
}

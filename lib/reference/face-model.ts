import { HrnError } from '../errors.js';
import { asFloats, type NdArray } from '../formats/nd-array.js';
import { fromOne, variable } from '../importers/bfm.js';

/** Sizes of the coefficient vector's parts, in its order: identity, expression, albedo, angles, light, translation. */
export const COEFFICIENTS = { identity: 80, expression: 64, albedo: 80, angles: 3, light: 27, translation: 3 } as const;
export const COEFFICIENT_COUNT = 257;
/** The reference's camera: looks down -z from this far, in decimetres; focal length and centre in pixels of 224. */
export const CAMERA_DISTANCE = 10;
export const FOCAL = 1015;
export const CENTRE = 112;
export const IMAGE_PX = 224;

/** A coefficient vector in its parts. */
export interface FaceCoefficients {
  identity: Float32Array;
  expression: Float32Array;
  albedo: Float32Array;
  /** Radians: about x, y, z. */
  angles: Float32Array;
  /** `[3][9]` */
  light: Float32Array;
  translation: Float32Array;
}

export function splitCoefficients(vector: Float32Array): FaceCoefficients {
  let at = 0;
  const take = (count: number) => {
    at += count;
    return vector.slice(at - count, at);
  };
  return {
    identity: take(COEFFICIENTS.identity),
    expression: take(COEFFICIENTS.expression),
    albedo: take(COEFFICIENTS.albedo),
    angles: take(COEFFICIENTS.angles),
    light: take(COEFFICIENTS.light),
    translation: take(COEFFICIENTS.translation),
  };
}

/** The front part of BFM as the reference computes with it: decimetres, y up, z towards the camera. */
export interface FaceModel {
  vertexCount: number;
  triangleCount: number;
  /** `[3 V]`, its middle at the origin. */
  mean: Float32Array;
  /** `[3 V][80]` and `[3 V][64]`. */
  identityBase: Float32Array;
  expressionBase: Float32Array;
  /** `[3 V]` and `[3 V][80]`, 0..255. */
  meanColour: Float32Array;
  colourBase: Float32Array;
  /** `[T][3]` */
  triangles: Uint32Array;
  /** `[V][8]`: triangles at each vertex; the number of triangles where there are fewer. */
  around: Uint32Array;
  /** `[68]` */
  keypoints: Uint32Array;
}

/** @throws HrnError MODEL_FORMAT */
export function faceModelOf(variables: ReadonlyMap<string, NdArray>): FaceModel {
  const original = asFloats(variable(variables, 'meanshape', undefined));
  const rows = original.length;
  const vertexCount = rows / 3;
  const basis = (name: string, columns: number) => {
    const data = asFloats(variable(variables, name, rows));
    if (data.length === rows * columns) return data;
    throw new HrnError('MODEL_FORMAT', `${name} has ${data.length / rows} components, expected ${columns}`);
  };
  const middle = [0, 1, 2].map((k) => {
    let sum = 0;
    for (let i = k; i < rows; i += 3) sum += original[i]!;
    return sum / vertexCount;
  });
  const triangles = fromOne(variable(variables, 'tri', undefined), vertexCount);
  const triangleCount = triangles.length / 3;
  const around = Uint32Array.from(variable(variables, 'point_buf', undefined).data, (t) => t - 1);
  if (around.length !== 8 * vertexCount || around.some((t) => t > triangleCount)) {
    throw new HrnError('MODEL_FORMAT', `point_buf does not name eight triangles for each of ${vertexCount} vertices`);
  }
  return {
    vertexCount,
    triangleCount,
    mean: original.map((x, i) => x - middle[i % 3]!),
    identityBase: basis('idBase', COEFFICIENTS.identity),
    expressionBase: basis('exBase', COEFFICIENTS.expression),
    meanColour: asFloats(variable(variables, 'meantex', rows)),
    colourBase: basis('texBase', COEFFICIENTS.albedo),
    triangles,
    around,
    keypoints: fromOne(variable(variables, 'keypoints', undefined), vertexCount),
  };
}

/** `base + matrix coefficients`; `matrix` is `[base.length][coefficients.length]`. */
export function combined(base: Float32Array, matrix: Float32Array, coefficients: Float32Array): Float32Array {
  const out = base.slice();
  const n = coefficients.length;
  for (let i = 0; i < out.length; i++) {
    let sum = out[i]!;
    for (let k = 0; k < n; k++) sum += matrix[i * n + k]! * coefficients[k]!;
    out[i] = sum;
  }
  return out;
}

/** `[3 V]` */
export function shapeOf(model: FaceModel, { identity, expression }: FaceCoefficients): Float32Array {
  return combined(combined(model.mean, model.identityBase, identity), model.expressionBase, expression);
}

/** `[3 V]`, 0..1. */
export function albedoOf(model: FaceModel, { albedo }: FaceCoefficients): Float32Array {
  return combined(model.meanColour, model.colourBase, albedo).map((x) => x / 255);
}

/** `[3 V]`: of each vertex the mean direction of the unit normals of its triangles. */
export function normalsOf(
  { vertexCount, triangleCount, triangles, around }: FaceModel,
  shape: Float32Array,
): Float32Array {
  // One more than there are: zero, for vertices with fewer than eight triangles.
  const faces = new Float32Array(3 * (triangleCount + 1));
  for (let t = 0; t < triangleCount; t++) {
    const [a, b, c] = [3 * triangles[3 * t]!, 3 * triangles[3 * t + 1]!, 3 * triangles[3 * t + 2]!];
    const ux = shape[a]! - shape[b]!;
    const uy = shape[a + 1]! - shape[b + 1]!;
    const uz = shape[a + 2]! - shape[b + 2]!;
    const vx = shape[b]! - shape[c]!;
    const vy = shape[b + 1]! - shape[c + 1]!;
    const vz = shape[b + 2]! - shape[c + 2]!;
    unit(faces, 3 * t, uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx);
  }
  const normals = new Float32Array(3 * vertexCount);
  for (let v = 0; v < vertexCount; v++) {
    let [x, y, z] = [0, 0, 0];
    for (let i = 0; i < 8; i++) {
      const t = 3 * around[8 * v + i]!;
      x += faces[t]!;
      y += faces[t + 1]!;
      z += faces[t + 2]!;
    }
    unit(normals, 3 * v, x, y, z);
  }
  return normals;
}

function unit(out: Float32Array, at: number, x: number, y: number, z: number): void {
  const length = Math.max(Math.sqrt(x * x + y * y + z * z), 1e-12);
  out[at] = x / length;
  out[at + 1] = y / length;
  out[at + 2] = z / length;
}

/** Row-major; points are rows: `p R`. */
export function rotationOf([x, y, z]: ArrayLike<number> & Iterable<number>): Float64Array {
  const [cx, sx, cy, sy, cz, sz] = [x!, y!, z!].flatMap((a) => [Math.cos(a), Math.sin(a)]) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  // The transpose of Rz Ry Rx.
  return Float64Array.of(
    cz * cy,
    sz * cy,
    -sy,
    cz * sy * sx - sz * cx,
    sz * sy * sx + cz * cx,
    cy * sx,
    cz * sy * cx + sz * sx,
    sz * sy * cx - cz * sx,
    cy * cx,
  );
}

/** Rows turned, and shifted. */
export function turned(rows: Float32Array, r: Float64Array, shift: ArrayLike<number> = [0, 0, 0]): Float32Array {
  const out = new Float32Array(rows.length);
  for (let i = 0; i < rows.length; i += 3) {
    const [x, y, z] = [rows[i]!, rows[i + 1]!, rows[i + 2]!];
    for (let k = 0; k < 3; k++) out[i + k] = x * r[k]! + y * r[3 + k]! + z * r[6 + k]! + shift[k]!;
  }
  return out;
}

/** z becomes the distance from the camera. */
export function toCamera(points: Float32Array): Float32Array {
  return points.map((value, i) => (i % 3 === 2 ? CAMERA_DISTANCE - value : value));
}

/** `[n][2]`, pixels of 224, y up. */
export function projected(camera: Float32Array): Float32Array {
  const out = new Float32Array((camera.length / 3) * 2);
  for (let i = 0; i < out.length / 2; i++) {
    const z = camera[3 * i + 2]!;
    out[2 * i] = (FOCAL * camera[3 * i]!) / z + CENTRE;
    out[2 * i + 1] = (FOCAL * camera[3 * i + 1]!) / z + CENTRE;
  }
  return out;
}

const A = [Math.PI, (2 * Math.PI) / Math.sqrt(3), (2 * Math.PI) / Math.sqrt(8)] as const;
const C = [
  1 / Math.sqrt(4 * Math.PI),
  Math.sqrt(3) / Math.sqrt(4 * Math.PI),
  (3 * Math.sqrt(5)) / Math.sqrt(12 * Math.PI),
] as const;
/** What is added to the first coefficient of every channel. */
export const AMBIENT = 0.8;

/** Colours under light by spherical harmonics: `[n][3]` of albedo and unit normals `[n][3]`. */
export function shaded(albedo: Float32Array, normals: Float32Array, light: Float32Array): Float32Array {
  const out = new Float32Array(albedo.length);
  const [c0, c1, c2] = [A[0] * C[0], A[1] * C[1], A[2] * C[2]];
  for (let i = 0; i < albedo.length; i += 3) {
    const [x, y, z] = [normals[i]!, normals[i + 1]!, normals[i + 2]!];
    const basis = [
      c0,
      -c1 * y,
      c1 * z,
      -c1 * x,
      c2 * x * y,
      -c2 * y * z,
      (0.5 * c2 * (3 * z * z - 1)) / Math.sqrt(3),
      -c2 * x * z,
      0.5 * c2 * (x * x - y * y),
    ];
    for (let channel = 0; channel < 3; channel++) {
      let sum = AMBIENT * c0;
      for (let k = 0; k < 9; k++) sum += light[9 * channel + k]! * basis[k]!;
      out[i + channel] = sum * albedo[i + channel]!;
    }
  }
  return out;
}

/** Adds a map's values at the vertices' texture coordinates (origin bottom left), `[h][w][3]`. */
export function withOffsets(shape: Float32Array, map: Float32Array, size: number, uvs: Float32Array): Float32Array {
  const out = shape.slice();
  const clamp = (i: number) => Math.min(size - 1, Math.max(0, i));
  for (let v = 0; v < shape.length / 3; v++) {
    const [x, y] = [uvs[2 * v]! * size, uvs[2 * v + 1]! * size];
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const [fx, fy] = [x - column, y - row];
    const [upper, lower] = [clamp(size - 1 - row), clamp(size - row)];
    const [left, right] = [clamp(column), clamp(column + 1)];
    for (let k = 0; k < 3; k++) {
      const at = (r: number, c: number) => map[3 * (r * size + c) + k]!;
      out[3 * v + k]! +=
        at(upper, left) * (1 - fx) * fy +
        at(lower, left) * (1 - fx) * (1 - fy) +
        at(upper, right) * fx * fy +
        at(lower, right) * fx * (1 - fy);
    }
  }
  return out;
}

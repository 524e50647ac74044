import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { decodeHalfs } from '../half-float.js';
import type { ReconstructionData } from '../result.js';

/** One expression as an animator uses it: `offsets` is what weight 1 adds to the neutral head. */
export interface BlendShape {
  name: string;
  /** The weight that the photo shows. */
  weight: number;
  /** `[vertices][3]`, mm. */
  positionOffsets: Float32Array;
  /** `[vertices][3]`, the change of the unit normal. */
  normalOffsets: Float32Array;
}

export interface BlendShapeHead {
  /** `[vertices][3]`, mm: the person with a neutral face, deformation map included. */
  positions: Float32Array;
  /** `[vertices][3]`, unit length. */
  normals: Float32Array;
  shapes: BlendShape[];
}

/** Offsets below a micrometre are rounding noise of the half-float basis; as zeros they cost no space in the file. */
const LEAST_OFFSET_MM = 1e-3;
/** A quarter of a degree: below what shading shows. */
const LEAST_NORMAL_OFFSET = 0.004;

/** Length of the vector that begins at `i`; Math.hypot takes ten times as long. */
function lengthAt(vectors: Float32Array, i: number): number {
  const [x, y, z] = [vectors[i] as number, vectors[i + 1] as number, vectors[i + 2] as number];
  return Math.sqrt(x * x + y * y + z * z);
}

/** Area-weighted vertex normals, unit length; (0, 0, 1) where the triangles around a vertex have no area. */
export function vertexNormals(positions: Float32Array, indices: Uint32Array): Float32Array {
  const normals = new Float32Array(positions.length);
  const p = positions as unknown as number[];
  const n = normals as unknown as number[];
  for (let t = 0; t < indices.length; t += 3) {
    const a = 3 * (indices[t] as number);
    const b = 3 * (indices[t + 1] as number);
    const c = 3 * (indices[t + 2] as number);
    const abx = p[b]! - p[a]!;
    const aby = p[b + 1]! - p[a + 1]!;
    const abz = p[b + 2]! - p[a + 2]!;
    const acx = p[c]! - p[a]!;
    const acy = p[c + 1]! - p[a + 1]!;
    const acz = p[c + 2]! - p[a + 2]!;
    const x = aby * acz - abz * acy;
    const y = abz * acx - abx * acz;
    const z = abx * acy - aby * acx;
    for (const corner of [a, b, c]) {
      n[corner]! += x;
      n[corner + 1]! += y;
      n[corner + 2]! += z;
    }
  }
  return normalise(normals);
}

/** Scales every vector to unit length in place; (0, 0, 1) for those without a direction. */
export function normalise(vectors: Float32Array): Float32Array {
  for (let i = 0; i < vectors.length; i += 3) {
    const length = lengthAt(vectors, i);
    if (length > 1e-12 && Number.isFinite(length)) {
      for (let k = 0; k < 3; k++) vectors[i + k] = (vectors[i + k] as number) / length;
    } else {
      vectors.set([0, 0, 1], i);
    }
  }
  return vectors;
}

/** Sets vectors shorter than `least` to zero, in place. */
function dropSmall(vectors: Float32Array, least: number): Float32Array {
  for (let i = 0; i < vectors.length; i += 3) {
    if (lengthAt(vectors, i) < least) vectors.fill(0, i, i + 3);
  }
  return vectors;
}

/**
 * Takes the fitted expression out of the mesh, so that `positions + sum(weight * positionOffsets)` is `mesh.positions`
 * again while every blend shape starts from a neutral face, as animators expect. Exact, because expressions and the
 * deformation map both add linearly to the head.
 */
export async function toBlendShapes(result: ReconstructionData): Promise<BlendShapeHead> {
  const { mesh, model, coefficients } = result;
  const { names, halfs } = model.expression;
  const perShape = 3 * model.vertexCount;

  const positions = Float64Array.from(mesh.positions);
  const shapes: BlendShape[] = names.map((name, k) => {
    const weight = coefficients.expression[name] ?? 0;
    const positionOffsets = dropSmall(decodeHalfs(halfs, k * perShape, (k + 1) * perShape), LEAST_OFFSET_MM);
    if (weight !== 0) {
      for (let i = 0; i < perShape; i++)
        positions[i] = (positions[i] as number) - weight * (positionOffsets[i] as number);
    }
    return { name, weight, positionOffsets, normalOffsets: new Float32Array(0) };
  });

  const neutral = Float32Array.from(positions);
  const normals = vertexNormals(neutral, mesh.indices);
  const moved = new Float32Array(perShape);
  for (const shape of shapes) {
    for (let i = 0; i < perShape; i++) moved[i] = (neutral[i] as number) + (shape.positionOffsets[i] as number);
    const offsets = vertexNormals(moved, mesh.indices);
    for (let i = 0; i < perShape; i++) offsets[i] = (offsets[i] as number) - (normals[i] as number);
    shape.normalOffsets = dropSmall(offsets, LEAST_NORMAL_OFFSET);
    await yieldToEventLoop();
  }
  return { positions: neutral, normals, shapes };
}

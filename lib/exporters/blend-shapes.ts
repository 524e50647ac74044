import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { decodeHalfs } from '../half-float.js';
import type { ReconstructionData } from '../result-data.js';
import { lengthAt, VertexNormals } from './vertex-normals.js';

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

/** Sets vectors shorter than `least` to zero, in place. */
function dropSmall(vectors: Float32Array, least: number): Float32Array {
  for (let i = 0; i < vectors.length; i += 3) {
    if (lengthAt(vectors, i) < least) vectors[i] = vectors[i + 1] = vectors[i + 2] = 0;
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

  const precise = Float64Array.from(mesh.positions);
  const decoded = names.map((name, k) => {
    const weight = coefficients.expression[name] ?? 0;
    const positionOffsets = dropSmall(decodeHalfs(halfs, k * perShape, (k + 1) * perShape), LEAST_OFFSET_MM);
    if (weight !== 0) {
      for (let i = 0; i < perShape; i++) precise[i] = (precise[i] as number) - weight * (positionOffsets[i] as number);
    }
    return { name, weight, positionOffsets };
  });

  const positions = new Float32Array(precise);
  const neutral = new VertexNormals(positions, mesh.indices);
  const shapes: BlendShape[] = [];
  for (const shape of decoded) {
    const normalOffsets = dropSmall(neutral.change(shape.positionOffsets), LEAST_NORMAL_OFFSET);
    shapes.push({ ...shape, normalOffsets });
    await yieldToEventLoop();
  }
  return { positions, normals: neutral.normals, shapes };
}

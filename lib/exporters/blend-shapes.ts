import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { closingBlink, hasLids, type Side } from '../blink.js';
import type { ExpressionName } from '../expression-names.js';
import { decodeHalfs } from '../half-float.js';
import { ownOffsets } from '../own-expressions.js';
import type { GlbHead } from './glb-head.js';
import { lengthAt, VertexNormals } from './vertex-normals.js';

/** Vectors of which most are zero: those that are not. */
export interface SparseVectors {
  /** Ascending. */
  vertices: Uint32Array;
  /** `[vertices.length][3]` */
  values: Float32Array;
}

/** One expression as an animator uses it: `offsets` is what weight 1 adds to the base head. */
export interface BlendShape {
  name: string;
  /** The weight that the photo shows. */
  weight: number;
  /** mm. */
  positionOffsets: SparseVectors;
  /** The change of the unit normal. */
  normalOffsets: SparseVectors;
}

export interface BlendShapeHead {
  /** `[vertices][3]`, mm: the person without the expressions that are shapes, deformation map included. */
  positions: Float32Array;
  /** `[vertices][3]`, unit length. */
  normals: Float32Array;
  shapes: BlendShape[];
}

const BLINKS: Readonly<Record<string, Side>> = { eyeBlinkLeft: 'Left', eyeBlinkRight: 'Right' };
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

/** The vectors that are not zero. */
function sparse(vectors: Float32Array): SparseVectors {
  const vertices = new Uint32Array(vectors.length / 3);
  const values = new Float32Array(vectors.length);
  let count = 0;
  for (let i = 0; i < vectors.length; i += 3) {
    const x = vectors[i] as number;
    const y = vectors[i + 1] as number;
    const z = vectors[i + 2] as number;
    if (x === 0 && y === 0 && z === 0) continue;
    values[3 * count] = x;
    values[3 * count + 1] = y;
    values[3 * count + 2] = z;
    vertices[count++] = i / 3;
  }
  return { vertices: vertices.slice(0, count), values: values.slice(0, 3 * count) };
}

/**
 * Takes the fitted weights of the chosen expressions out of the mesh, made as this person wears them (own-expressions.ts) and
 * blinks to close this head's lids, so that `positions + sum(weight * positionOffsets)` is `mesh.positions` again; with all
 * of them chosen, shapes start from a neutral face, as animators expect. Exact, because expressions and the deformation map
 * both add linearly to the head.
 *
 * @param chosen indices of expressions of the model, in the order of the shapes
 * @param folds what weight 1 of an expression adds besides, by its name, `[vertices][3]`: not part of `mesh.positions`
 */
export async function toBlendShapes(
  result: Pick<GlbHead, 'mesh' | 'model' | 'coefficients'>,
  chosen: readonly number[],
  folds?: ReadonlyMap<string, Float32Array>,
): Promise<BlendShapeHead> {
  const { mesh, model, coefficients } = result;
  const { names, halfs } = model.expression;
  const perShape = 3 * model.vertexCount;

  const own = ownOffsets(model, coefficients.expression, coefficients.fittedExpression);
  const precise = Float64Array.from(mesh.positions);
  const decoded: { name: string; weight: number; offsets: Float32Array }[] = [];
  for (const [i, k] of chosen.entries()) {
    if (i % 8 === 7) await yieldToEventLoop();
    const name = names[k] as ExpressionName;
    const weight = coefficients.expression[name] ?? 0;
    const offsets = decodeHalfs(halfs, k * perShape, (k + 1) * perShape);
    const more = own.get(name);
    if (more) for (let i = 0; i < perShape; i++) offsets[i]! += more[i]!;
    dropSmall(offsets, LEAST_OFFSET_MM);
    if (weight !== 0) {
      for (let i = 0; i < perShape; i++) precise[i] = (precise[i] as number) - weight * (offsets[i] as number);
    }
    decoded.push({ name, weight, offsets });
  }

  for (const shape of decoded) {
    const side = BLINKS[shape.name];
    if (side === undefined || !hasLids(model)) continue;
    const generic = shape.offsets;
    shape.offsets = dropSmall(closingBlink(model, precise, generic, side), LEAST_OFFSET_MM);
    if (shape.weight === 0) continue;
    for (let i = 0; i < perShape; i++) precise[i]! += shape.weight * (generic[i]! - shape.offsets[i]!);
  }

  const positions = new Float32Array(precise);
  await yieldToEventLoop();
  const base = new VertexNormals(positions, mesh.indices);
  for (const { name, offsets } of decoded) {
    const added = folds?.get(name);
    if (added) for (let i = 0; i < perShape; i++) offsets[i]! += added[i]!;
  }
  const shapes: BlendShape[] = [];
  for (const { name, weight, offsets } of decoded) {
    const normalOffsets = sparse(dropSmall(base.change(offsets), LEAST_NORMAL_OFFSET));
    shapes.push({ name, weight, positionOffsets: sparse(offsets), normalOffsets });
    await yieldToEventLoop();
  }
  return { positions, normals: base.normals, shapes };
}

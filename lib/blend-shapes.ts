/** The expressions of a head as an animator uses them. */
import { closingBlink, hasLids, type Side } from './blink.js';
import type { GlbHead } from './exporters/glb-head.js';
import { lengthAt } from './exporters/vertex-normals.js';
import type { ExpressionName } from './expression-names.js';
import { decodeHalfs } from './half-float.js';
import { runJob } from './native/job.js';
import { native } from './native/load.js';
import type { NativeSparseVectors } from './native/rig.js';
import { ownOffsets } from './own-expressions.js';

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

/** Sets vectors shorter than LEAST_OFFSET_MM to zero, in place. */
function dropSmall(vectors: Float32Array): Float32Array {
  for (let i = 0; i < vectors.length; i += 3) {
    if (lengthAt(vectors, i) < LEAST_OFFSET_MM) vectors[i] = vectors[i + 1] = vectors[i + 2] = 0;
  }
  return vectors;
}

// Loops of their own: within a long function they are compiled late.

function add(sums: Float32Array, values: Float32Array): void {
  for (let i = 0; i < sums.length; i++) sums[i]! += values[i]!;
}

function addWeighted(sums: Float64Array, weight: number, values: Float32Array): void {
  for (let i = 0; i < sums.length; i++) sums[i]! += weight * values[i]!;
}

function setOf({ ends, vertices, values }: NativeSparseVectors, k: number): SparseVectors {
  const [from, to] = [k === 0 ? 0 : ends[k - 1]!, ends[k]!];
  return { vertices: vertices.subarray(from, to), values: values.subarray(3 * from, 3 * to) };
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
  const precise = new Float64Array(mesh.positions);
  const shapes = chosen.map((k) => {
    const name = names[k] as ExpressionName;
    const stored = halfs.subarray(k * perShape, (k + 1) * perShape);
    return { name, weight: coefficients.expression[name] ?? 0, stored, offsets: undefined as Float32Array | undefined };
  });
  // The others are no other than the model's.
  const changed = shapes.filter(({ name, weight }) => weight !== 0 || name in BLINKS || folds?.has(name));
  for (const shape of changed) {
    const offsets = decodeHalfs(shape.stored);
    const more = own.get(shape.name);
    if (more) add(offsets, more);
    dropSmall(offsets);
    const { weight } = shape;
    if (weight !== 0) addWeighted(precise, -weight, offsets);
    shape.offsets = offsets;
  }

  for (const shape of changed) {
    const side = BLINKS[shape.name];
    if (side === undefined || !hasLids(model)) continue;
    const generic = shape.offsets!;
    const closing = dropSmall(closingBlink(model, precise, generic, side));
    shape.offsets = closing;
    if (shape.weight === 0) continue;
    for (let i = 0; i < perShape; i++) precise[i]! += shape.weight * (generic[i]! - closing[i]!);
  }

  for (const { name, offsets } of changed) {
    const added = folds?.get(name);
    if (added) add(offsets!, added);
  }
  const positions = new Float32Array(precise);
  const { normals, positionOffsets, normalOffsets } = await runJob(() =>
    native().blendShapes({
      positions,
      indices: mesh.indices,
      shapes: shapes.map(({ stored, offsets }) => offsets ?? stored),
      leastMm: LEAST_OFFSET_MM,
      leastNormal: LEAST_NORMAL_OFFSET,
    }),
  );
  return {
    positions,
    normals,
    shapes: shapes.map(({ name, weight }, k) => ({
      name,
      weight,
      positionOffsets: setOf(positionOffsets, k),
      normalOffsets: setOf(normalOffsets, k),
    })),
  };
}

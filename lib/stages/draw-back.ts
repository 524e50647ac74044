/** A refined shape is believed as far as its photo settles it. */
import type { MorphableModel } from '../morphable-model.js';
import type { DeformationMap } from '../result-data.js';

/** A head's shape, whose parts add up: the same mix of all of them is the mix of two heads. */
export interface HeadShape {
  identity: Float64Array;
  expression: Float64Array;
  /** `[vertices][3]`, mm. */
  positions: Float32Array;
  deformationMap?: DeformationMap;
}

/**
 * Mean evidence of the face from which on a refinement is believed whole. Below it the landmark fit keeps as much as is
 * lacking: what the two do not agree on is mostly noise there. Chosen on 28 portraits of ICT heads 21 to 34 (1.062 to 1.063 mm,
 * worse than coarse by more than a tenth 2 and none), 40 held-out ones (1.094 to 1.041, 13 and 7) and 12 of the model's own
 * heads (0.373 to 0.382).
 */
const WHOLE_EVIDENCE = 0.8;

/** Mean over the face of what a photo says of each vertex, 0..1. */
export function faceEvidence(deformable: Float32Array, evidence: Float32Array): number {
  let [sum, weight] = [0, 0];
  for (let v = 0; v < evidence.length; v++) {
    sum += deformable[v]! * evidence[v]!;
    weight += deformable[v]!;
  }
  return weight > 0 ? sum / weight : 0;
}

/**
 * The refined shape, drawn back to the landmark fit's by what the photo leaves open.
 *
 * @param evidence `[vertices]`, 0..1, of the refinement
 */
export function drawnBack(
  { deformable }: Pick<MorphableModel, 'deformable'>,
  evidence: Float32Array,
  refined: HeadShape,
  coarse: Omit<HeadShape, 'deformationMap'>,
): HeadShape {
  const share = Math.max(0, WHOLE_EVIDENCE - faceEvidence(deformable, evidence));
  const { deformationMap } = refined;
  return {
    identity: between(refined.identity.slice(), coarse.identity, share),
    expression: between(refined.expression.slice(), coarse.expression, share),
    positions: between(refined.positions.slice(), coarse.positions, share),
    ...(deformationMap && {
      deformationMap: { ...deformationMap, data: between(deformationMap.data.slice(), undefined, share) },
    }),
  };
}

/** Moves `values` towards others, or 0, in place: a plain loop, a tenth of the time that callbacks take. */
function between<T extends Float32Array | Float64Array>(values: T, others: T | undefined, share: number): T {
  for (let i = 0; i < values.length; i++) values[i]! += share * ((others ? others[i]! : 0) - values[i]!);
  return values;
}

/** The mouth of a fitted head: what lies behind the lips' edges, which are all that a fit moves as the photo shows it. */
import { lipEdge, openLining, upBy } from '../lip-lining.js';
import type { MorphableModel } from '../morphable-model.js';
import { partVertices } from '../part-vertices.js';
import type { RefinedHead } from './refine.js';

/** Half of the arch's front, and how far behind its foremost point that ends, mm. */
const INCISORS_MM = 8;
/** From the edge of an incisor to where its gum begins, mm. */
const CROWN_MM = 8.8;
/** So much of the gum that lips leave bare goes, mm: */
const MOST_BARE_MM = 5;
/** this share of it as teeth stand higher in the face, the rest as they are longer. */
const RAISED_SHARE = 0.6;
const INSIDE = ['upperTeeth', 'lowerTeeth', 'tongue'] as const;

/**
 * The lining goes along with the lips. Teeth, with tongue and gums, stand as high as a laugh shows them: lips that are
 * lifted higher than the model's teeth reach bare longer or higher teeth, as a rule, and not the gum.
 */
export function settleMouth(model: MorphableModel, refined: RefinedHead): RefinedHead {
  const up = upBy(model.identity, refined.identity, model.vertexCount);
  const known = new Map<number, number>();
  // Of both levels.
  const ofIdentity = (v: number): number => {
    const found = known.get(v) ?? up(v);
    known.set(v, found);
    return found;
  };
  const settled = (before: Float32Array): Float32Array => {
    const positions = before.slice();
    openLining(model, positions, (v) => before[3 * v + 1]! - model.mean[3 * v + 1]! - ofIdentity(v));
    const teeth = upperTeeth(model, before);
    if (teeth) {
      const bare = Math.min(MOST_BARE_MM, Math.max(0, teeth.lip - teeth.edge - CROWN_MM));
      const longer = ((1 - RAISED_SHARE) * bare) / CROWN_MM;
      for (const part of INSIDE) {
        for (const v of partVertices(model, part)) {
          const above = part === 'upperTeeth' ? before[3 * v + 1]! - teeth.edge : 0;
          positions[3 * v + 1]! += RAISED_SHARE * bare + longer * above;
        }
      }
    }
    return positions;
  };
  const coarsePositions = settled(refined.coarsePositions);
  const positions = refined.positions === refined.coarsePositions ? coarsePositions : settled(refined.positions);
  return { ...refined, positions, coarsePositions };
}

/** Heights of the upper lip's edge and of the incisors', mm; undefined where the model has no such thing. */
function upperTeeth(model: MorphableModel, positions: Float32Array): { lip: number; edge: number } | undefined {
  const lip = lipEdge(model, positions);
  const middle = partVertices(model, 'upperTeeth').filter((v) => Math.abs(model.mean[3 * v]!) < INCISORS_MM);
  if (lip === undefined || middle.length === 0) return undefined;
  const foremost = middle.reduce((most, v) => Math.max(most, positions[3 * v + 2]!), -Infinity);
  const front = middle.filter((v) => positions[3 * v + 2]! > foremost - INCISORS_MM);
  return { lip, edge: front.reduce((least, v) => Math.min(least, positions[3 * v + 1]!), Infinity) };
}

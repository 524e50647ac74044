import { type MorphableModel, REGION_NAMES } from '../morphable-model.js';

/** Rings of vertices by which the ears grow, to take in their hollows, which count as scalp. */
const EAR_RINGS = 5;
/** Passes of smoothing: about as many rings as the overlay takes to fade out. */
const SMOOTHING_PASSES = 8;

const EARS = REGION_NAMES.indexOf('ears');
const HIDDEN = new Set((['scalp', 'neck', 'other'] as const).map((name) => REGION_NAMES.indexOf(name)));

/** Each vertex gets the largest value in the triangles around it. */
function grow(weights: Float32Array, triangles: Uint32Array): Float32Array {
  const grown = weights.slice();
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [triangles[t] as number, triangles[t + 1] as number, triangles[t + 2] as number];
    const most = Math.max(weights[a] as number, weights[b] as number, weights[c] as number);
    grown[a] = Math.max(grown[a] as number, most);
    grown[b] = Math.max(grown[b] as number, most);
    grown[c] = Math.max(grown[c] as number, most);
  }
  return grown;
}

/** Each vertex gets the mean over the triangles around it. */
function smooth(weights: Float32Array, triangles: Uint32Array, trianglesAt: Float32Array): Float32Array {
  const sums = new Float32Array(weights.length);
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [triangles[t] as number, triangles[t + 1] as number, triangles[t + 2] as number];
    const mean = ((weights[a] as number) + (weights[b] as number) + (weights[c] as number)) / 3;
    sums[a] = (sums[a] as number) + mean;
    sums[b] = (sums[b] as number) + mean;
    sums[c] = (sums[c] as number) + mean;
  }
  return sums.map((sum, vertex) => sum / Math.max(1, trianglesAt[vertex] as number));
}

/**
 * How strongly each vertex shows in an overlay, 0..1: the face and the ears fully, fading out over scalp and neck, so
 * that hair and collar stay visible behind.
 */
export function overlayWeights({ regions, triangles }: MorphableModel): Float32Array {
  let ears: Float32Array = Float32Array.from(regions, (region) => (region === EARS ? 1 : 0));
  for (let ring = 0; ring < EAR_RINGS; ring++) ears = grow(ears, triangles);
  const trianglesAt = new Float32Array(regions.length);
  for (const vertex of triangles) trianglesAt[vertex] = (trianglesAt[vertex] as number) + 1;
  let weights: Float32Array = ears.map((ear, vertex) => (HIDDEN.has(regions[vertex] as number) ? ear : 1));
  for (let pass = 0; pass < SMOOTHING_PASSES; pass++) weights = smooth(weights, triangles, trianglesAt);
  return weights;
}

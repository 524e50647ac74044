/** Mean of the landmark network's errors, how they go with the identity, and the low-rank covariance of what is left. */
import { type HeadView, viewTerms } from '../../../lib/models/landmark-noise.js';
import { factorise, solve } from './cholesky.js';

export interface NoiseStatistics {
  /** `[BIAS_TERMS][points][2]`, mm: what the mean error of a head seen so is made of, see `viewTerms`. */
  bias: Float64Array[];
  /** `[modes][points][2]`, mm; each is one standard deviation of an independent error. */
  modes: Float64Array[];
  /** How the errors go with the identity: see `LandmarkResponse`; `[rank][points][2]`, unit length. */
  patterns: Float64Array[];
  /** `[2][rank]` of `[identity]`: constant, and per sine of the turn, mm. */
  gains: Float64Array[][];
  /** `[points]`, mm: what the modes leave, root mean square over the two axes. */
  sigma: Float64Array;
}

export interface NoiseSample {
  /** `[points][2]`, mm in the head frame's x and y. */
  error: Float64Array;
  view: HeadView;
  identity: Float64Array;
}

/** What a mirror does: to points, and to identity coefficients (`[identity]` rows of `[identity]`). */
export interface Mirror {
  points: readonly number[];
  identity: readonly Float64Array[];
}

/** Coefficients per portrait are many: this much is added to the sum of the squares of each. */
const RIDGE = 100;

/**
 * The errors' statistics, mirror-symmetric: every sample also counts as its mirror image.
 *
 * @param mirror for every point, the one on the other side of the face
 * @param used 0 for points that are left out: their bias and modes are 0
 */
export function noiseStatistics(
  samples: readonly NoiseSample[],
  mirror: Mirror,
  used: Uint8Array,
  { modes: modeCount, rank }: { modes: number; rank: number },
): NoiseStatistics {
  const size = 2 * mirror.points.length;
  const rows = samples.flatMap(({ error }) => [error, mirrored(error, mirror.points)]);
  const views = samples.flatMap(({ view }) => [view, { turn: -view.turn, nod: view.nod }]);
  const terms = views.map(viewTerms);
  const bias = regress(rows, terms, size);
  const residuals = rows.map((row, r) =>
    row.map((x, i) => x - terms[r]!.reduce((sum, term, k) => sum + term * bias[k]![i]!, 0)),
  );
  const identities = samples.flatMap(({ identity }) => [
    identity,
    Float64Array.from(mirror.identity, (row) => dot(row, identity)),
  ]);
  const seen = (row: Float64Array): Float64Array => row.map((x, i) => (used[i >> 1] ? x : 0));
  const { patterns, gains } = respond(
    residuals.map(seen),
    identities,
    views.map(({ turn }) => turn),
    rank,
  );
  for (const [r, row] of residuals.entries()) {
    for (const [p, pattern] of patterns.entries()) {
      const amount = dot(gains[0]![p]!, identities[r]!) + views[r]!.turn * dot(gains[1]![p]!, identities[r]!);
      for (let i = 0; i < size; i++) row[i]! -= amount * pattern[i]!;
    }
  }
  const modes = principalModes(residuals.map(seen), modeCount);
  const sigma = new Float64Array(mirror.points.length);
  for (let p = 0; p < sigma.length; p++) {
    let variance = 0;
    for (const i of [2 * p, 2 * p + 1]) {
      for (const row of residuals) variance += row[i]! ** 2 / rows.length / 2;
      for (const mode of modes) variance -= mode[i]! ** 2 / 2;
    }
    sigma[p] = Math.sqrt(Math.max(0, variance));
    if (!used[p]) for (const term of bias) term.fill(0, 2 * p, 2 * p + 2);
  }
  return { bias, patterns, gains, modes, sigma };
}

/** Ridge regression of the rows on identities and on their products with the turn, cut to the patterns that matter most. */
function respond(
  rows: readonly Float64Array[],
  identities: readonly Float64Array[],
  turns: readonly number[],
  rank: number,
): Pick<NoiseStatistics, 'patterns' | 'gains'> {
  const count = identities[0]!.length;
  const size = rows[0]!.length;
  const gram = Array.from({ length: 2 * count }, (_, i) => new Float64Array(i + 1));
  const right = Array.from({ length: 2 * count }, () => new Float64Array(size));
  const terms = new Float64Array(2 * count);
  for (const [r, row] of rows.entries()) {
    terms.set(identities[r]!);
    for (let k = 0; k < count; k++) terms[count + k] = turns[r]! * terms[k]!;
    for (let i = 0; i < terms.length; i++) {
      for (let j = 0; j <= i; j++) gram[i]![j]! += terms[i]! * terms[j]!;
      for (let k = 0; k < size; k++) right[i]![k]! += terms[i]! * row[k]!;
    }
  }
  const spread = gram.map((line, i) => Math.sqrt(line[i]! / rows.length));
  for (const [i, line] of gram.entries()) line[i]! += RIDGE;
  factorise(gram);
  const slopes = solve(gram, right);
  const patterns = principalModes(
    slopes.map((slope, i) => slope.map((x) => spread[i]! * x)),
    rank,
  ).map((mode) => {
    const length = Math.sqrt(dot(mode, mode)) || 1;
    return mode.map((x) => x / length);
  });
  const gains = [0, 1].map((half) =>
    patterns.map((pattern) => Float64Array.from({ length: count }, (_, k) => dot(slopes[half * count + k]!, pattern))),
  );
  return { patterns, gains };
}

/** Least squares of every column of `rows` on the terms. */
function regress(rows: readonly Float64Array[], terms: readonly number[][], size: number): Float64Array[] {
  const count = terms[0]!.length;
  const gram = Array.from({ length: count }, (_, i) =>
    Float64Array.from({ length: i + 1 }, (_, j) => terms.reduce((sum, t) => sum + t[i]! * t[j]!, 0)),
  );
  factorise(gram);
  const right = Array.from({ length: count }, (_, i) => {
    const out = new Float64Array(size);
    for (const [r, row] of rows.entries()) for (let k = 0; k < size; k++) out[k]! += terms[r]![i]! * row[k]!;
    return out;
  });
  return solve(gram, right);
}

function mirrored(sample: Float64Array, mirror: readonly number[]): Float64Array {
  const out = new Float64Array(sample.length);
  for (const [p, other] of mirror.entries()) {
    out[2 * p] = -sample[2 * other]!;
    out[2 * p + 1] = sample[2 * other + 1]!;
  }
  return out;
}

const ITERATIONS = 40;

/** Leading eigenvectors of the rows' covariance, each times the square root of its eigenvalue: subspace iteration. */
function principalModes(rows: readonly Float64Array[], count: number): Float64Array[] {
  const size = rows[0]!.length;
  // More vectors than asked for make the wanted ones converge quickly. The start is arbitrary but fixed.
  let basis: Float64Array[] = Array.from({ length: Math.min(2 * count, rows.length, size) }, (_, k) =>
    Float64Array.from({ length: size }, (_, i) => Math.sin(1 + k * 12.9898 + i * 78.233)),
  );
  orthonormalise(basis);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    basis = covarianceTimes(rows, basis);
    orthonormalise(basis);
  }
  const images = covarianceTimes(rows, basis);
  return basis
    .map((vector, k) => ({ vector, variance: dot(vector, images[k]!) }))
    .sort((a, b) => b.variance - a.variance)
    .slice(0, count)
    .map(({ vector, variance }) => vector.map((x) => x * Math.sqrt(Math.max(0, variance))));
}

function covarianceTimes(rows: readonly Float64Array[], vectors: readonly Float64Array[]): Float64Array[] {
  return vectors.map((vector) => {
    const out = new Float64Array(vector.length);
    for (const row of rows) {
      const scale = dot(row, vector) / rows.length;
      for (let i = 0; i < out.length; i++) out[i]! += scale * row[i]!;
    }
    return out;
  });
}

/** Gram and Schmidt, in place, twice for accuracy. */
function orthonormalise(vectors: Float64Array[]): void {
  for (const [k, vector] of vectors.entries()) {
    for (let pass = 0; pass < 2; pass++) {
      for (const earlier of vectors.slice(0, k)) {
        const along = dot(vector, earlier);
        for (let i = 0; i < vector.length; i++) vector[i]! -= along * earlier[i]!;
      }
    }
    const length = Math.sqrt(dot(vector, vector)) || 1;
    for (let i = 0; i < vector.length; i++) vector[i]! /= length;
  }
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

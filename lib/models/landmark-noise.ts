import { HrnError } from '../errors.js';
import { decodeHalfs } from '../half-float.js';
import type { Kinship } from '../morphable-model.js';
import { native } from '../native/load.js';
import { parseSafetensors, type Safetensors } from './safetensors.js';

/**
 * How the landmark network errs, measured on synthetic portraits with known truth (models/build/landmark-noise): where
 * it puts its points relative to the model's surface points, in mm along the head frame's x and y. An error is
 * `bias(view) + response(turn) identity + sum_k c_k modes_k + independent`, with c_k of N(0, 1): the network puts its points
 * where they are on usual faces, so an unusual one (a long nose) is seen as less unusual than it is. All but the independent
 * part is zero for points that follow the silhouette.
 */
export interface LandmarkNoise {
  /** `[BIAS_TERMS][points][2]`: what the mean error is made of, see `landmarkBias`. */
  biasTermsMm: Float32Array;
  /** `[points]`, deviation of the independent part, per axis. */
  sigmaMm: Float32Array;
  modeCount: number;
  /** `[modeCount][points][2]` */
  modesMm: Float32Array;
  response: LandmarkResponse;
}

/** How the errors go with the identity: `sum_r (constant + sine of the turn * turned)[r] . identity * patterns[r]`. */
export interface LandmarkResponse {
  rank: number;
  identityCount: number;
  /** `[rank][points][2]`, mm. */
  patternsMm: Float32Array;
  /** `[2][rank][identityCount]`: constant, and per sine of the turn. */
  gains: Float32Array;
}

/**
 * Reads models/landmark-noise.safetensors.
 *
 * @param points number of dense landmarks of the model it belongs to
 * @throws HrnError MODEL_CORRUPT
 */
export function parseLandmarkNoise(bytes: Uint8Array, points: number): LandmarkNoise {
  const file = parseSafetensors(bytes);
  const modeCount = file.shape('modes')[0] ?? 0;
  const noise = {
    biasTermsMm: decodeHalfs(file.tensor('biasMm', 'F16', [BIAS_TERMS, points, 2])),
    sigmaMm: file.tensor('sigmaMm', 'F32', [points]),
    modeCount,
    modesMm: patterns(file, 'modes', modeCount, points),
    response: parseResponse(file, points),
  };
  const usable =
    noise.sigmaMm.every((s) => s > 0 && s < 100) &&
    [noise.biasTermsMm, noise.modesMm, noise.response.gains].every((values) => values.every(Number.isFinite));
  if (!usable) {
    throw new HrnError(
      'MODEL_CORRUPT',
      'landmark-noise.safetensors holds values that are no lengths; reinstall hrn-face',
    );
  }
  return noise;
}

function parseResponse(file: Safetensors, points: number): LandmarkResponse {
  const [, rank = 0, identityCount = 0] = file.shape('responseGains');
  return {
    rank,
    identityCount,
    patternsMm: patterns(file, 'responsePatterns', rank, points),
    gains: decodeHalfs(file.tensor('responseGains', 'F16', [2, rank, identityCount])),
  };
}

/** Patterns are stored in this many steps from 0 to their largest value. */
export const PATTERN_STEPS = 127;

/** `[count][points][2]`, mm. */
function patterns(file: Safetensors, name: string, count: number, points: number): Float32Array {
  const steps = file.tensor(name, 'I8', [count, points, 2]);
  const largest = file.tensor(`${name}LargestMm`, 'F32', [count]);
  return Float32Array.from(steps, (step, i) => (step / PATTERN_STEPS) * largest[Math.floor(i / (2 * points))]!);
}

/** How a head is seen: sines of the angles between its axes and the line of sight. */
export interface HeadView {
  /** Of the turn, positive to the viewer's right. */
  turn: number;
  /** Of the nod, positive with the forehead nearer. */
  nod: number;
}

/** The largest that were measured, sines; beyond them the bias stays what it is there. */
const LARGEST = { turn: 0.85, nod: 0.55 } as const;

/** How many terms `viewTerms` has. */
export const BIAS_TERMS = 8;

/** What the mean error depends on: the network sees heads less turned and less bowed than they are, far ones most of all. */
export function viewTerms({ turn: t, nod: n }: HeadView): number[] {
  return [1, t, t * t, t * t * t, n, n * n, t * n, t * t * n];
}

/**
 * The mean error of a head that is seen so.
 *
 * @returns `[points][2]`, mm
 */
export function landmarkBias({ biasTermsMm }: LandmarkNoise, { turn, nod }: HeadView): Float64Array {
  const terms = viewTerms({ turn: within(turn, LARGEST.turn), nod: within(nod, LARGEST.nod) });
  const size = biasTermsMm.length / BIAS_TERMS;
  return Float64Array.from({ length: size }, (_, i) =>
    terms.reduce((sum, term, k) => sum + term * biasTermsMm[k * size + i]!, 0),
  );
}

function within(value: number, largest: number): number {
  return Math.min(largest, Math.max(-largest, value));
}

/** The largest turn at which the response to the identity was measured. */
const LARGEST_RESPONSE_SINE = 0.69;

/**
 * What the landmarks of a head that is turned go astray by, per unit of each identity coefficient.
 *
 * @param sineOfTurn see `HeadView`
 * @returns `[identityCount][points][2]`, mm
 */
export function landmarkResponse(
  { rank, identityCount, patternsMm, gains }: LandmarkResponse,
  sineOfTurn: number,
): Float32Array {
  const sine = within(sineOfTurn, LARGEST_RESPONSE_SINE);
  if (rank === 0) return new Float32Array();
  const weights = new Float64Array(identityCount * rank);
  for (let k = 0; k < identityCount; k++) {
    for (let r = 0; r < rank; r++) {
      weights[k * rank + r] = gains[r * identityCount + k]! + sine * gains[(rank + r) * identityCount + k]!;
    }
  }
  return native().combinePatterns(patternsMm, weights, rank);
}

/** The errors on heads of an imported model: the network errs as on the embedded head of the same shape. */
export function noiseOnKin(noise: LandmarkNoise, { embeddedIdentity: { from, rows } }: Kinship): LandmarkNoise {
  const { rank, identityCount, gains } = noise.response;
  const at = (k: number, column: number): number => rows[k * (1 + from) + column]!;
  const own = new Float32Array(2 * rank * from);
  for (let row = 0; row < 2 * rank; row++)
    for (let k = 0; k < identityCount; k++)
      for (let i = 0; i < from; i++) own[row * from + i]! += gains[row * identityCount + k]! * at(k, 1 + i);
  const { biasTermsMm } = noiseOfPerson(
    noise,
    Float64Array.from({ length: identityCount }, (_, k) => at(k, 0)),
  );
  return { ...noise, biasTermsMm, response: { ...noise.response, identityCount: from, gains: own } };
}

/** The errors on heads of one person: how they go with the identity is part of the bias then. */
export function noiseOfPerson(noise: LandmarkNoise, identity: ArrayLike<number>): LandmarkNoise {
  const { rank, identityCount, patternsMm, gains } = noise.response;
  const biasTermsMm = noise.biasTermsMm.slice();
  const size = biasTermsMm.length / BIAS_TERMS;
  // The constant, and the turn's.
  for (const term of [0, 1]) {
    for (let r = 0; r < rank; r++) {
      let amount = 0;
      for (let k = 0; k < identityCount; k++) amount += gains[(term * rank + r) * identityCount + k]! * identity[k]!;
      for (let i = 0; i < size; i++) biasTermsMm[term * size + i]! += amount * patternsMm[r * size + i]!;
    }
  }
  const response = { rank: 0, identityCount: 0, patternsMm: new Float32Array(), gains: new Float32Array() };
  return { ...noise, biasTermsMm, response };
}

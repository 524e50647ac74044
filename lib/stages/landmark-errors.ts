import { type HeadView, type LandmarkNoise, landmarkBias, landmarkResponse } from '../models/landmark-noise.js';
import type { CoarseProblem } from '../native/coarse.js';
import { type DenseLandmarks, yawOf } from './landmarks.js';
import { CHIN, FOREHEAD, IMAGE_LEFT_EYE, IMAGE_RIGHT_EYE, LID_POINTS, LIPS } from './mesh-points.js';

/** What opens and closes. */
const FEATURES = [LIPS, IMAGE_LEFT_EYE.slice(0, LID_POINTS), IMAGE_RIGHT_EYE.slice(0, LID_POINTS)];

/** How the fits expect the network's landmarks of this face to err. */
export function landmarkErrors(
  noise: LandmarkNoise,
  landmarks: DenseLandmarks,
): Required<Pick<CoarseProblem, 'biasMm' | 'responseMm' | 'sigmaMm' | 'nuisanceMm'>> {
  const view = seenView(landmarks);
  const { response, modesMm } = inCommon(noise);
  return {
    biasMm: landmarkBias(noise, view),
    responseMm: landmarkResponse(response, view.turn),
    sigmaMm: Float64Array.from(noise.sigmaMm),
    nuisanceMm: modesMm,
  };
}

/**
 * Least squares over 343 portraits nodding by up to 42 degrees: the sine of the nod from the depth between forehead and chin
 * as a share of their distance; off by 3.5 degrees.
 */
const NOD = { constant: -0.041, depth: -1.035 } as const;

/** How a head is seen, by the landmarks' own depths. */
function seenView(landmarks: DenseLandmarks): HeadView {
  const { pixels, depth } = landmarks;
  const [x, y] = [0, 1].map((axis) => pixels[2 * FOREHEAD + axis]! - pixels[2 * CHIN + axis]!) as [number, number];
  const z = depth[FOREHEAD]! - depth[CHIN]!;
  const length = Math.hypot(x, y, z);
  return {
    turn: Math.sin((yawOf(landmarks) * Math.PI) / 180),
    nod: length > 0 ? NOD.constant + (NOD.depth * z) / length : 0,
  };
}

const known = new WeakMap<LandmarkNoise, Pick<LandmarkNoise, 'response' | 'modesMm'>>();

/** Patterns and modes as every face takes them. */
function inCommon(noise: LandmarkNoise): Pick<LandmarkNoise, 'response' | 'modesMm'> {
  const found = known.get(noise);
  if (found) return found;
  const { response, modesMm, modeCount } = noise;
  const shared = {
    response: { ...response, patternsMm: featuresAsOne(response.patternsMm, response.rank) },
    modesMm: featuresAsOne(modesMm, modeCount),
  };
  known.set(noise, shared);
  return shared;
}

/** `[modes][n][2]`, mm: what the fits take for errors that points have in common. */
export function errorsInCommon(noise: LandmarkNoise): Float32Array {
  return inCommon(noise).modesMm;
}

/**
 * The errors that points have in common, of which lips and lids have only their mean. On renders the network also errs
 * in how far they are open; on photos it sees that well, and with such errors to explain them fits closed open mouths.
 */
function featuresAsOne(modesMm: Float32Array, count: number): Float32Array {
  const modes = modesMm.slice();
  for (let mode = 0; mode < count; mode++) {
    for (const axis of [0, 1]) {
      const at = (point: number): number => (mode * modes.length) / count + 2 * point + axis;
      for (const feature of FEATURES) {
        const mean = feature.reduce((sum, point) => sum + modes[at(point)]!, 0) / feature.length;
        for (const point of feature) modes[at(point)] = mean;
      }
    }
  }
  return modes;
}

/** By how much the network is expected to err on a head of this identity: `[points][2]`, mm, head frame x and y. */
export function expectedErrors(
  { biasMm, responseMm }: Pick<CoarseProblem, 'biasMm' | 'responseMm'>,
  identity: ArrayLike<number>,
): Float64Array | undefined {
  if (!biasMm || !responseMm || responseMm.length !== identity.length * biasMm.length) return biasMm;
  const errorsMm = biasMm.slice();
  for (let k = 0, at = 0; k < identity.length; k++) {
    const coefficient = identity[k]!;
    for (let i = 0; i < errorsMm.length; i++, at++) errorsMm[i]! += coefficient * responseMm[at]!;
  }
  return errorsMm;
}

import type { HeadModel } from '../head-model.js';
import type { NativeContext } from '../native/binding.js';
import type { CoarseFit, CoarseProblem } from '../native/coarse.js';
import { type JobOptions, runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { FocalLength } from './focal-length.js';
import { landmarkErrors } from './landmark-errors.js';
import type { DenseLandmarks } from './landmarks.js';
import { FEATURE_POINTS } from './mesh-points.js';
import type { CoefficientEstimate } from './regress.js';

/** How far from the jaw landmarks the silhouette is looked for, mm. */
const CONTOUR_RADIUS_MM = 30;

/** Across the silhouette: the network's jaw line is smoother than jaws are, mm. */
const CONTOUR_SIGMA_MM = 6;
/**
 * Narrower than the model's own prior: landmarks of photos err in more ways than those of the portraits that their noise
 * was measured on, and on heads that are not the model's this shrinkage lowers the error (npm run bench:accuracy).
 */
const IDENTITY_SIGMA = 0.65;
/**
 * With a coefficient network's estimate the identity is held to it in the landmark fit, by this share of its deviations:
 * the network saw the same landmarks, so they must not count twice, and they mislead the fit more than the network.
 */
const IDENTITY_TEMPER = 0.2;
/**
 * Its expressions err far more than it says, and landmarks see them well: whether lips touch is seen at once. The same
 * holds in the refinement: the model's own, narrower prior left part of a wide smile to identity.
 */
const EXPRESSION_TEMPER = 20;
/**
 * In the photometric refinement colours and outline are new evidence beside which the landmarks, used before, count
 * less: this share of their inverse variance,
 */
const REFINED_WEIGHT = 1 / 18;
/** this many times as much for lids and lips, of which nothing else tells whether they are open, */
const FEATURE_GAIN = 6;
/** and deviations this many times as large for the whole face's errors. */
const REFINED_MODE_TEMPER = 0.75;
/**
 * There the network's identity is believed by this share, with deviations by that: it was learned on heads of the
 * model's own prior, and people who differ from it (a large nose) are drawn towards what is usual.
 */
const REFINED_IDENTITY_SHARE = 0.5;
const REFINED_IDENTITY_TEMPER = 0.9;
/** An imported model is believed whole: it has other people in it, and its own prior has held the translation back. */
const TRANSLATED_IDENTITY_SHARE = 1;
const MIN_EXPRESSION_SIGMA = 0.02;
/** From here on an eye counts as shut; deviation of its blink then. */
const SHUT = 0.5;
const SHUT_SIGMA = 0.08;
/** Landmarks this many deviations away have lost most of their pull: hair, hands and glasses mislead some of them. */
const OUTLIER_SIGMAS = 4;

/** The landmark fit, and the landmarks' part of the photometric refinement. */
export interface CoarseStage {
  problem: CoarseProblem;
  fit: CoarseFit;
}

/**
 * Pose, focal length, identity and expression from the dense landmarks. The network's depths take no part: they err in
 * the same way on every face, and the fit is better without them (npm run bench:accuracy).
 */
export async function fitCoarse(
  context: NativeContext,
  head: HeadModel,
  landmarks: DenseLandmarks,
  estimate: CoefficientEstimate | undefined,
  focal: FocalLength,
  principalPx: readonly [number, number],
  job: JobOptions,
): Promise<CoarseStage> {
  const problem = coarseProblem(head, landmarks, estimate, focal, principalPx);
  const { fit } = await solveCoarse(context, head, problem, job);
  return { problem: refinementProblem(problem, estimate), fit };
}

/** What is observed and believed before the landmark fit. */
export function coarseProblem(
  head: HeadModel,
  landmarks: DenseLandmarks,
  estimate: CoefficientEstimate | undefined,
  focal: FocalLength,
  principalPx: readonly [number, number],
): CoarseProblem {
  return {
    pixels: Float64Array.from(landmarks.pixels),
    focalPx: focal.px,
    logFocalSigma: focal.logSigma,
    principalPx: Float64Array.from(principalPx),
    identityCount: head.morphable.identity.count,
    ...withShutEyes(head, prior(head, estimate), landmarks),
    robust: 'gemanMcClure',
    robustScale: OUTLIER_SIGMAS,
    contourSigmaMm: CONTOUR_SIGMA_MM,
    contourVertices: native().contourCandidates(head.native, CONTOUR_RADIUS_MM),
    ...(head.noise ? landmarkErrors(head.noise, landmarks) : {}),
  };
}

export async function solveCoarse(
  context: NativeContext,
  head: HeadModel,
  problem: CoarseProblem,
  job: JobOptions,
): Promise<CoarseStage> {
  const fit = await runJob((onProgress) => native().coarseFit(context, head.native, problem, onProgress), job);
  return { problem, fit };
}

/** The network's estimate is where the fit starts and what it is held to; without one, the model's own prior. */
function prior({ morphable }: HeadModel, estimate: CoefficientEstimate | undefined): Partial<CoarseProblem> {
  if (!estimate) return { identitySigma: new Float64Array(morphable.identity.count).fill(IDENTITY_SIGMA) };
  const { identity, expression } = estimate;
  return {
    identityMean: identity.mean,
    identitySigma: identity.sigma.map((s) => IDENTITY_TEMPER * s),
    expressionMean: expression.mean,
    expressionSigma: expression.sigma.map((s) => Math.max(MIN_EXPRESSION_SIGMA, EXPRESSION_TEMPER * s)),
  };
}

/** Lids that the landmarks tell to be shut are held shut: left to the fit they close by a third, and gaze does the rest. */
function withShutEyes(
  { morphable: { expression } }: HeadModel,
  given: Partial<CoarseProblem>,
  { eyes }: Pick<DenseLandmarks, 'eyes'>,
): Partial<CoarseProblem> {
  const mean = Float64Array.from(given.expressionMean ?? expression.mean);
  const sigma = Float64Array.from(given.expressionSigma ?? expression.sigma);
  for (const [side, { shut }] of [
    ['Left', eyes.left],
    ['Right', eyes.right],
  ] as const) {
    const blink = expression.names.indexOf(`eyeBlink${side}`);
    if (blink < 0 || shut < SHUT) continue;
    mean[blink] = shut;
    sigma[blink] = SHUT_SIGMA;
    const down = expression.names.indexOf(`eyeLookDown${side}`);
    if (down >= 0) sigma[down] = SHUT_SIGMA;
  }
  return { ...given, expressionMean: mean, expressionSigma: sigma };
}

/** What the photometric refinement observes and believes of the landmarks. */
export function refinementProblem(problem: CoarseProblem, estimate: CoefficientEstimate | undefined): CoarseProblem {
  const share = estimate?.isTranslated ? TRANSLATED_IDENTITY_SHARE : REFINED_IDENTITY_SHARE;
  return {
    ...problem,
    weights: Float64Array.from(
      { length: problem.pixels.length / 2 },
      (_, i) => REFINED_WEIGHT * (FEATURE_POINTS.has(i) ? FEATURE_GAIN : 1),
    ),
    ...(problem.nuisanceMm ? { nuisanceMm: problem.nuisanceMm.map((mm) => REFINED_MODE_TEMPER * mm) } : {}),
    ...(estimate
      ? {
          identityMean: estimate.identity.mean.map((m) => share * m),
          identitySigma: estimate.identity.sigma.map((s) => REFINED_IDENTITY_TEMPER * s),
        }
      : {}),
  };
}

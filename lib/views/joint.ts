import type { HeadModel } from '../head-model.js';
import type { NativeContext } from '../native/binding.js';
import type { CoarseFit, CoarseProblem } from '../native/coarse.js';
import { type JobOptions, runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { PhotometricFit } from '../native/refine.js';
import type { Detail } from '../options.js';
import { deformationProblem, MAP_SIZE, photometricProblem, type RefinedHead } from '../stages/refine.js';
import { depthShare, seenPoints, weighed } from './registration.js';
import type { View } from './view.js';

/**
 * What the coefficient network says of one person in several photos errs in part alike: n of its estimates count as
 * n to the power of one less this. Photos from one side err alike in everything, and all of it counts as it is: heads of five
 * ICT views within 28 degrees, 1.01 to 0.94 mm, two halves of a video 1.00 to 0.77 mm apart.
 */
const ESTIMATES_ALIKE = 0.5;
/**
 * So do its landmarks and normals: those of n photos count as one photo's together, but each photo's at least by this
 * share, since they alone tell its expression. Colours and outlines, which several photos show from several sides, count
 * more than in a single fit (npm run bench:views, heads 201 to 210).
 */
const LEAST_SHARE = 0.2;
const COLOUR_GAIN = 2;
/** From one side they are explained as well by wrong light as a single photo's. */
const COLOUR_GAIN_FROM_ONE_SIDE = 0.5;
const OUTLINE_SIGMA_MM = 1;
/**
 * Of the information of points that the photos' textures share, in the parameters and in the map. Lights and cameras that
 * are not the fitted ones move neighbours alike, and what all of them together would say of depth and focal length is
 * their common error (npm run bench:views, heads 201 to 213).
 */
const POINT_WEIGHT = 0.1;
const MAP_POINT_WEIGHT = 0.5;
/** In standard deviations: points that a first fit is far off are not yet outliers. */
const POINT_ROBUST_SCALE = 6;
/** With the points; more of them follow colours away from the landmarks. */
const POINT_ITERATIONS = 4;
/** In the deformation map; a single photo's colours are explained as well by wrong light. */
const MAP_SAMPLES = 2000;

/** The landmark fit of all views together, from where each ended alone: a result a view, of one identity. */
export async function fitJointCoarse(
  context: NativeContext,
  head: HeadModel,
  views: readonly View[],
  oneCamera: boolean,
  job: JobOptions,
): Promise<CoarseFit[]> {
  const identity = meanOf(views.map(({ coarse }) => coarse.fit.identity));
  const focal = oneCamera ? commonFocalLength(views) : undefined;
  const sides = sidesShown(views);
  const problem = {
    views: views.map(({ observed, coarse }) => ({
      ...photometricProblem(
        {
          problem: sharedPrior(observed, views.length, sides, focal),
          fit: { ...atFocalLength(coarse.fit, focal), identity },
        },
        { levels: [], silhouette: NO_OUTLINE },
      ),
    })),
    oneCamera,
  };
  return runJob((onProgress) => native().jointLandmarkFit(context, head.native, problem, onProgress), job);
}

/**
 * Colours, outlines and landmarks of all views together, then with them the points whose texture the photos share, then
 * one deformation map for all: a head a view.
 */
export async function refineJointly(
  context: NativeContext,
  head: HeadModel,
  views: readonly View[],
  coarse: readonly CoarseFit[],
  oneCamera: boolean,
  detail: Detail,
  job: JobOptions,
): Promise<RefinedHead[]> {
  const { signal } = job;
  const shape = ({ identity, expression }: { identity: Float64Array; expression: Float64Array }) =>
    runJob(() => native().headShape(context, head.native, identity, expression), { signal });
  const focal = oneCamera ? coarse[0]!.focalPx : undefined;
  const sides = sidesShown(views);
  const problems = views.map(({ coarse: { problem } }) => sharedPrior(problem, views.length, sides, focal));
  const share = Math.max(LEAST_SHARE, 1 / views.length);
  const colourGain = COLOUR_GAIN_FROM_ONE_SIDE + sides * (COLOUR_GAIN - COLOUR_GAIN_FROM_ONE_SIDE);
  const joint = {
    views: views.map(({ seen }, i) => {
      const problem = { ...problems[i]!, weights: problems[i]!.weights!.map((weight) => share * weight) };
      const alone = photometricProblem({ problem, fit: coarse[i]! }, seen);
      return {
        ...alone,
        effectiveSamples: colourGain * alone.effectiveSamples!,
        silhouette: { ...seen.silhouette, sigmaMm: OUTLINE_SIGMA_MM },
        normals: { ...seen.normals, effective: share * seen.normals.effective! },
        // The views' priors add up to one.
        albedoSigma: Math.sqrt(views.length),
      };
    }),
    oneCamera,
  };
  let fitted: PhotometricFit[] = await runJob(
    (onProgress) => native().jointPhotometricFit(context, head.native, joint, onProgress),
    job,
  );
  const register = (positions: readonly Float32Array[]) => seenPoints(context, head, views, fitted, positions, signal);
  const depth = detail === 'coarse' ? 0 : depthShare(fitted);
  if (depth > 0) {
    const points = await register(await Promise.all(fitted.map(shape)));
    const again = {
      ...joint,
      views: joint.views.map((view, i) => {
        const { rotation, translation, focalPx, identity, expression, nuisance } = fitted[i]!;
        return {
          ...view,
          camera: { ...view.camera, rotation, translation, focalPx },
          identity,
          expression,
          nuisance,
          levels: view.levels.slice(-1).map((level) => ({ ...level, iterations: POINT_ITERATIONS })),
          points: weighed(points[i]!, depth * POINT_WEIGHT, POINT_ROBUST_SCALE),
        };
      }),
    };
    fitted = await runJob(() => native().jointPhotometricFit(context, head.native, again), { signal });
  }
  const heads: RefinedHead[] = [];
  for (const [i, fit] of fitted.entries()) {
    const { rotation, translation, focalPx, identity, expression, albedo, lighting, error } = fit;
    heads.push({
      camera: { rotation, translation, focalPx, principalPx: problems[i]!.principalPx },
      identity,
      expression,
      albedo,
      lighting,
      coarsePositions: await shape(coarse[i]!),
      positions: await shape(fit),
      photometricError: error,
    });
  }
  if (detail === 'coarse') return heads;
  const points = depth > 0 ? await register(heads.map(({ positions }) => positions)) : [];
  const deforming = views.map(({ seen }, i) => {
    const alone = deformationProblem(head, problems[i]!, fitted[i]!, seen, heads[i]!.positions);
    return {
      ...alone,
      weights: alone.weights!.map((weight) => share * weight),
      effectiveSamples: MAP_SAMPLES,
      ...(points[i] && { points: weighed(points[i], depth * MAP_POINT_WEIGHT) }),
    };
  });
  const { map, positions, photometricErrors } = await runJob(
    (onProgress) => native().jointDeformationFit(context, head.native, deforming, onProgress),
    job,
  );
  return heads.map((one, i) => ({
    ...one,
    positions: positions[i]!,
    deformationMap: { data: map, size: MAP_SIZE },
    photometricError: photometricErrors[i]!,
  }));
}

const NO_OUTLINE = { edges: new Float64Array(), normals: new Float64Array(), takesPart: new Uint8Array() };

/** How far photos show a head from several sides, 0 to 1, by what each says of its pose alone. */
function sidesShown(views: readonly View[]): number {
  return depthShare(views.map(({ coarse }) => coarse.fit));
}

/** The problem of one view of several, whose priors of identity add up; with one camera so do those of the focal length. */
function sharedPrior(problem: CoarseProblem, views: number, sides: number, focal: number | undefined): CoarseProblem {
  const wider = views ** ((ESTIMATES_ALIKE * sides) / 2);
  return {
    ...problem,
    ...(problem.identitySigma ? { identitySigma: problem.identitySigma.map((sigma) => wider * sigma) } : {}),
    ...(focal === undefined ? {} : { focalPx: focal, logFocalSigma: Math.sqrt(views) * (problem.logFocalSigma ?? 0) }),
  };
}

/** Of the views' own, weighed alike: they are photos of one camera. */
function commonFocalLength(views: readonly View[]): number {
  return Math.exp(views.reduce((sum, { coarse }) => sum + Math.log(coarse.fit.focalPx), 0) / views.length);
}

/** The same picture through another lens: the head comes as much nearer. */
function atFocalLength(fit: CoarseFit, focal: number | undefined): CoarseFit {
  if (focal === undefined) return fit;
  const translation = fit.translation.slice();
  translation[2]! *= focal / fit.focalPx;
  return { ...fit, focalPx: focal, translation };
}

function meanOf(lists: readonly Float64Array[]): Float64Array {
  return lists[0]!.map((_, k) => lists.reduce((sum, list) => sum + list[k]!, 0) / lists.length);
}

/** The landmark fit from one start after another, until a head comes out that looks like the face. */
import type { HeadModel } from '../head-model.js';
import type { NativeContext } from '../native/binding.js';
import type { JobOptions } from '../native/job.js';
import { type CoarseStage, fitCoarse } from './coarse.js';
import { type FocalLength, focalLengthPrior, principalPoint } from './focal-length.js';
import type { DenseLandmarks } from './landmarks.js';
import { type FitFigures, fitFigures, implausible, requirePlausible } from './plausibility.js';
import type { CoefficientEstimate } from './regress.js';

/** What is known of the lens. */
export interface KnownLens {
  givenPx: number | undefined;
  exifPx: number | undefined;
  width: number;
  height: number;
}

export interface StartedFit {
  focal: FocalLength;
  principalPx: readonly [number, number];
  coarse: CoarseStage;
}

/** A head seen from this many times as far has hardly any perspective to go astray with. */
const FAR = 3;

/** @throws HrnError FIT_FAILED where no start leads to a plausible head */
export async function fitFromStarts(
  context: NativeContext,
  head: HeadModel,
  landmarks: DenseLandmarks,
  estimate: CoefficientEstimate | undefined,
  lens: KnownLens,
  job: JobOptions,
): Promise<StartedFit> {
  let nearest: (StartedFit & { figures: FitFigures }) | undefined;
  for (const start of starts(landmarks, estimate, lens)) {
    const principalPx = principalPoint(start.focal, lens, landmarks);
    const coarse = await fitCoarse(context, head, landmarks, start.estimate, start.focal, principalPx, job);
    const { predictedPx, rotation, translation } = coarse.fit;
    const figures = fitFigures(landmarks, {
      pixels: predictedPx,
      dynamic: head.morphable.dense.dynamic,
      rotation,
      translation,
    });
    const fitted = { focal: start.focal, principalPx, coarse, figures };
    if (implausible(figures) === undefined) return fitted;
    if (!nearest || figures.landmarkErrorPercent < nearest.figures.landmarkErrorPercent) nearest = fitted;
  }
  requirePlausible(nearest!.figures);
  return nearest!;
}

/** The usual one; one that does not believe EXIF, which an edited photo keeps; without the network; from afar. */
function* starts(
  landmarks: DenseLandmarks,
  estimate: CoefficientEstimate | undefined,
  { givenPx, exifPx }: KnownLens,
): Generator<{ focal: FocalLength; estimate: CoefficientEstimate | undefined }> {
  yield { focal: focalLengthPrior(landmarks, givenPx, exifPx, estimate), estimate };
  const unknown = focalLengthPrior(landmarks, givenPx, undefined, estimate);
  if (givenPx === undefined && exifPx !== undefined) yield { focal: unknown, estimate };
  if (estimate) yield { focal: unknown, estimate: undefined };
  if (givenPx === undefined) yield { focal: { ...unknown, px: FAR * unknown.px }, estimate };
}

/** Second pass: pose, expression, gaze and light of one person, frame after frame. */
import { HrnError } from '../errors.js';
import type { Resources } from '../fit.js';
import { decodeHalfs } from '../half-float.js';
import type { MorphableModel } from '../morphable-model.js';
import type { CoarseFit, CoarseProblem } from '../native/coarse.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { PhotometricFit } from '../native/refine.js';
import { fitQuality } from '../stages/assemble.js';
import { solveCoarse } from '../stages/coarse.js';
import { expressionWeights } from '../stages/expression-weights.js';
import { errorsInCommon, landmarkErrors } from '../stages/landmark-errors.js';
import { type DenseLandmarks, regionAround } from '../stages/landmarks.js';
import type { PersonMask } from '../stages/mask.js';
import { FEATURE_POINTS, IMAGE_LEFT_IRIS, IMAGE_RIGHT_IRIS } from '../stages/mesh-points.js';
import { type MouthState, seeMouth } from '../stages/mouth-state.js';
import type { Photo, Region } from '../stages/photo.js';
import { cropLevel } from '../stages/refine.js';
import { faceSharpness } from '../stages/sharpness.js';
import { surfacePoints } from '../stages/surface-points.js';
import { OwnErrors } from './own-errors.js';
import type { Person } from './person.js';

/** Side of the crop that is compared, pixels, and steps towards it: the frame before is a good start. */
const CROP_PX = 160;
const ITERATIONS = 4;
/**
 * All surface points in the person's own colours count as so many independent ones where the frame before was left with such a
 * mean difference, 0..1; as many more as that is smaller, by its square: what is believed of expressions and light before a
 * frame is seen would else hold the head back where it turns. No more than `most`.
 */
const COLOURS = { samples: 100, error: 0.031, most: 1000 } as const;
/** Expressions change by about this much between frames at 25 a second. */
const STEP_SIGMA = 0.25;
/**
 * What landmarks err by hangs on the head's turn, and a frame that follows another has the person's own colours to go by:
 * landmarks count by this share. What moves by itself, lids, lips and irises, counts as much more: colours of a blurred
 * frame say too little of it (npm run bench:track, scenes 5 and 11; two videos).
 */
const LANDMARK_WEIGHT = 0.015;
const MOVING_GAIN = 8;
const MOVING: ReadonlySet<number> = new Set([...FEATURE_POINTS, ...IMAGE_LEFT_IRIS, ...IMAGE_RIGHT_IRIS]);
/** Of the errors that points have in common, what is left once a person's own ones are known: they change with the turn. */
const CHANGING_SHARE = 0.7;
/**
 * Brows are believed to go this much farther than in a single photo, where somebody's high brows and raised ones look alike:
 * held to a photo's deviation they follow a fifth of what the network sees of them in videos. Where they usually are is their
 * place at rest.
 */
const BROW_GAIN = 5;
const BROW = /^brow/;
/** How far from the jaw landmarks the silhouette is looked for, mm. */
const CONTOUR_RADIUS_MM = 30;
const OUTLIER_SIGMAS = 4;
/** A face whose points are so far from the head's is another person's, or none. Percent of the eyes' distance. */
const MAX_ERROR_PERCENT = 9;
/** Share of a new frame in the usual sharpness. */
const SHARPNESS_MEMORY = 0.05;

/** What was found in a frame, in the fitted head's frame and size. */
export interface Sighting {
  /** Its expression as an animator has it: see expressionWeights(). */
  fit: PhotometricFit;
  landmarks: DenseLandmarks;
  landmarkErrorPercent: number;
  presence: number;
  sharpness: number;
  cut: boolean;
}

/** A frame's fit, and what the next one is to know of it. */
interface Followed extends Omit<Sighting, 'cut'> {
  /** `[vertices][3]`, mm. */
  shape: Float32Array;
  mouth: MouthState;
  /** `[n][2]`, what the network is known to err by on everybody, mm. */
  expected: Float64Array | undefined;
}

/** Follows one person; where they are to be looked for is for others to say, see crowd.ts. */
export class Tracker {
  #before: { fit: PhotometricFit; told: Float64Array; region: Region } | undefined;
  #usualSharpness = 0;
  readonly #contour: Uint32Array;
  readonly #own: OwnErrors;
  readonly #brows: ReadonlyMap<number, Float32Array>;
  /** `[modes][n][2]`, mm: the errors in common that are left. */
  readonly #changing: Float32Array | undefined;

  constructor(
    private readonly resources: Resources,
    readonly person: Person,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.#contour = native().contourCandidates(person.head.native, CONTOUR_RADIUS_MM);
    const { morphable, noise } = person.head;
    this.#own = new OwnErrors(morphable.dense.count);
    this.#brows = browMotions(morphable);
    this.#changing = noise && errorsInCommon(noise).map((value) => CHANGING_SHARE * value);
  }

  /** Where the person was a frame ago, if they were seen then. */
  get place(): Region | undefined {
    return this.#before?.region;
  }

  /** What was goes no more with what comes. */
  forget(): void {
    this.#before = undefined;
  }

  /** With the landmarks of their face: from the frame before, or anew. Undefined where they do not fit this person. */
  async follow(photo: Photo, landmarks: DenseLandmarks): Promise<Sighting | undefined> {
    const before = this.#before;
    const followed = await this.#fit(photo, landmarks, before?.fit);
    if (!followed || followed.landmarkErrorPercent > MAX_ERROR_PERCENT) {
      this.#before = undefined;
      return undefined;
    }
    const { shape, mouth, expected, ...found } = followed;
    const { fit } = found;
    const { head, principalPx } = this.person;
    this.#own.add({
      ...fit,
      points: this.#rested(shape, fit.expression, expected),
      pixels: landmarks.pixels,
      principalPx,
    });
    const expression = expressionWeights(
      head.morphable,
      fit.expression,
      landmarks.eyes,
      shape,
      mouth,
      before?.told ?? [],
    );
    this.#before = { fit, told: expression, region: regionAround(landmarks.pixels) };
    return { ...found, fit: { ...fit, expression }, cut: before === undefined };
  }

  async #fit(
    photo: Photo,
    landmarks: DenseLandmarks,
    before: PhotometricFit | undefined,
  ): Promise<Followed | undefined> {
    const { context, networks } = this.resources;
    const { head } = this.person;
    const { signal } = this;
    const errors = head.noise && landmarkErrors(head.noise, landmarks);
    const problem = this.#problem(landmarks, errors, before);
    const [start, level, blur, mouth] = await Promise.all([
      before ?? this.#start(problem),
      cropLevel(photo, landmarks, { person: WHOLE_PERSON }, CROP_PX, signal),
      this.#sharpness(photo, landmarks),
      seeMouth(networks, photo, landmarks, signal),
    ]);
    if (!start) return undefined;
    const fit = await runJob(
      () =>
        native().photometricFit(context, head.native, {
          landmarks: problem,
          camera: {
            rotation: start.rotation,
            translation: start.translation,
            focalPx: problem.focalPx,
            principalPx: problem.principalPx,
          },
          identity: new Float64Array(),
          expression: start.expression,
          nuisance: start.nuisance,
          levels: [{ ...level, iterations: ITERATIONS }],
          ...(before ? { effectiveSamples: colourSamples(before) } : {}),
        }),
      { signal },
    );
    const shape = await runJob(() => native().headShape(context, head.native, new Float64Array(), fit.expression), {
      signal,
    });
    const { landmarkErrorPercent } = fitQuality(
      head.morphable,
      landmarks,
      { problem: { ...problem, biasMm: errors?.biasMm }, fit: NO_FIT },
      {
        camera: { ...fit, principalPx: problem.principalPx },
        ...fit,
        coarsePositions: shape,
        positions: shape,
        photometricError: fit.error,
      },
    );
    const seen = { landmarks, landmarkErrorPercent, presence: landmarks.presence, sharpness: blur };
    return { fit, ...seen, shape, mouth, expected: errors?.biasMm };
  }

  /** The landmark fit from nothing; undefined where it fails. */
  async #start(problem: CoarseProblem): Promise<CoarseFit | undefined> {
    try {
      const { fit } = await solveCoarse(this.resources.context, this.person.head, problem, { signal: this.signal });
      return fit;
    } catch (error) {
      if (error instanceof HrnError && error.code === 'FIT_FAILED') return undefined;
      throw error;
    }
  }

  #problem(
    landmarks: DenseLandmarks,
    errors: ReturnType<typeof landmarkErrors> | undefined,
    before: PhotometricFit | undefined,
  ): CoarseProblem {
    const { head, focalPx, principalPx } = this.person;
    const { expression } = head.morphable;
    return {
      pixels: Float64Array.from(landmarks.pixels),
      focalPx,
      logFocalSigma: 0,
      principalPx: Float64Array.from(principalPx),
      identityCount: 0,
      robust: 'gemanMcClure',
      robustScale: OUTLIER_SIGMAS,
      contourVertices: this.#contour,
      ...errors,
      biasMm: this.#own.mm.map((value, i) => value + (errors?.biasMm[i] ?? 0)),
      ...(this.#changing ? { nuisanceMm: this.#changing } : {}),
      ...(before ? { ...temporalPrior(expression, before.expression), weights: besideColours(landmarks) } : {}),
    };
  }

  /** `[n][3]`, mm: where the network is expected to put its points on anybody with this shape and brows at rest. */
  #rested(shape: Float32Array, expression: Float64Array, errorsMm: Float64Array | undefined): Float32Array {
    const points = surfacePoints(this.person.head.morphable.dense, shape);
    for (const [k, motion] of this.#brows) {
      const weight = expression[k]!;
      for (let i = 0; i < points.length; i++) points[i]! -= weight * motion[i]!;
    }
    errorsMm?.forEach((error, i) => {
      points[3 * (i >> 1) + (i & 1)]! += error;
    });
    return points;
  }

  /** Relative to the track's usual one. */
  async #sharpness(photo: Photo, landmarks: DenseLandmarks): Promise<number> {
    const now = await faceSharpness(photo, landmarks, this.signal);
    this.#usualSharpness ||= now;
    this.#usualSharpness += SHARPNESS_MEMORY * (now - this.#usualSharpness);
    return now / this.#usualSharpness;
  }
}

/** Landmarks' inverse variances beside colours: see LANDMARK_WEIGHT. */
function besideColours({ pixels }: DenseLandmarks): Float64Array {
  return Float64Array.from(
    { length: pixels.length / 2 },
    (_, i) => LANDMARK_WEIGHT * (MOVING.has(i) ? MOVING_GAIN : 1),
  );
}

/** By the brow expressions: what each moves the landmarks by, `[n][3]`, mm. */
function browMotions({ dense, expression, vertexCount }: MorphableModel): Map<number, Float32Array> {
  const size = 3 * vertexCount;
  return new Map(
    expression.names.flatMap((name, k) =>
      BROW.test(name) ? [[k, surfacePoints(dense, decodeHalfs(expression.halfs, k * size, (k + 1) * size))]] : [],
    ),
  );
}

function colourSamples({ error }: PhotometricFit): number {
  const { samples, error: usual, most } = COLOURS;
  return Math.min(most, samples * (usual / Math.max(error, 1e-3)) ** 2);
}

/** What the model believes of expressions, and what the frame before says of this one, as one. */
function temporalPrior(
  { names, mean, sigma }: MorphableModel['expression'],
  before: Float64Array,
): Pick<CoarseProblem, 'expressionMean' | 'expressionSigma'> {
  const step = 1 / STEP_SIGMA ** 2;
  const usual = names.map((name, k) => 1 / (sigma[k]! * (BROW.test(name) ? BROW_GAIN : 1)) ** 2);
  return {
    expressionMean: before.map((value, k) => (mean[k]! * usual[k]! + value * step) / (usual[k]! + step)),
    expressionSigma: before.map((_, k) => 1 / Math.sqrt(usual[k]! + step)),
  };
}

/** No segmentation frame by frame: what covers a face is left to the robust comparison of colours. */
const WHOLE_PERSON: PersonMask = {
  values: new Float32Array(64).fill(1),
  size: 8,
  toPhoto: [1e5, 0, -4e5, 0, 1e5, -4e5],
  rgb: new Float32Array(3 * 64),
};

/** fitQuality() wants a landmark fit, of which it reads the problem alone. */
const NO_FIT = {} as CoarseFit;

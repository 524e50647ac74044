import type { HeadModel } from '../head-model.js';
import { type MorphableModel, REGION_NAMES, type RegionName } from '../morphable-model.js';
import { Begun } from '../native/begun.js';
import type { NativeContext } from '../native/binding.js';
import type { CoarseProblem } from '../native/coarse.js';
import { type JobOptions, runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type {
  DeformationProblem,
  NativeCamera,
  NormalProblem,
  PhotometricFit,
  PhotometricLevel,
  PhotometricProblem,
} from '../native/refine.js';
import type { Detail } from '../options.js';
import type { DeformationMap } from '../result-data.js';
import type { CoarseStage } from './coarse.js';
import { DENSE_CLASSES, type DenseClass, type DenseFace } from './dense.js';
import { drawnBack } from './draw-back.js';
import type { FacePixels } from './face-pixels.js';
import { faceView } from './face-view.js';
import { expectedErrors } from './landmark-errors.js';
import type { DenseLandmarks } from './landmarks.js';
import { MESH_POINTS } from './mesh-points.js';
import type { Photo } from './photo.js';
import { degreesBetween, poseDifference } from './seen-pose.js';
import { findSkinEdges } from './skin-edges.js';

/** The head at every level, before metric scaling. */
export interface RefinedHead {
  camera: NativeCamera;
  identity: Float64Array;
  expression: Float64Array;
  albedo: Float64Array;
  lighting: Float64Array;
  /** `[vertices][3]`, mm, model frame. */
  coarsePositions: Float32Array;
  /** The finest level's. */
  positions: Float32Array;
  deformationMap?: DeformationMap;
  /** `[vertices]`, 0..1, see native/fit/parameters/evidence; absent where the shape was not refined. */
  evidence?: Float32Array;
  photometricError: number;
}

/** Side of the crop in units of the landmarks' bounding square: room for the forehead and for motion. */
const CROP_SCALE = 1.35;
/** Crops of the parametric refinement, coarse to fine: side in pixels, iterations. */
const LEVELS = [
  { size: 112, iterations: 5 },
  { size: 224, iterations: 10 },
] as const;

const DEFORMATION_ITERATIONS = 48;
/** Texels a side of the deformation map: about the spacing of the mesh's vertices on the face. */
export const MAP_SIZE = 128;

/** Of the landmarks' inverse variance: what they pull the map to is partly their own error, most of all in depth. */
const LANDMARK_WEIGHT = 0.03;

/** What the refinement looks at in a photo: crops, coarse to fine, and the outline. */
export type Observation = Required<Pick<PhotometricProblem, 'levels' | 'silhouette' | 'normals' | 'effectiveSamples'>>;

export async function observe(
  context: NativeContext,
  head: HeadModel,
  photo: Photo,
  landmarks: DenseLandmarks,
  pixels: FacePixels,
  detail: Detail,
  signal: AbortSignal | undefined,
): Promise<Observation> {
  const [{ points: edges, normals }, ...levels] = await Promise.all([
    findSkinEdges(context, photo, landmarks, pixels, signal),
    ...LEVELS.map(async ({ size, iterations }) => ({
      ...(await cropLevel(photo, landmarks, pixels, size, signal)),
      // At coarse detail only albedo and light are solved for: the texture needs them where the photo shows nothing.
      iterations: detail === 'coarse' ? 0 : iterations,
    })),
  ]);
  return {
    levels,
    silhouette: { edges, normals, takesPart: silhouetteVertices(head.morphable) },
    normals: normalsOf(pixels.dense),
    effectiveSamples: colourWeight(levels.at(-1)!),
  };
}

/** The parametric refinement, from where the landmark fit ended. */
export function photometricProblem(
  { problem, fit }: CoarseStage,
  seen: Pick<PhotometricProblem, 'levels'> & Partial<Observation>,
): PhotometricProblem {
  return {
    landmarks: problem,
    camera: {
      rotation: fit.rotation,
      translation: fit.translation,
      focalPx: fit.focalPx,
      principalPx: problem.principalPx,
    },
    identity: fit.identity,
    expression: fit.expression,
    nuisance: fit.nuisance,
    ...seen,
  };
}

/** All surface points of a bright face count as this many independent ones, those of a dark one less, by its cube: */
const COLOUR_SAMPLES = 70;
/** from this mean of its red, of which shading is a share, while highlights and noise are not. */
const BRIGHT_FACE = 0.7;

function colourWeight({ rgb, mask }: Pick<PhotometricLevel, 'rgb' | 'mask'>): number {
  let [sum, weight] = [0, 0];
  for (let i = 0; i < mask.length; i++) {
    sum += mask[i]! * rgb[3 * i]!;
    weight += mask[i]!;
  }
  return COLOUR_SAMPLES * Math.min(1, (sum / Math.max(weight, 1) / BRIGHT_FACE) ** 3);
}

/** The deformation map's part, from where the parametric refinement ended. */
export function deformationProblem(
  { morphable }: HeadModel,
  landmarks: CoarseProblem,
  { rotation, translation, focalPx, identity, albedo, lighting }: PhotometricFit,
  { levels }: Observation,
  positions: Float32Array,
): DeformationProblem {
  const { pixels, sigmaMm, principalPx } = landmarks;
  const biasMm = expectedErrors(landmarks, identity);
  return {
    positions,
    camera: { rotation, translation, focalPx, principalPx },
    albedo,
    lighting,
    pixels,
    weights: new Float64Array(morphable.dense.count).fill(LANDMARK_WEIGHT),
    ...(biasMm ? { biasMm } : {}),
    ...(sigmaMm ? { sigmaMm } : {}),
    level: { ...levels.at(-1)!, iterations: DEFORMATION_ITERATIONS },
    mapSize: MAP_SIZE,
  };
}

/**
 * Photometric refinement of the parameters; at medium detail they and the deformation map are fitted.
 *
 * @param seen of the photo, at the same detail
 */
export async function refine(
  context: NativeContext,
  head: HeadModel,
  coarse: CoarseStage,
  seen: Observation,
  dense: DenseFace,
  detail: Detail,
  job: JobOptions,
): Promise<RefinedHead> {
  const { signal } = job;
  await using begun = new Begun();
  const shape = ({ identity, expression }: { identity: Float64Array; expression: Float64Array }) =>
    begun.add(runJob(() => native().headShape(context, head.native, identity, expression), { signal }));
  const coarseShape = shape(coarse.fit);
  const problem = photometricProblem(coarse, seen);
  const fitted = await fitParameters(context, head, problem, detail === 'coarse' ? undefined : dense, job);
  const { rotation, translation, focalPx, identity, expression, albedo, lighting, error } = fitted;
  const camera: NativeCamera = { rotation, translation, focalPx, principalPx: coarse.problem.principalPx };
  const parametric = await shape(fitted);
  const common = {
    camera,
    identity,
    expression,
    albedo,
    lighting,
    coarsePositions: await coarseShape,
    ...(fitted.evidence.length > 0 ? { evidence: fitted.evidence } : {}),
  };
  if (detail === 'coarse') return { ...common, positions: parametric, photometricError: error };
  const deforming = deformationProblem(head, coarse.problem, fitted, seen, parametric);
  const deformed = await runJob(
    (onProgress) => native().deformationFit(context, head.native, deforming, onProgress),
    job,
  );
  const { positions, photometricError } = deformed;
  const shaped = { identity, expression, positions, deformationMap: { data: deformed.map, size: MAP_SIZE } };
  const start = { ...coarse.fit, positions: common.coarsePositions };
  const settled = common.evidence ? drawnBack(head.morphable, common.evidence, shaped, start) : shaped;
  return { ...common, ...settled, photometricError };
}

/**
 * A head whose turn differs by less from what the dense network sees is not doubted, degrees; another fit of it is taken
 * where it is nearer by `nearer`, or where the outline has led the head away by `ledDegrees` and the dense network is
 * even between the two within `even`. Of 99 portraits turned or bowed by 15 to 62 degrees one other fit is taken, of 40 ICT
 * views none. Faces that followed a border in the photo were off by 5.7 to 12 degrees, by 2.17 at least from what the
 * dense network sees; of 59 public photos three more are doubted than from 2.2 degrees on, and none changes.
 */
const TURN_DOUBT = { degrees: 1.9, nearer: 2, ledDegrees: 4, even: 0.5 } as const;

/**
 * The fit; where its head is turned away from how the dense network sees it, one that does not follow the outline may
 * stand better: a border in the photo, beside the face or through it, passes for the head's.
 */
async function fitParameters(
  context: NativeContext,
  head: HeadModel,
  problem: PhotometricProblem,
  dense: DenseFace | undefined,
  job: JobOptions,
): Promise<PhotometricFit> {
  const fit = (given: PhotometricProblem, options: JobOptions) =>
    runJob((onProgress) => native().photometricFit(context, head.native, given, onProgress), options);
  const fitted = await fit(problem, job);
  const off = (one: PhotometricFit) => (dense && poseDifference(dense, one)?.turnDegrees) ?? 0;
  const doubt = off(fitted);
  if (doubt < TURN_DOUBT.degrees || !problem.silhouette?.edges.length) return fitted;
  const none = new Float64Array(0);
  const silhouette = { ...problem.silhouette, edges: none, normals: none };
  const without = await fit({ ...problem, silhouette }, { signal: job.signal });
  const nearer = doubt - off(without);
  const led = degreesBetween(fitted.rotation, without.rotation) >= TURN_DOUBT.ledDegrees && nearer > -TURN_DOUBT.even;
  return nearer > TURN_DOUBT.nearer || led ? without : fitted;
}

/** All normals together count as this many independent ones: neighbours err alike (npm run bench:accuracy). */
const NORMAL_PATCHES = 60;
/** Skin whose normals the head model has. */
const SKIN_CLASSES: readonly DenseClass[] = ['face', 'lips', 'brows'];

function normalsOf({ side, normals, normalSigma, classes, toPhoto }: DenseFace): NormalProblem {
  const plane = side * side;
  const skin = new Float32Array(plane);
  for (const name of SKIN_CLASSES) {
    const first = DENSE_CLASSES.indexOf(name) * plane;
    for (let i = 0; i < plane; i++) skin[i]! += classes[first + i]!;
  }
  for (let i = 0; i < plane; i++) skin[i] = Math.min(1, skin[i]!);
  return { side, normals, normalSigma, skin, toPhoto, effective: NORMAL_PATCHES };
}

/** Parts of the head that photos show bare; the outline of others is that of hair or clothes. */
const BARE_REGIONS: readonly RegionName[] = ['cheeks', 'chin', 'ears', 'nose', 'mouth', 'forehead'];

const knownSilhouettes = new WeakMap<MorphableModel, Uint8Array>();

function silhouetteVertices(model: MorphableModel): Uint8Array {
  const known = knownSilhouettes.get(model);
  if (known) return known;
  const bare = REGION_NAMES.map((name) => (BARE_REGIONS.includes(name) ? 1 : 0));
  const takesPart = model.regions.map((region) => bare[region]!);
  knownSilhouettes.set(model, takesPart);
  return takesPart;
}

/** A square, axis-aligned crop around the face with its skin mask. */
export async function cropLevel(
  photo: Photo,
  landmarks: DenseLandmarks,
  pixels: Pick<FacePixels, 'person'> & Partial<FacePixels>,
  size: number,
  signal: AbortSignal | undefined,
): Promise<Omit<PhotometricLevel, 'iterations'>> {
  const [x, y] = [0, 1].map((axis) => {
    const values = Array.from({ length: MESH_POINTS }, (_, i) => landmarks.pixels[2 * i + axis]!);
    return { low: Math.min(...values), high: Math.max(...values) };
  }) as [{ low: number; high: number }, { low: number; high: number }];
  const side = CROP_SCALE * Math.max(x.high - x.low, y.high - y.low);
  const frame = { x0: (x.low + x.high - side) / 2, y0: (y.low + y.high - side) / 2, scale: size / side, size };
  const rgb = photo.crop(
    {
      matrix: [1 / frame.scale, 0, frame.x0, 0, 1 / frame.scale, frame.y0],
      width: size,
      height: size,
      low: 0,
      high: 1,
      border: 'replicate',
    },
    signal,
  );
  const view = faceView(pixels.person, landmarks);
  const { width, height } = photo;
  const mask = runJob(() => native().skinMask(photo.context, view, pixels.dense, frame, { width, height }), { signal });
  const [crop, skin] = await Promise.all([rgb, mask]);
  return { rgb: crop, mask: skin, ...frame };
}

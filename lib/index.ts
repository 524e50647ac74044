import type { FittedFaces, Hrn } from './hrn.js';
import type { ImageInput } from './image.js';
import type { CreateOptions, DetectOptions, FitOptions, FitViewsOptions, TrackOptions } from './options.js';
import type { FaceOutcome } from './photo-fits.js';
import type { Reconstruction } from './result.js';
import type { VideoInput } from './track/sources.js';
import type { TrackedPerson } from './track/track.js';
import type { ViewsReconstruction } from './views/result.js';

export { HrnError, type HrnErrorCode } from './errors.js';
export type { BaseColor, Compression, ExportOptions, Lod, TextureFormat } from './exporters/options.js';
export type { ExpressionName, Expressions } from './expression-names.js';
export type { FaceBox, FittedFaces, Hrn } from './hrn.js';
export type { ImageInput, RawImage } from './image.js';
export type { ImportedHeadModel, ImportModelOptions } from './import-model.js';
export type {
  AlbedoBasis,
  Basis,
  ExpressionBasis,
  Kinship,
  LandmarkSet,
  MorphableModel,
  Part,
  PartName,
  RegionName,
  Translation,
} from './morphable-model.js';
export type {
  CoefficientNetwork,
  CreateOptions,
  Detail,
  DetectOptions,
  DeviceRequest,
  FitOptions,
  FitViewsOptions,
  ImageLimits,
  ReferenceMethod,
  TextureKind,
  TrackOptions,
} from './options.js';
export type { FaceFailure, FaceOutcome } from './photo-fits.js';
export type { OnProgress, ProgressEvent, Stage } from './progress.js';
export type {
  Box,
  Camera,
  Coefficients,
  DeformationMap,
  DetailedMesh,
  DetectedAs,
  DisplacementMap,
  EncodeOptions,
  FaceWarning,
  Hair,
  Mesh,
  MeshPart,
  ModelRecord,
  OutputTarget,
  Pose,
  PreviewOptions,
  Quality,
  Raster,
  Reconstruction,
  WarningCode,
  WriteOptions,
} from './result.js';
export type { Sample, SampleOptions } from './sample.js';
export type { TrackedFrame } from './track/frame.js';
export type { OnTrackProgress, TrackProgressEvent } from './track/progress.js';
export type { RawFrame, VideoInput } from './track/sources.js';
export type { TrackedPerson } from './track/track.js';
export { VERSION as version } from './version.js';
export type { OnViewsProgress, ViewsProgressEvent, ViewsStage } from './views/progress.js';
export type { FittedView, LeftOutView, ViewsReconstruction } from './views/result.js';

// Loaded on first call: `import 'hrn-face'` alone stays quick and works where the addon does not.
const instance = async (): Promise<Hrn> => (await import('./hrn.js')).sharedInstance();

/**
 * One portrait photo in, a textured 3D head out.
 *
 * @example
 * {@includeCode ../examples/api/fit.ts}
 *
 * @example Progress, and stopping
 * {@includeCode ../examples/api/progress-and-abort.ts}
 *
 * @example Bytes in, bytes out
 * {@includeCode ../examples/api/bytes.ts}
 */
export async function fit(image: ImageInput, options?: FitOptions): Promise<Reconstruction> {
  return (await instance()).fit(image, options);
}

/** Every face that can be fitted, in the order of `detect`; `failures` of the result tells of the others. */
export async function fitAll(image: ImageInput, options?: FitOptions): Promise<FittedFaces> {
  return (await instance()).fitAll(image, options);
}

/**
 * Every face, one after the other: each is fitted when it is asked for.
 *
 * @example
 * {@includeCode ../examples/api/every-face.ts}
 */
export async function* fitEach(image: ImageInput, options?: FitOptions): AsyncGenerator<FaceOutcome, void> {
  yield* (await instance()).fitEach(image, options);
}

/**
 * One person from several photos of any expressions and cameras.
 *
 * @example
 * ```ts
 * const face = await hrn.fitViews(['front.jpg', 'left.jpg', 'right.jpg']);
 * await face.write('person.glb');
 * ```
 */
export async function fitViews(images: readonly ImageInput[], options?: FitViewsOptions): Promise<ViewsReconstruction> {
  return (await instance()).fitViews(images, options);
}

/**
 * People's heads and their motion, frame after frame (one person's, or several people's by option `people`): of a video,
 * which needs ffmpeg on the PATH, of a folder or pattern of frames, or of raw frames as they come.
 *
 * @example for await (const { person, frame } of hrn.track('talk.mp4')) use(frame.expression.jawOpen)
 */
export async function* track(video: VideoInput, options?: TrackOptions): AsyncGenerator<TrackedPerson, void> {
  yield* (await instance()).track(video, options);
}

/** The whole track of one person, to be written as an animated GLB, JSON Lines or Live Link Face's CSV. */
export async function animationOf(
  track: AsyncIterable<TrackedPerson>,
): Promise<import('./track/animation.js').Animation> {
  return (await import('./track/animation.js')).Animation.of(track);
}

/** The tracks of several people (option `people`): one animation a person, who is seen most first. */
export async function animationsOf(
  tracks: AsyncIterable<TrackedPerson>,
): Promise<import('./track/animation.js').Animation[]> {
  return (await import('./track/animation.js')).Animation.allOf(tracks);
}

/** Boxes of every face, pixels of the decoded photo: those surely seen first, of these the whole ones before those that the border cuts, each sort by size, largest first. */
export async function detect(image: ImageInput, options?: DetectOptions): Promise<import('./hrn.js').FaceBox[]> {
  return (await instance()).detect(image, options);
}

/**
 * An instance with threads, device, models and lifetime of its own.
 *
 * @example
 * {@includeCode ../examples/api/instance.ts}
 */
export async function create(options?: CreateOptions): Promise<Hrn> {
  return (await import('./hrn.js')).create(options);
}

/** Somebody else's head model (docs/importing.md), for `create({ model })` or to be written as one file. */
export async function importModel(
  path: string,
  options: import('./import-model.js').ImportModelOptions,
): Promise<import('./import-model.js').ImportedHeadModel> {
  return (await import('./import-model.js')).importModel(path, options);
}

/** A synthetic portrait with everything that is true about it. */
export async function sample(options: import('./sample.js').SampleOptions): Promise<import('./sample.js').Sample> {
  return (await import('./sample.js')).sample(options);
}

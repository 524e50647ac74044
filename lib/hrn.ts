/// <reference lib="esnext.disposable" preserve="true" />
import { availableParallelism } from 'node:os';
import { chooseDevice, type Device, deviceText } from './device.js';
import { HrnError } from './errors.js';
import type { Resources } from './fit.js';
import { type HeadModel, loadHeadModel } from './head-model.js';
import { decodeImage, type ImageInput } from './image.js';
import type { NativeContext } from './native/binding.js';
import { native } from './native/load.js';
import {
  type CreateOptions,
  type DetectOptions,
  type DeviceRequest,
  type FitOptions,
  type FitViewsOptions,
  invalid,
  type ResolvedCreateOptions,
  type ResolvedFitOptions,
  resolveCreateOptions,
  resolveDetectOptions,
  resolveFitOptions,
  resolveFitViewsOptions,
  resolveTrackOptions,
  type TrackOptions,
} from './options.js';
import { type FaceFailure, type FaceOutcome, PhotoFits } from './photo-fits.js';
import { ProgressReporter } from './progress.js';
import type { Reference } from './reference/reference.js';
import type { Reconstruction } from './result.js';
import type { Box } from './result-data.js';
import { sigmoid } from './stages/blaze-face.js';
import { findFaces } from './stages/find-faces.js';
import { FaceNetworks } from './stages/networks.js';
import { Photo } from './stages/photo.js';
import { EMBEDDED_REGRESSOR, type RegressorInput } from './stages/regress.js';
import type { Animation } from './track/animation.js';
import type { VideoInput } from './track/sources.js';
import type { TrackedPerson } from './track/track.js';
import type { ViewsReconstruction } from './views/result.js';

/** A face in a photo. */
export interface FaceBox extends Box {
  /** How sure the detector is, 0..1. */
  score: number;
  /** How sure the landmark network is that it sees a face that it can follow, 0..1. */
  presence: number;
}

/** Every face that could be fitted; `failures` tells of the others. */
export type FittedFaces = Reconstruction[] & { readonly failures: readonly FaceFailure[] };

/** Photos of one person at most. */
const MAX_VIEWS = 64;

/**
 * Networks, head model and threads, held until dispose(). Calls may overlap: they share the threads.
 */
export class Hrn {
  readonly #options: ResolvedCreateOptions;
  readonly #threads: number;
  #device: Device;
  /** The device failed: where the choice is the instance's, it is made anew. */
  #deviceFailed = false;
  /** What fits asked for by name, and what it came down to: to look at the GPUs takes 20 ms. */
  readonly #devices = new Map<DeviceRequest, Promise<Device>>();
  /** By name of the device: a fit may ask for another one than the instance's. */
  readonly #contexts = new Map<string, NativeContext>();
  readonly #networks: FaceNetworks;
  #head: Promise<HeadModel> | undefined;
  #reference: Promise<Reference> | undefined;
  readonly #running = new Set<Promise<unknown>>();
  #disposed = false;

  /** Use `create()`. */
  constructor(options: ResolvedCreateOptions, device: Device) {
    this.#options = options;
    this.#device = device;
    this.#threads = options.threads || availableParallelism();
    this.#networks = new FaceNetworks({
      models: options.models,
      regressor: options.regressor?.onnx,
      cudaDevice: options.inference === 'cuda' ? (device.cudaDevice ?? 0) : undefined,
    });
  }

  /**
   * Where fits run, and why there: `cuda:0 (NVIDIA H100)`, `cpu (no NVIDIA driver is installed)`, `cpu`. With `auto` a GPU
   * that fails is left after the fit that met it.
   */
  get device(): string {
    return deviceText(this.#device);
  }

  /**
   * Fits one face, by default the largest.
   *
   * @throws HrnError; see docs/errors.md. Aborting rejects with the signal's reason.
   */
  fit(image: ImageInput, options?: FitOptions): Promise<Reconstruction> {
    return this.#run(async () => {
      const resolved = resolveFitOptions(options);
      const photo = await this.#open(image, resolved, resolved.face !== 'largest');
      try {
        return await this.#fitting(() => photo.fit(resolved.face === 'largest' ? 0 : resolved.face));
      } finally {
        photo.dispose();
      }
    });
  }

  /**
   * Fits every face, in the order and with the numbers of `detect`. Of several, those that cannot be fitted (too small,
   * turned away, covered) are left out and told in `failures`; where none can, the first one's error is thrown.
   */
  async fitAll(image: ImageInput, options?: FitOptions): Promise<FittedFaces> {
    const faces: Reconstruction[] = [];
    const failures: FaceFailure[] = [];
    for await (const outcome of this.fitEach(image, options)) {
      if (outcome.error === undefined) faces.push(outcome.face);
      else failures.push(outcome);
    }
    if (faces.length === 0) throw failures[0]!.error;
    return Object.assign(faces, { failures });
  }

  /**
   * As fitAll, one face after the other: each is fitted when it is asked for, so a photo of many faces needs no more
   * memory than one of a single face.
   */
  async *fitEach(image: ImageInput, options?: FitOptions): AsyncGenerator<FaceOutcome, void> {
    const photo = await this.#run(() => this.#open(image, resolveFitOptions(options), true));
    try {
      for (const index of photo.faces.keys()) {
        yield await this.#run(() => this.#fitting(() => photo.outcome(index)));
      }
    } finally {
      photo.dispose();
    }
  }

  /**
   * One person from several photos, of any expressions and cameras: each photo's largest face. Photos that cannot take part
   * are left out and named in `leftOut`.
   *
   * @throws HrnError TOO_FEW_VIEWS, and what fit() throws; aborting rejects with the signal's reason
   */
  fitViews(images: readonly ImageInput[], options?: FitViewsOptions): Promise<ViewsReconstruction> {
    return this.#run(async () => {
      const resolved = resolveFitViewsOptions(options);
      if (!Array.isArray(images) || images.length < 2 || images.length > MAX_VIEWS)
        throw invalid(`an array of 2 to ${MAX_VIEWS} images`, 'images', images);
      resolved.signal?.throwIfAborted();
      const resources = await this.#resources(resolved);
      const { fitViews } = await import('./views/fit-views.js');
      return fitViews(resources, images, resolved);
    });
  }

  /**
   * People's heads and their motion from a video, a folder or pattern of frames, or frames as they come: of who is seen
   * most, or of as many as option `people` says. `person` is the same for every frame of a `track`.
   *
   * @throws HrnError FFMPEG_MISSING, VIDEO_UNREADABLE (after the frames before the break), and what fitViews() throws
   */
  async *track(video: VideoInput, options?: TrackOptions): AsyncGenerator<TrackedPerson, void> {
    const resolved = resolveTrackOptions(options);
    const { trackFrames } = await import('./track/track.js');
    const frames = await this.#run(async () => trackFrames(await this.#resources(resolved.views), video, resolved));
    try {
      for (;;) {
        const { value, done } = await this.#run(() => frames.next());
        if (done) return;
        yield value;
      }
    } finally {
      await frames.return();
    }
  }

  /**
   * A video of the input beside the tracked head, H.264 in MP4, through ffmpeg.
   *
   * @param video what was tracked, if it can be read again
   * @throws HrnError FFMPEG_MISSING, OUTPUT_NOT_WRITABLE
   */
  writeTrackPreview(animation: Animation, video: VideoInput, path: string, options?: TrackOptions): Promise<void> {
    return this.#run(async () => {
      const { views, fps } = resolveTrackOptions(options);
      const [{ openFrames }, { writePreview }] = await Promise.all([
        import('./track/sources.js'),
        import('./track/preview.js'),
      ]);
      const source = await openFrames(video, fps, views);
      await writePreview(this.#contextOn(this.#device), animation, source, path, views.signal);
    });
  }

  /** Every face: those whose features both networks see first, then whole ones before cut ones, each sort by size; an empty list where there is none. */
  detect(image: ImageInput, options?: DetectOptions): Promise<FaceBox[]> {
    return this.#run(async () => {
      const { signal, minFacePx, ...limits } = resolveDetectOptions(options);
      const decoded = await decodeImage(image, { ...limits, signal });
      const photo = new Photo(this.#contextOn(this.#device), decoded);
      try {
        const faces = await findFaces(this.#networks, photo, decoded, { all: true, minFacePx, signal });
        return faces.map(({ box, score, presenceLogit }) => ({ ...box, score, presence: sigmoid(presenceLogit) }));
      } finally {
        photo.dispose();
      }
    });
  }

  /** Waits for what is running, then frees networks, model and threads. Further calls reject with DISPOSED. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    this.#networks.dispose();
    for (const context of this.#contexts.values()) context.dispose();
    this.#head = undefined;
    (await this.#reference?.catch(() => undefined))?.dispose();
    this.#reference = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** What fits of several photos share. */
  async #resources(options: { device: DeviceRequest | undefined; regressor: boolean }): Promise<Resources> {
    const device = await this.#deviceOf(options.device);
    this.#networks.prepare('detectShortRange', 'detectFullRange', 'landmarks', 'segmentPerson');
    const regressor = await this.#regressorInput(options.regressor);
    return {
      context: this.#contextOn(device),
      networks: this.#networks,
      head: await this.#loadHead(),
      regressor,
      device: deviceText(device),
      // Views and tracks are fitted by the default method.
      reference: undefined,
    };
  }

  /** Decodes a photo and finds its faces; the model and the networks load beside that. */
  async #open(image: ImageInput, options: ResolvedFitOptions, all: boolean): Promise<PhotoFits> {
    const { signal, minFacePx } = options;
    signal?.throwIfAborted();
    if (this.#deviceFailed && this.#options.device === 'auto') {
      this.#device = await chooseDevice('auto');
      this.#deviceFailed = false;
    }
    const device = await this.#deviceOf(options.device);
    const context = this.#contextOn(device);
    const progress = new ProgressReporter(options.onProgress, options.detail === 'high' ? [] : ['detail']);
    const timingsMs: Record<string, number> = {};
    const timed = async <T>(name: 'decode' | 'detect', run: () => Promise<T>): Promise<T> => {
      progress.report(name, 0, 1);
      const start = performance.now();
      const result = await run();
      timingsMs[name] = performance.now() - start;
      progress.report(name, 1, 1);
      signal?.throwIfAborted();
      return result;
    };
    // Their failures are told when they are needed.
    this.#networks.prepare('detectShortRange', 'detectFullRange', 'landmarks', 'segmentPerson');
    const head = this.#loadHead();
    const choosing = this.#regressorInput(options.regressor);
    for (const begun of [head, choosing]) begun.catch(() => {});
    const decoded = await timed('decode', () => decodeImage(image, options));
    const photo = new Photo(context, decoded);
    try {
      const faces = await timed('detect', () =>
        findFaces(this.#networks, photo, decoded, { all, onlyLargest: !all, minFacePx, signal }),
      );
      if (faces.length === 0) {
        throw new HrnError(
          'NO_FACE',
          'no face was found; use a photo in which one face is large and turned to the camera',
        );
      }
      const networks = this.#networks;
      const reference = await this.#openReference();
      const regressor = await choosing;
      const resources = { context, networks, head: await head, regressor, device: deviceText(device), reference };
      return new PhotoFits(resources, decoded, photo, faces, options, progress, timingsMs);
    } catch (error) {
      photo.dispose();
      throw error;
    }
  }

  /** Notes that the device failed. */
  async #fitting<T>(fit: () => Promise<T>): Promise<T> {
    try {
      return await fit();
    } catch (error) {
      if (error instanceof HrnError && error.code === 'DEVICE_FAILED') {
        this.#deviceFailed = true;
        this.#devices.clear();
      }
      throw error;
    }
  }

  /** The instance's, or the one that a fit asks for by name. */
  async #deviceOf(request: DeviceRequest | undefined): Promise<Device> {
    if (request === undefined) return this.#device;
    const known = this.#devices.get(request);
    if (known !== undefined) return known;
    const chosen = chooseDevice(request);
    this.#devices.set(request, chosen);
    // A GPU that is missing now may be there later.
    chosen.then(
      ({ cudaDevice }) => cudaDevice === undefined && request !== 'cpu' && this.#devices.delete(request),
      () => this.#devices.delete(request),
    );
    return chosen;
  }

  #contextOn({ name, cudaDevice }: Device): NativeContext {
    let context = this.#contexts.get(name);
    if (context === undefined) {
      const place = cudaDevice === undefined ? {} : { cudaDevice };
      context = new (native().Context)({ threads: this.#threads, ...place });
      this.#contexts.set(name, context);
    }
    return context;
  }

  /** What the coefficient network is shown; nothing where there is none for the head. */
  async #regressorInput(isWanted: boolean): Promise<RegressorInput | undefined> {
    if (!isWanted) return undefined;
    const { regressor, model } = this.#options;
    const isUsable =
      regressor !== undefined || model === undefined || (await this.#loadHead()).morphable.kinship !== undefined;
    if (!isUsable) return undefined;
    this.#networks.prepare('regress');
    return regressor ?? EMBEDDED_REGRESSOR;
  }

  /** The reference's own method, where its files were given. */
  #openReference(): Promise<Reference> | undefined {
    const { reference, method } = this.#options;
    if (reference !== undefined && this.#reference === undefined) {
      this.#reference = import('./reference/reference.js').then(({ Reference }) =>
        Reference.open(reference, method, this.#threads),
      );
      // A failure is told to whoever waits, and tried again by the next caller.
      this.#reference.catch(() => {
        this.#reference = undefined;
      });
    }
    return this.#reference;
  }

  #loadHead(): Promise<HeadModel> {
    if (this.#head === undefined) {
      this.#head = loadHeadModel(this.#options.model, this.#options.models);
      // A failure is told to whoever waits, and tried again by the next caller.
      this.#head.catch(() => {
        this.#head = undefined;
      });
    }
    return this.#head;
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#disposed) {
      throw new HrnError('DISPOSED', 'this instance was disposed; make another with create()');
    }
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }
}

/**
 * An instance with a lifetime of its own: call dispose(), or declare it with `await using`.
 *
 * @throws HrnError INVALID_OPTION, DEVICE_UNAVAILABLE, NATIVE_UNAVAILABLE
 */
export async function create(options?: CreateOptions): Promise<Hrn> {
  const resolved = resolveCreateOptions(options);
  return new Hrn(resolved, await chooseDevice(resolved.device));
}

/** What fit(), fitAll() and detect() of the package share; made on first use, held for the life of the process. */
let shared: Promise<Hrn> | undefined;

export function sharedInstance(): Promise<Hrn> {
  shared ??= create();
  shared.catch(() => {
    shared = undefined;
  });
  return shared;
}

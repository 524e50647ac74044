import { fileURLToPath } from 'node:url';
import { describe } from './describe.js';
import { HrnError } from './errors.js';
import type { MorphableModel } from './morphable-model.js';
import type { OnProgress } from './progress.js';
import type { OnTrackProgress } from './track/progress.js';
import type { OnViewsProgress } from './views/progress.js';

export const DETAILS = ['coarse', 'medium', 'high'] as const;
export type Detail = (typeof DETAILS)[number];

export const TEXTURE_KINDS = ['photo', 'albedo', 'both'] as const;
export type TextureKind = (typeof TEXTURE_KINDS)[number];

/** Limits on an input image, checked against its header before anything is decoded. */
export interface ImageLimits {
  /** Width times height at most. Default 50,000,000. */
  maxPixels?: number | undefined;
  /** Either side at most, in pixels. Default 16,384. */
  maxSide?: number | undefined;
}

export interface DetectOptions extends ImageLimits {
  /**
   * Smallest face to look for and to fit, in pixels of its box's longer side. Default: those from 100 on are looked for,
   * and those from 45 on that are found all the same are fitted.
   */
  minFacePx?: number | undefined;
  /** Aborting rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Where fits run: `auto` is a GPU where one can be used, else the CPU; `cuda` is the first GPU that can be used. */
export type DeviceRequest = 'auto' | 'cpu' | 'cuda' | `cuda:${number}`;

export interface FitOptions extends DetectOptions {
  /** `coarse` stops at the morphable model; `medium` (default) adds the deformation map, `high` the displacement map. */
  detail?: Detail | undefined;
  /** Side of the displacement map in texels, 512 to 4096. Default 1024. Matters at `detail: 'high'` only. */
  displacementSize?: number | undefined;
  /** About how many triangles `levels.high` has, 50,000 to 2,000,000. Default 150,000. */
  highTriangles?: number | undefined;
  /** Which face: `largest` (default), or a number that `detect` gives it, from 0. fitAll ignores it. */
  face?: 'largest' | number | undefined;
  /** Focal length in pixels of the decoded image. Default: from EXIF, else estimated. */
  focalLengthPx?: number | undefined;
  /** Start from the coefficient network and trust it as far as its uncertainty says (default), or fit without it. */
  regressor?: boolean | undefined;
  /** Side of the square texture in texels, 256 to 8192. Default 2048. */
  textureSize?: number | undefined;
  /**
   * `photo` (default): the texture as the photo shows it, with its light. `albedo` or `both`: also `face.albedo`, the
   * texture without light; `albedo` asks files for it in place of the other.
   */
  texture?: TextureKind | undefined;
  /** Also a simple volume of hair, `face.hair`, where the photo shows hair: a part of its own in files and previews. Default false. */
  hair?: boolean | undefined;
  /** In place of the instance's device, for this fit. */
  device?: DeviceRequest | undefined;
  /** Called on the event loop; see ProgressEvent. What it throws rejects the fit. */
  onProgress?: OnProgress | undefined;
}

/** Options of fitViews: `face` has no meaning there, each photo's largest face is taken. */
export interface FitViewsOptions extends Omit<FitOptions, 'face' | 'hair' | 'onProgress' | 'focalLengthPx'> {
  /** Whose expression, pose and camera the result has, as a number among the images. Default: the most frontal one. */
  view?: number | undefined;
  /** Focal length of all photos in pixels. Default: from EXIF, else estimated. */
  focalLengthPx?: number | undefined;
  /** Called on the event loop. What it throws rejects the fit. */
  onProgress?: OnViewsProgress | undefined;
}

/**
 * A network that predicts a head model's coefficients. One float32 input of fixed shape, `input` says what it holds;
 * float32 outputs by name: `identity` and `expression` (leading coefficients, of any number up to the model's),
 * `identityDeviation` and `expressionDeviation` (their standard deviations), and `logDistance` and
 * `logDistanceDeviation` (of the camera from the head's origin, natural logarithm of millimetres). All but `identity`
 * may be missing; a missing deviation is half of the model's prior one. See docs/networks.md.
 */
export interface CoefficientNetwork {
  /** Bytes of an .onnx file, its path, or its file: URL. */
  onnx: Uint8Array | string | URL;
  /**
   * `landmarks`: `[478][4]`, x, y, z of each landmark in the upright square around the face, from its middle and in its
   * sides, and the presence of a face. `crop`: pixels of the face, RGB 0..1. `landmarks+crop` (default): one after the
   * other.
   */
  input?: 'landmarks' | 'crop' | 'landmarks+crop' | undefined;
  /** Side of the crop in pixels, 16 to 1024. Default 112. */
  cropPx?: number | undefined;
  /** Order of the crop: `hwc` (default), colours last, or `chw`, colours first. */
  cropLayout?: 'hwc' | 'chw' | undefined;
}

export const REFERENCE_METHODS = ['hrn', 'inference+fitting'] as const;
export type ReferenceMethod = (typeof REFERENCE_METHODS)[number];

export interface CreateOptions {
  /** Default `auto`. A CUDA device that cannot be used is refused, with the reason. */
  device?: DeviceRequest | undefined;
  /**
   * Where the networks run: `cpu` (default), or `cuda`, by ONNX Runtime's CUDA provider where it is installed; where it
   * does not work the CPU runs them, and `face.inference` says why.
   */
  inference?: 'cpu' | 'cuda' | undefined;
  /** Threads for the fit, 1 to 256. Default: one per core that the process may use. */
  threads?: number | undefined;
  /** A head model in place of the embedded one: itself, or the path or file: URL of what `hrn models import` wrote. */
  model?: MorphableModel | string | URL | undefined;
  /** A coefficient network for `model`, or in place of the embedded one. Without it an own model is fitted without. */
  regressor?: CoefficientNetwork | undefined;
  /**
   * Folder of HRN's or ModelScope's own files, a path or file: URL: fits run the reference's own method with them (see
   * docs/reference.md). The options `regressor` and `textureSize` of fit() then mean nothing; `detail: 'high'` adds the
   * displacement map and its mesh.
   */
  reference?: string | URL | undefined;
  /**
   * Which of the reference's published forms: `hrn` (default; CVPR 2023), or `inference+fitting`, its first release:
   * regression, then 100 steps of Adam on coefficients and offset maps. Needs `reference`.
   */
  method?: ReferenceMethod | undefined;
  /** Folder with a manifest.json and the models it lists, in place of the embedded ones: a path or file: URL. */
  models?: string | URL | undefined;
}

export interface ResolvedDetectOptions {
  maxPixels: number;
  maxSide: number;
  /** Undefined: detection and fits have defaults of their own. */
  minFacePx: number | undefined;
  signal: AbortSignal | undefined;
}

export interface ResolvedFitOptions extends ResolvedDetectOptions {
  detail: Detail;
  displacementSize: number;
  highTriangles: number;
  face: 'largest' | number;
  focalLengthPx: number | undefined;
  regressor: boolean;
  textureSize: number;
  texture: TextureKind;
  hair: boolean;
  device: DeviceRequest | undefined;
  onProgress: OnProgress | undefined;
}

/** Options of track; those of fitViews concern the first pass, which finds out who is in the video. */
export interface TrackOptions
  extends Omit<FitViewsOptions, 'view' | 'oneCamera' | 'onProgress' | 'maxPixels' | 'maxSide'> {
  /** Frames a second of a folder's frames, and of raw frames without times. Default 25. */
  fps?: number | undefined;
  /** Whether jitter is removed, which delays every frame by four. Default true. */
  smooth?: boolean | undefined;
  /** How many people to follow at most, 1 to 8: those who are seen most. Default 1. */
  people?: number | undefined;
  /** Called on the event loop. What it throws ends the track. */
  onProgress?: OnTrackProgress | undefined;
}

export interface ResolvedTrackOptions {
  views: ResolvedFitViewsOptions;
  fps: number;
  smooth: boolean;
  people: number;
  onProgress: OnTrackProgress | undefined;
}

export interface ResolvedFitViewsOptions extends Omit<ResolvedFitOptions, 'onProgress'> {
  view: number | undefined;
  oneCamera: boolean | undefined;
  onProgress: OnViewsProgress | undefined;
}

export interface ResolvedCreateOptions {
  device: DeviceRequest;
  inference: 'cpu' | 'cuda';
  /** 0: one per core. */
  threads: number;
  model: MorphableModel | string | undefined;
  regressor: ResolvedCoefficientNetwork | undefined;
  reference: string | undefined;
  method: ReferenceMethod;
  models: string | undefined;
}

export interface ResolvedCoefficientNetwork {
  onnx: Uint8Array | string;
  input: 'landmarks' | 'crop' | 'landmarks+crop';
  cropPx: number;
  cropLayout: 'hwc' | 'chw';
}

export const DEFAULT_LIMITS = { maxPixels: 50_000_000, maxSide: 16_384 } as const;

/** What a raw decoder's side and area can be at all: 8-bit RGB of it still fits one buffer. */
const LARGEST = { maxPixels: 1_000_000_000, maxSide: 65_535 } as const;

/** Checks and completes; an explicit undefined means the default. Throws HrnError INVALID_OPTION. */
export function resolveDetectOptions(options: DetectOptions = {}): ResolvedDetectOptions {
  return detectFields(fieldsOf(options, ['maxPixels', 'maxSide', 'minFacePx', 'signal']));
}

const FIT_OPTIONS = [
  'maxPixels',
  'maxSide',
  'signal',
  'detail',
  'displacementSize',
  'highTriangles',
  'face',
  'focalLengthPx',
  'regressor',
  'textureSize',
  'texture',
  'hair',
  'minFacePx',
  'device',
  'onProgress',
] as const;

/** As resolveDetectOptions. */
export function resolveFitOptions(options: FitOptions = {}): ResolvedFitOptions {
  const given = fieldsOf(options, FIT_OPTIONS);
  return {
    ...detectFields(given),
    detail: detailOf(given.detail),
    displacementSize: whole(given, 'displacementSize', 512, 4096, 1024),
    highTriangles: whole(given, 'highTriangles', 50_000, 2_000_000, 150_000),
    face: given.face === undefined || given.face === 'largest' ? 'largest' : faceIndex(given.face),
    focalLengthPx: given.focalLengthPx === undefined ? undefined : number(given, 'focalLengthPx', 1, 1e6),
    regressor: flagOf(given, 'regressor', true),
    textureSize: whole(given, 'textureSize', 256, 8192, 2048),
    texture: oneOf(given, 'texture', TEXTURE_KINDS),
    hair: flagOf(given, 'hair', false),
    device: given.device === undefined ? undefined : deviceOf(given.device),
    onProgress: functionOf(given),
  };
}

/** As resolveDetectOptions. */
export function resolveFitViewsOptions(options: FitViewsOptions = {}): ResolvedFitViewsOptions {
  const known = [...FIT_OPTIONS.filter((name) => name !== 'face'), 'view', 'oneCamera'];
  const { view, oneCamera, onProgress, ...shared } = fieldsOf(options, known);
  if (oneCamera !== undefined && typeof oneCamera !== 'boolean') throw invalid('true or false', 'oneCamera', oneCamera);
  // Each photo has a light of its own, and its wrinkles another expression.
  if (shared.detail === 'high') throw invalid("'coarse' or 'medium' for several photos", 'detail', shared.detail);
  // Hair falls as it will in each.
  if (shared.hair) throw invalid('false or nothing for several photos', 'hair', shared.hair);
  return {
    ...resolveFitOptions(shared),
    oneCamera,
    view: view === undefined ? undefined : faceIndex(view),
    onProgress: functionOf<OnViewsProgress>({ onProgress }),
  };
}

/** As resolveDetectOptions. */
export function resolveTrackOptions(options: TrackOptions = {}): ResolvedTrackOptions {
  const shown = FIT_OPTIONS.filter((name) => !['face', 'maxPixels', 'maxSide'].includes(name));
  const given = fieldsOf(options, [...shown, 'fps', 'smooth', 'people']);
  const { fps: _, smooth: __, people: ___, onProgress, ...views } = given;
  return {
    views: resolveFitViewsOptions(views),
    fps: number(given, 'fps', 1e-3, 1e4, 25),
    smooth: flagOf(given, 'smooth', true),
    people: whole(given, 'people', 1, 8, 1),
    onProgress: functionOf<OnTrackProgress>({ onProgress }),
  };
}

/** As resolveDetectOptions. Whether the device can be used is not looked at here. */
export function resolveCreateOptions(options: CreateOptions = {}): ResolvedCreateOptions {
  const given = fieldsOf(options, [
    'device',
    'inference',
    'threads',
    'model',
    'regressor',
    'reference',
    'method',
    'models',
  ]);
  const { inference } = given;
  if (inference !== undefined && inference !== 'cpu' && inference !== 'cuda') {
    throw invalid("'cpu' or 'cuda'", 'inference', inference);
  }
  return {
    device: given.device === undefined ? 'auto' : deviceOf(given.device),
    inference: inference ?? 'cpu',
    threads: given.threads === undefined ? 0 : whole(given, 'threads', 1, 256, 1),
    model: modelOf(given.model),
    regressor: given.regressor === undefined ? undefined : coefficientNetwork(given.regressor),
    reference: folderOf(given.reference, 'reference'),
    method: methodOf(given),
    models: folderOf(given.models, 'models'),
  };
}

/** "expected WHAT for option NAME, got VALUE": every bad option reads the same. */
export function invalid(expected: string, name: string, got: unknown): HrnError {
  return new HrnError('INVALID_OPTION', `expected ${expected} for option ${name}, got ${describe(got)}`, {
    details: { option: name },
  });
}

function detectFields(given: Fields): ResolvedDetectOptions {
  const { signal } = given;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid('an AbortSignal', 'signal', signal);
  return {
    maxPixels: whole(given, 'maxPixels', 1, LARGEST.maxPixels, DEFAULT_LIMITS.maxPixels),
    maxSide: whole(given, 'maxSide', 1, LARGEST.maxSide, DEFAULT_LIMITS.maxSide),
    minFacePx: given.minFacePx === undefined ? undefined : number(given, 'minFacePx', 1, LARGEST.maxSide),
    signal,
  };
}

function detailOf(value: unknown): Detail {
  if (value === undefined) return 'medium';
  if (DETAILS.includes(value as Detail)) return value as Detail;
  throw invalid("'coarse', 'medium' or 'high'", 'detail', value);
}

function faceIndex(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 10_000) return value;
  throw invalid("'largest' or an index from 0", 'face', value);
}

const DEVICE = /^(auto|cpu|cuda|cuda:\d{1,3})$/;

function deviceOf(value: unknown): DeviceRequest {
  if (typeof value === 'string' && DEVICE.test(value)) return value as DeviceRequest;
  throw invalid("'auto', 'cpu', 'cuda' or 'cuda:N'", 'device', value);
}

function methodOf(given: Fields): ReferenceMethod {
  if (given.method !== undefined && given.reference === undefined) {
    throw new HrnError(
      'INVALID_OPTION',
      'option method says how the reference fits: give its folder as option reference',
      {
        details: { option: 'method' },
      },
    );
  }
  return oneOf(given, 'method', REFERENCE_METHODS);
}

function modelOf(value: unknown): MorphableModel | string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  if (value instanceof URL && value.protocol === 'file:') return fileURLToPath(value);
  if (typeof value === 'object' && value !== null && 'vertexCount' in value) return value as MorphableModel;
  throw invalid('a MorphableModel, or the path or file: URL of one', 'model', value);
}

function folderOf(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  if (value instanceof URL && value.protocol === 'file:') return fileURLToPath(value);
  throw invalid('the path or file: URL of a folder', name, value);
}

function coefficientNetwork(value: unknown): ResolvedCoefficientNetwork {
  if (typeof value !== 'object' || value === null || !('onnx' in value)) {
    throw invalid('a CoefficientNetwork', 'regressor', value);
  }
  const given = fieldsOf(value, ['onnx', 'input', 'cropPx', 'cropLayout']);
  return {
    onnx: networkOf(given.onnx),
    input: oneOf(given, 'input', ['landmarks+crop', 'landmarks', 'crop']),
    cropPx: whole(given, 'cropPx', 16, 1024, 112),
    cropLayout: oneOf(given, 'cropLayout', ['hwc', 'chw']),
  };
}

function networkOf(value: unknown): Uint8Array | string {
  if (value instanceof Uint8Array || (typeof value === 'string' && value !== '')) return value;
  if (value instanceof URL && value.protocol === 'file:') return fileURLToPath(value);
  throw invalid('bytes, a path or a file: URL', 'regressor.onnx', value);
}

function functionOf<Listener = OnProgress>(given: Fields): Listener | undefined {
  const { onProgress } = given;
  if (onProgress === undefined || typeof onProgress === 'function') return onProgress as Listener | undefined;
  throw invalid('a function', 'onProgress', onProgress);
}

type Fields = Readonly<Record<string, unknown>>;

/** The fields of an options object; a name that is not known is an error, so a typing mistake is not silently ignored. */
function fieldsOf(options: unknown, known: readonly string[]): Fields {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new HrnError('INVALID_OPTION', `expected an object of options, got ${describe(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new HrnError('INVALID_OPTION', `there is no option ${name}; the options are ${known.join(', ')}`, {
        details: { option: name },
      });
    }
  }
  return { ...options };
}

function number(given: Fields, name: string, min: number, max: number, byDefault?: number): number {
  const value = given[name] === undefined ? byDefault : given[name];
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw invalid(`a number from ${min} to ${max}`, name, value);
}

function flagOf(given: Fields, name: string, byDefault: boolean): boolean {
  const value = given[name] ?? byDefault;
  if (typeof value === 'boolean') return value;
  throw invalid('true or false', name, value);
}

/** One of the names; the first is the default. */
function oneOf<T extends string>(given: Fields, name: string, names: readonly [T, ...T[]]): T {
  const value = given[name] === undefined ? names[0] : given[name];
  if (names.includes(value as T)) return value as T;
  throw invalid(names.map((one) => `'${one}'`).join(' or '), name, value);
}

function whole(given: Fields, name: string, min: number, max: number, byDefault: number): number {
  const value = given[name] === undefined ? byDefault : given[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(`a whole number from ${min} to ${max}`, name, value);
}

import type { HrnError, HrnErrorCode } from '../errors.js';
import type { MorphableModel } from '../morphable-model.js';
import type { CoarseFit, CoarseProblem } from './coarse.js';
import type { DetailFit, DetailProblem } from './detail.js';
import type { Affine, NativeDenseClasses, NativeFaceView, NativeFineDetail } from './face-view.js';
import type { HairProblem, NativeHair } from './hair.js';
import type { NativeReferenceModel, ReferenceFit, ReferenceModel, ReferenceProblem } from './reference.js';
import type {
  DeformationFit,
  DeformationProblem,
  PhotometricFit,
  PhotometricProblem,
  SeenPoints,
  TextureProblem,
} from './refine.js';
import type {
  BlendShapeProblem,
  LayoutMapProblem,
  NativeBlendShapes,
  OwnOffsetsProblem,
  SpreadProblem,
} from './rig.js';
import type { JointDeformationFit, JointProblem, RegisteredView } from './views.js';

/**
 * Everything that the addon exports, in TypeScript. A test compares the addon's names with NATIVE_EXPORTS.
 *
 * Entry points check what they are given and throw HrnError INVALID_ARGUMENT; jobs run off the event loop.
 */
export interface NativeBinding {
  /** Backends in this binary, best first. */
  backends(): string[];
  /** The instruction set that the CPU backend chose for this machine. */
  isa(): string;
  /** The codes that native code throws. */
  errorCodes(): HrnErrorCode[];
  /** What native errors are thrown as. */
  setErrorClass(errorClass: new (code: HrnErrorCode, message: string) => HrnError): void;
  /** `cudaDevice`: where jobs with a CUDA version run; absent: on the threads, as the others. */
  Context: new (options: {
    threads: number;
    cudaDevice?: number;
  }) => NativeContext;
  /** The CUDA devices of this machine, and why those that cannot be used cannot; takes no memory on them. */
  probeCuda(): NativeJob<CudaStatus>;
  /** Reads the pixels where they lie: leave them alone until it and its jobs are done. */
  Image: new (image: {
    data: Uint8Array;
    width: number;
    height: number;
    channels: 3 | 4;
  }) => NativeImage;
  /** A crop of an image, `[height][width][3]`. */
  cropImage(context: NativeContext, image: NativeImage, crop: CropSpec): NativeJob<Float32Array>;
  /** Draws a mesh; see lib/render.ts. */
  render(context: NativeContext, scene: NativeRenderScene): NativeJob<NativePicture>;
  /**
   * Edge-preserving upsampling of a mask by a colour image of the same region: `[fineSize][fineSize]`, 0..1. The job reads
   * the arrays where they lie.
   */
  guidedUpsample(context: NativeContext, options: GuidedUpsample): NativeJob<Float32Array>;
  /** Where bare skin of the head ends and background begins. */
  skinEdges(
    context: NativeContext,
    view: NativeFaceView,
    dense: NativeDenseClasses,
    photo: { width: number; height: number },
  ): NativeJob<NativeSkinEdges>;
  /**
   * Where a crop shows skin, `[size][size]`, 0..1: inside the landmarks' outline, outside the openings of eyes and mouth,
   * inside the photo, and as far as the person mask and, where it is given, the dense network say.
   */
  skinMask(
    context: NativeContext,
    view: NativeFaceView,
    dense: NativeDenseClasses | undefined,
    frame: NativeCropFrame,
    photo: { width: number; height: number },
  ): NativeJob<Float32Array>;
  /** How fine the detail of a square around a face is, of `rgb` `[size][size][3]` and `values` `[size][size]`; from 128 px on. */
  fineDetail(person: Pick<NativeFaceView, 'rgb' | 'values' | 'size'>): NativeJob<NativeFineDetail>;
  Session: new () => NativeSession;
  /** Copies, checks (MODEL_CORRUPT names the array at fault) and repacks a model. */
  buildModel(model: MorphableModel): NativeJob<NativeModel>;
  /** One Catmull-Clark step with smooth boundary curves. MODEL_CORRUPT where the cage's faces or mirror are unusable. */
  subdivide(cage: NativeCage): NativeJob<NativeSubdivision>;
  /** The landmark fit; see CoarseProblem. FIT_FAILED when the landmarks do not determine a pose. */
  coarseFit(
    context: NativeContext,
    model: NativeModel,
    problem: CoarseProblem,
    onProgress?: NativeProgress,
  ): NativeJob<CoarseFit>;
  /** `[rows][size]`: sums of patterns `[rank][size]` by weights `[rows][rank]`, each partial sum rounded to a float. */
  combinePatterns(patterns: Float32Array, weights: Float64Array, rank: number): Float32Array;
  /** Deformable vertices within `radiusMm` of the dynamic landmarks: for CoarseProblem.contourVertices. */
  contourCandidates(model: NativeModel, radiusMm: number): Uint32Array;
  /** Vertex positions `[vertices][3]`, mm, for all identity and expression coefficients. */
  headShape(
    context: NativeContext,
    model: NativeModel,
    identity: Float64Array,
    expression: Float64Array,
  ): NativeJob<Float32Array>;
  /** Copies, checks and repacks the reference's face model, once for all fits. */
  buildReferenceModel(model: ReferenceModel): NativeJob<NativeReferenceModel>;
  /** The reference's fitting loop; see ReferenceProblem. */
  referenceFit(
    context: NativeContext,
    model: NativeReferenceModel,
    problem: ReferenceProblem,
    onProgress?: NativeProgress,
  ): NativeJob<ReferenceFit>;
  /** Refines the landmark fit on the photo, with albedo and light; see PhotometricProblem. */
  photometricFit(
    context: NativeContext,
    model: NativeModel,
    problem: PhotometricProblem,
    onProgress?: NativeProgress,
  ): NativeJob<PhotometricFit>;
  /** The deformation map on top of the parametric fit; see DeformationProblem. */
  deformationFit(
    context: NativeContext,
    model: NativeModel,
    problem: DeformationProblem,
    onProgress?: NativeProgress,
  ): NativeJob<DeformationFit>;
  /** The displacement map on top of the deformation map, and the mesh with it; see DetailProblem. */
  detailFit(
    context: NativeContext,
    model: NativeModel,
    photo: NativeImage,
    problem: DetailProblem,
    onProgress?: NativeProgress,
  ): NativeJob<DetailFit>;
  /** The landmark fit of several views of one person: a result a view, of one identity; `cost` is each view's own share. */
  jointLandmarkFit(
    context: NativeContext,
    model: NativeModel,
    problem: JointProblem,
    onProgress?: NativeProgress,
  ): NativeJob<CoarseFit[]>;
  /** The photometric refinement of several views: a result a view, of one identity and albedo; see JointProblem. */
  jointPhotometricFit(
    context: NativeContext,
    model: NativeModel,
    problem: JointProblem,
    onProgress?: NativeProgress,
  ): NativeJob<PhotometricFit[]>;
  /** Where several photos show the same skin, by their textures: the same points for each view; see SeenPoints. */
  registerViews(
    context: NativeContext,
    model: NativeModel,
    views: readonly RegisteredView[],
    onProgress?: NativeProgress,
  ): NativeJob<SeenPoints[]>;
  /** One deformation map for all views, which have the same albedo and sizes; the first one's priors count. */
  jointDeformationFit(
    context: NativeContext,
    model: NativeModel,
    views: readonly DeformationProblem[],
    onProgress?: NativeProgress,
  ): NativeJob<JointDeformationFit>;
  /** One texture from several photos of one person. */
  TextureBlend: new (
    model: NativeModel,
  ) => NativeTextureBlend;
  /** The texture stage; see TextureProblem. Resolves with the vertices' unit normals, `[vertices][3]`. */
  recoverTexture(
    context: NativeContext,
    model: NativeModel,
    photo: NativeImage,
    problem: TextureProblem,
  ): NativeJob<Float32Array>;
  /** A volume of hair around a fitted head. */
  hairVolume(
    context: NativeContext,
    model: NativeModel,
    photo: NativeImage,
    problem: HairProblem,
  ): NativeJob<NativeHair>;
  /** Where a head's expressions move its surface, and turn its normals. */
  blendShapes(head: BlendShapeProblem): NativeJob<NativeBlendShapes>;
  /** What each worn shape has of its own, `[vertices][3]`, mm at weight 1; at once, some milliseconds for a whole head. */
  ownOffsets(problem: OwnOffsetsProblem): Float32Array[];
  /** Smooth between the values that are held; `[vertices]`. */
  spreadValues(problem: SpreadProblem): NativeJob<Float32Array>;
  /** `[size][size]`, 0..255. */
  layoutMap(problem: LayoutMapProblem): NativeJob<Uint8Array>;
}

export const NATIVE_EXPORTS = [
  'backends',
  'isa',
  'errorCodes',
  'setErrorClass',
  'Context',
  'probeCuda',
  'Image',
  'cropImage',
  'guidedUpsample',
  'skinEdges',
  'skinMask',
  'fineDetail',
  'render',
  'Session',
  'buildModel',
  'subdivide',
  'coarseFit',
  'combinePatterns',
  'contourCandidates',
  'headShape',
  'buildReferenceModel',
  'referenceFit',
  'photometricFit',
  'deformationFit',
  'detailFit',
  'jointLandmarkFit',
  'jointPhotometricFit',
  'registerViews',
  'jointDeformationFit',
  'TextureBlend',
  'recoverTexture',
  'hairVolume',
  'blendShapes',
  'ownOffsets',
  'spreadValues',
  'layoutMap',
] as const satisfies readonly (keyof NativeBinding)[];

export interface CudaDevice {
  /** As CUDA counts, after CUDA_VISIBLE_DEVICES. */
  index: number;
  name: string;
  computeCapability: string;
  /** Of memory. */
  totalBytes: number;
  /** 0 where unknown. */
  freeBytes: number;
  /** Why it cannot be used; empty where it can. */
  reason: string;
}

export interface CudaStatus {
  /** Architectures that the addon was compiled for; empty where it has no CUDA backend. */
  targets: string;
  /** 13000 is CUDA 13.0; 0 where the addon has no CUDA backend. */
  runtimeVersion: number;
  /** The newest CUDA version that the driver serves; 0 where there is no driver. */
  driverVersion: number;
  /** The driver's own version; empty where unknown. */
  driverName: string;
  devices: CudaDevice[];
  /** Why there is no device; empty where there is one, usable or not. */
  reason: string;
}

/** A thread pool that jobs share; jobs of one context run one after the other. */
export interface NativeContext {
  /** 0 after dispose. */
  readonly threads: number;
  /** A job that runs keeps its threads until it ends. */
  dispose(): void;
}

/** 8-bit sRGB pixels in native memory. */
export interface NativeImage {
  /** A job that runs keeps the pixels until it ends. */
  dispose(): void;
}

export interface CropSpec {
  matrix: Affine;
  /** Of the crop, pixels. */
  width: number;
  height: number;
  /** What black and white become. */
  low: number;
  high: number;
  /** What lies outside the image: black, or the nearest pixel. */
  border: 'zero' | 'replicate';
}

export interface NativeRenderScene {
  /** `[V][3]`, mm, head frame. */
  positions: Float32Array;
  /** `[T][3]` */
  indices: Uint32Array;
  /** `[V][3]`; default: area-weighted. */
  normals?: Float32Array | undefined;
  /** Default true. Else both sides are drawn. */
  cullBackFaces?: boolean | undefined;
  /** Row-major 3x3, then mm: head frame to camera frame. */
  rotation: readonly number[];
  translation: readonly number[];
  focalLengthPx: number;
  principalPointPx: readonly number[];
  width: number;
  height: number;
  /** Samples per pixel and axis, 1 to 4; default 2. */
  supersampling?: number | undefined;
  /** `[V][3]`, sRGB-encoded 0..1. */
  colours?: Float32Array | undefined;
  uvs?: Float32Array | undefined;
  /** Square; wins over colours, needs uvs. */
  texture?: { data: Uint8Array; size: number; channels: 3 | 4 } | undefined;
  /** Default studio. The array: spherical harmonics, `[3][9]`. */
  light?: 'studio' | 'none' | Float32Array | undefined;
  /** Of the mesh, 0..1; default 1. */
  opacity?: number | undefined;
  /** Red, green, blue, alpha 0..1, or an image of width x height; default transparent. */
  background?: readonly number[] | { data: Uint8Array; channels: 3 | 4 } | undefined;
  /** Also return depth, triangleId and barycentrics. */
  geometry?: boolean | undefined;
}

export interface NativePicture {
  /** `[height][width][4]`, sRGB, straight alpha. */
  rgba: Uint8Array;
  /** `[height][width]` at pixel centres, mm; Infinity where nothing is seen. */
  depth?: Float32Array;
  /** `[height][width]`, -1 where nothing is seen. */
  triangleId?: Int32Array;
  /** `[height][width][2]`: perspective-correct weights of the triangle's corners 0 and 1. */
  barycentrics?: Float32Array;
}

export interface GuidedUpsample {
  /** `[size][size]`, 0..1. */
  mask: Float32Array;
  /** `[size][size][3]`, 0..1. */
  guide: Float32Array;
  size: number;
  /** `[fineSize][fineSize][3]`, 0..1. */
  fineGuide: Float32Array;
  fineSize: number;
  /** Of the window in which the mask is fitted as a linear function of colour, pixels of the mask. */
  radius: number;
  /** Variance of colour below which a window counts as flat. */
  epsilon: number;
}

/** Axis-aligned square crop: crop pixel = scale * (photo pixel - (x0, y0)). */
export interface NativeCropFrame {
  x0: number;
  y0: number;
  scale: number;
  /** Side, crop pixels. */
  size: number;
}

export interface NativeSkinEdges {
  /** `[n][2]`, pixels of the photo. */
  points: Float64Array;
  /** `[n][2]`, unit vectors towards the background. */
  normals: Float64Array;
}

/** A network with one float input and float outputs of fixed shape. */
export interface NativeSession {
  /**
   * `library`: path of ONNX Runtime; `model`: bytes of an .onnx file; `cudaDevice`: where ONNX Runtime's CUDA provider is
   * to run it; `threads`: of one run, default 1, 0 one a core. Resolves with why it runs on the CPU in spite of that, else with an empty string.
   */
  open(options: { library: string; model: Uint8Array; cudaDevice?: number; threads?: number }): NativeJob<string>;
  /** Row-major input in, row-major outputs by name out. The job reads the input where it lies. */
  run(input: Float32Array): NativeJob<Record<string, Float32Array>>;
  /** The same for a crop of an image, which has the network's size. */
  look(context: NativeContext, image: NativeImage, crop: CropSpec): NativeJob<Record<string, Float32Array>>;
  /** The same for the crop and for its mirror image. */
  lookBothWays(context: NativeContext, image: NativeImage, crop: CropSpec): NativeJob<NativeBothWays>;
  /** What the dense network says of a square crop and of its mirror image, the mean of both; see imaging/dense_look.hpp. */
  lookDensely(context: NativeContext, image: NativeImage, crop: CropSpec): NativeJob<NativeDenseLook>;
  /** What the person network says of a square crop, upsampled by a guided filter of that radius to the pixels of another. */
  lookForPerson(
    context: NativeContext,
    image: NativeImage,
    crop: CropSpec,
    fine: CropSpec & { radius: number; epsilon: number },
  ): NativeJob<{ mask: Float32Array; rgb: Float32Array }>;
  /** A job that runs keeps the network until it ends. */
  dispose(): void;
}

/** Planes of half the crop's side: normal (3), one deviation, point (3, mm), one deviation, chances of the classes. */
export interface NativeDenseLook {
  normal: Float32Array;
  normalDeviation: Float32Array;
  point: Float32Array;
  pointDeviation: Float32Array;
  classes: Float32Array;
}

/** Outputs by name for a crop and for its mirror image. */
export interface NativeBothWays {
  seen: Record<string, Float32Array>;
  inMirror: Record<string, Float32Array>;
}

/** A coarse mesh and what is given per vertex of it; V at most 65,535. */
export interface NativeCage {
  /** `[V][3]` */
  mean: Float32Array;
  /** `[F][4]`, counter-clockwise; a triangle has 65,535 last. */
  faces: Uint16Array;
  /** `[V]`: each vertex's mirror image. */
  mirror: Uint16Array;
  /** Half floats, `[components][V][3]` each. */
  bases: readonly Uint16Array[];
}

/** The same on the subdivided mesh: the cage's vertices, then one per edge in order of first appearance, one per face. */
export interface NativeSubdivision {
  vertexCount: number;
  mean: Float32Array;
  /** `[T][3]`; those of a face are adjacent, two for each of its corners, in the order of the faces. */
  triangles: Uint32Array;
  mirror: Uint32Array;
  bases: Uint16Array[];
}

/** A checked morphable model, repacked for the native fits; immutable and shared by them. */
export interface NativeModel {
  readonly vertexCount: number;
}

/** Work under way on a thread of its own. */
export interface NativeJob<Result> {
  promise: Promise<Result>;
  /** Makes the promise reject soon, with code CANCELLED, unless it has settled. */
  cancel(): void;
}

/** Called on the event loop, in order; values may be skipped. Must not throw: that cancels the job. */
export type NativeProgress = (done: number, total: number) => void;

/** Photos are added one after the other; the first one is the reference, whose light and whose eyes and mouth it has. */
export interface NativeTextureBlend {
  /** `sharpness`: how far the photo is worth its pixels, 0..1. The photo need not be kept afterwards. */
  add(
    context: NativeContext,
    photo: NativeImage,
    problem: Omit<TextureProblem, 'rgb'>,
    sharpness: number,
  ): NativeJob<undefined>;
  /** Writes `[size][size][3]`, sRGB; resolves with each photo's share, which sum to 1. */
  finish(context: NativeContext, rgb: Uint8Array): NativeJob<Float64Array>;
}

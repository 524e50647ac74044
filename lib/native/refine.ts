import type { CoarseProblem } from './coarse.js';
import type { Affine, NativeDenseClasses, NativeFaceView } from './face-view.js';

/** Pinhole camera: p_cam = R p + t in mm (x right, y down, z away), u = f x / z + cx, v = f y / z + cy in pixels. */
export interface NativeCamera {
  /** Row-major 3x3. */
  rotation: Float64Array;
  /** mm. */
  translation: Float64Array;
  focalPx: number;
  principalPx: Float64Array;
}

/** Square crop of the photo: crop pixel = scale * (photo pixel - (x0, y0)). */
export interface PhotometricLevel {
  /** `[size][size][3]`, sRGB-encoded 0..1. */
  rgb: Float32Array;
  /** `[size][size]`, 0..1: how far the pixel shows skin. */
  mask: Float32Array;
  size: number;
  scale: number;
  x0: number;
  y0: number;
  iterations: number;
}

/** Where the head's outline is to lie in the photo. */
export interface SilhouetteProblem {
  /** `[n][2]`, photo pixels, where skin ends and background begins. */
  edges: Float64Array;
  /** `[n][2]`, unit, towards the background. */
  normals: Float64Array;
  /** `[vertices]`, 1 where the head's outline counts. */
  takesPart: Uint8Array;
  /** Deviation of an edge across itself; default 1.5. */
  sigmaMm?: number;
  /** An edge farther away is not this outline's; default 10. */
  reachMm?: number;
  /** In standard deviations; default 2.5. */
  robustScale?: number;
}

/** Which way the face's surface is to face: see native/fit/dense. */
export interface NormalProblem {
  side: number;
  /** `[3][side][side]`: right and up along the map's sides, and towards a camera that looks at its middle. */
  normals: Float32Array;
  /** `[side][side]`, radians, along each of a normal's two axes. */
  normalSigma: Float32Array;
  /** `[side][side]`, 0..1: how probably a pixel shows skin of the head. */
  skin: Float32Array;
  /** Pixels of the map to pixels of the photo. */
  toPhoto: Affine;
  /** All patches together count as this many independent ones; default 60. */
  effective?: number;
  /** What a patch's normal and the network's differ by at best, radians; default 0.06. */
  floorSigma?: number;
  /** In standard deviations; default 2.5. */
  robustScale?: number;
}

/** Surface points that are seen at known places: see native/fit/landmarks/point_term. */
export interface SeenPoints {
  /** `[n]` */
  vertices: Uint32Array;
  /** `[n][2]`, photo pixels. */
  pixels: Float64Array;
  /** `[n][3]`, 1 / px²: xx, xy, yy of the inverse covariance; 0: not seen. */
  information: Float64Array;
  /** In standard deviations; default 2.5. */
  robustScale?: number;
}

/** Input of `photometricFit`: the landmark problem, where to start, and the photo, coarse to fine. */
export interface PhotometricProblem {
  landmarks: CoarseProblem;
  camera: NativeCamera;
  identity: Float64Array;
  expression: Float64Array;
  nuisance: Float64Array;
  levels: readonly PhotometricLevel[];
  silhouette?: SilhouetteProblem;
  normals?: NormalProblem;
  points?: SeenPoints;
  /** Colour noise, 0..1, where the fit has come to within 0.016 of the photo; grows with the difference left. Default 0.04. */
  sigmaReference?: number;
  /** But at least this, 0..1; default 0.01. */
  sigmaFloor?: number;
  /** Colour difference at which a point has lost half its pull; default 0.1. */
  robust?: number;
  /** All surface points together count as this many independent ones; default 400. */
  effectiveSamples?: number;
  /** Prior of the albedo coefficients; default 1. */
  albedoSigma?: number;
  /** Prior of the light coefficients; default 0.5. */
  lightSigma?: number;
  /** Prior of a channel's deviation from the mean of the three; default 0.1. */
  lightColourSigma?: number;
}

export interface PhotometricFit {
  rotation: Float64Array;
  translation: Float64Array;
  focalPx: number;
  identity: Float64Array;
  expression: Float64Array;
  nuisance: Float64Array;
  albedo: Float64Array;
  /** `[3][9]`, view frame. */
  lighting: Float64Array;
  /** Surface points compared in the last level. */
  samples: number;
  /** Their mean absolute colour difference, 0..1. */
  error: number;
  iterations: number;
  cost: number;
  /** `[vertices]`, 0..1: the share of the prior's deviation along the normal that is gone; empty without iterations. */
  evidence: Float32Array;
}

/** Part of a map's prior: how much it varies, and over what distance (texels). */
export interface MapScale {
  sigma: number;
  lengthTexels: number;
}

/** Input of `deformationFit`: the parametric fit, what is observed, and the priors of the maps. */
export interface DeformationProblem {
  /** `[vertices][3]`, mm, the parametric fit. */
  positions: Float32Array;
  camera: NativeCamera;
  albedo: Float64Array;
  lighting: Float64Array;
  /** `[n][2]`, observed dense landmarks, photo pixels. */
  pixels: Float64Array;
  /** `[n]`, multiplies the inverse variance. */
  weights?: Float64Array;
  /** `[n][2]`, where the network puts its points relative to the surface points, head frame x and y. */
  biasMm?: Float64Array;
  /** `[n]`; default the model's own. */
  sigmaMm?: Float64Array;
  points?: SeenPoints;
  /** The crop to compare with; its iterations are those of the loop. */
  level: PhotometricLevel;
  /** Texels a side; default 128. */
  mapSize?: number;
  /** Prior of the map, mm. */
  shapeScales?: readonly MapScale[];
  /** Correlation of the map with its mirror image; default 0.6. */
  mirror?: number;
  /** Prior of what the albedo model misses, sRGB-encoded. */
  colourScales?: readonly MapScale[];
  sigmaReference?: number;
  sigmaFloor?: number;
  robust?: number;
  effectiveSamples?: number;
  landmarkFloorPx?: number;
  /** Of a landmark along the head's axis; default 8. */
  landmarkDepthSigmaMm?: number;
}

export interface DeformationFit {
  /** `[mapSize][mapSize][3]`, mm, head frame. */
  map: Float32Array;
  /** `[vertices][3]`, mm. */
  positions: Float32Array;
  photometricError: number;
  /** Data term per iteration. */
  energy: Float64Array;
}

export interface TextureProblem {
  /** `[vertices][3]`, mm. */
  positions: Float32Array;
  camera: NativeCamera;
  albedo: Float64Array;
  lighting: Float64Array;
  /** `[vertices]`, 0..1: how far each goes down with its upper lid as the eye shuts; without it lids are like other skin. */
  lids?: Float32Array;
  /** `[expressions]`: the weights that are worn; dark lines where they draw skin together are no part of the albedo. */
  worn?: Float64Array;
  /** Texels a side. */
  size: number;
  /** `[size][size][3]`, sRGB, rows from v = 0: written by the job. Leave it alone until it has ended. */
  rgb: Uint8Array;
  /** The same without light; left out: it is not made. */
  albedoRgb?: Uint8Array | undefined;
  /** Tells apart what is skin, hair and background; without it everything that the head covers is its own. */
  face?: NativeFaceView;
  /** What the dense network sees there: needed with `face`. */
  dense?: NativeDenseClasses;
  /** The subject's; given, the eyeballs are painted as they look from everywhere. */
  eyes?: { left: NativeEyeSight; right: NativeEyeSight };
}

/** One eye in the photo, pixels. */
export interface NativeEyeSight {
  /** `[points][2]`: the rim of its opening, once around. */
  lids: Float32Array;
  /** `[5][2]`: centre of the iris, then four points on its rim. */
  iris: Float32Array;
  /** 0 open to 1 shut. */
  shut: number;
}

import type { NativeCamera, PhotometricLevel, PhotometricProblem } from './refine.js';

/** Input of the joint fits of several views of one person: identity and albedo are shared, the rest is each view's own. */
export interface JointProblem {
  /**
   * All start from one identity and have as many levels of as many iterations (`jointLandmarkFit` needs none). Every view
   * brings a prior of identity and albedo, and they add up.
   */
  views: readonly PhotometricProblem[];
  /** One focal length for all views, which start from the same. */
  oneCamera: boolean;
}

/** One of the photos of `registerViews`, and the head as fitted to it. */
export interface RegisteredView {
  /** What the photo shows; its iterations are nothing. */
  level: PhotometricLevel;
  camera: NativeCamera;
  /** `[vertices][3]`, mm. */
  positions: Float32Array;
  /** `[3][9]`, view frame. */
  lighting: Float64Array;
}

export interface JointDeformationFit {
  /** `[mapSize][mapSize][3]`, mm, head frame. */
  map: Float32Array;
  /** Per view: `[vertices][3]`, mm. */
  positions: Float32Array[];
  /** Per view. */
  photometricErrors: Float64Array;
}

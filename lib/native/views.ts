import type { PhotometricProblem } from './refine.js';

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

export interface JointDeformationFit {
  /** `[mapSize][mapSize][3]`, mm, head frame. */
  map: Float32Array;
  /** Per view: `[vertices][3]`, mm. */
  positions: Float32Array[];
  /** Per view. */
  photometricErrors: Float64Array;
}

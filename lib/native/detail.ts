import type { NativeDenseClasses, NativeFaceView } from './face-view.js';
import type { NativeCamera } from './refine.js';

/** A part of the face whose colours are no skin's, like a brow. */
export interface CoveredPart {
  /** `[n][2]`, pixels of the photo, once around. */
  ring: Float32Array;
  /** So far outside the ring it still counts; trust comes back over as much again. */
  marginPx: number;
  /** What is left of the trust inside, 0..1. */
  trust: number;
}

/** Input of `detailFit`: the medium level, and where the photo shows what. */
export interface DetailProblem {
  /** `[vertices][3]`, mm. */
  positions: Float32Array;
  camera: NativeCamera;
  albedo: Float64Array;
  /** Of the photo, pixels; holds the face. */
  square: { x0: number; y0: number; side: number };
  /** Texels a side. */
  size: number;
  /** Of the detailed mesh, about. */
  triangles: number;
  face: NativeFaceView;
  dense: NativeDenseClasses;
  covered: readonly CoveredPart[];
  /** Side of the mask that tells skin over the square, pixels. */
  skinSize: number;
}

export interface DetailFit {
  /** `[size][size]`, mm along the normal of the smooth surface. */
  map: Float32Array;
  /** `[size][size]`, 0..1: how far the photo decided. */
  seen: Float32Array;
  /** Texels a side of the finest map that was solved for: what the photo resolves. */
  solvedSize: number;
  /** Of conjugate gradients. */
  iterations: number;
  /** That the photo resolves, at the face. */
  pixelsPerMm: number;
  /** The detailed mesh: the model's vertices first, then one per halved edge. `[n][3]`, mm. */
  positions: Float32Array;
  /** `[n][3]`, unit. */
  normals: Float32Array;
  /** `[n][2]` */
  uvs: Float32Array;
  /** `[triangles][3]`, parts in the model's order. */
  indices: Uint32Array;
  partTriangles: Uint32Array;
  /** `[n - vertices][2]`: the ends of the halved edge, which come before. */
  parents: Uint32Array;
}

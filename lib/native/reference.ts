/** The reference's face model, decimetres, y up, z towards the camera. */
export interface ReferenceModel {
  identityCount: number;
  expressionCount: number;
  albedoCount: number;
  /** `[V][3]` */
  mean: Float32Array;
  /** `[identityCount + expressionCount][V][3]` */
  shapeBasis: Float32Array;
  /** `[V][3]`, 0..1. */
  meanAlbedo: Float32Array;
  /** `[albedoCount][V][3]` */
  albedoBasis: Float32Array;
  /** `[T][3]` */
  triangles: Uint32Array;
  /** `[V][2]`, origin bottom left. */
  uvs: Float32Array;
  keypoints: Uint32Array;
}

/** A model that the loop can read: see `NativeBinding.buildReferenceModel`. */
export interface NativeReferenceModel {
  readonly brand: unique symbol;
}

/**
 * Input of the reference's fitting loop (`NativeBinding.referenceFit`): what the face is to look like. Pictures have their
 * rows from the top.
 */
export interface ReferenceProblem {
  /** Side of the picture, px, and of the offset maps, texels. */
  side: number;
  mapSize: number;
  /** px */
  focal: number;
  cameraDistance: number;
  /** `[side][side][3]`, RGB 0..1. */
  picture: Float32Array;
  /** `[keypoints][2]`, px, y up. */
  landmarks: Float32Array;
  /** `[side][2]`, left and right end of the face mask in every row, px. */
  rows: Float32Array;
  /** Shape, albedo, angles 3, light 27, translation 3. */
  coefficients: Float32Array;
  iterations: number;
}

export interface ReferenceFit {
  /** In the problem's order. */
  coefficients: Float32Array;
  /** `[mapSize][mapSize][3]`, decimetres. */
  shapeMap: Float32Array;
  /** `[mapSize][mapSize][3]` */
  albedoMap: Float32Array;
  /** `[V][3]`, decimetres. */
  positions: Float32Array;
  /** `[V][3]`, 0..1, in the fitted light. */
  colours: Float32Array;
  /** Of every iteration, before its step. */
  losses: Float64Array;
}

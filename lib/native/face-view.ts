/**
 * Crop pixel (u, v) to image pixel: `x = m[0] u + m[1] v + m[2]`, `y = m[3] u + m[4] v + m[5]`. In both, (0,0) is the
 * corner of the top-left pixel and pixel centres lie at +0.5.
 */
export type Affine = readonly [number, number, number, number, number, number];

/** Which of the landmarks lie where. */
export interface NativeFacePoints {
  /** Around them the photo shows skin. */
  skin: Uint32Array;
  /** Of the face, a ring. */
  outline: Uint32Array;
  /** Rims of the openings, rings. */
  rightLids: Uint32Array;
  leftLids: Uint32Array;
  innerLips: Uint32Array;
  /** Of the outline, as the picture shows an upright face. */
  top: number;
  left: number;
  chin: number;
  right: number;
}

/** One face as the photo shows it. A job reads `values` and `rgb` where they lie: leave them alone until it has ended. */
export interface NativeFaceView {
  /** `[size][size]`, 0..1: how far a pixel shows a person. */
  values: Float32Array;
  /** `[size][size][3]`, 0..1: the photo there. */
  rgb: Float32Array;
  size: number;
  /** Pixels of the view to pixels of the photo. */
  toPhoto: Affine;
  /** `[n][2]`: the landmarks, pixels of the photo. */
  pixels: Float32Array;
  points: NativeFacePoints;
}

/** How sharp a face is; NaN where all is of one colour. */
export interface NativeFineDetail {
  /**
   * Energy of the finest detail of the crop, inside the face's box, over that of one four times as coarse: 0.11 and more
   * where the photo is sharp, falling towards 1/16 where it is blurred or has fewer pixels than the crop.
   */
  fine: number;
  /** The same four times as coarse: 0.27 and more where the photo is sharp. Where a photo is that blurred its noise is fine. */
  coarse: number;
  /**
   * Of the strongest edges: how much of the change over 32 pixels of the crop lies within 8. Neither noise nor the blocks of a
   * compressed picture are strong edges.
   */
  edges: number;
}

/** What the dense network says of the pixels around a face. A job reads `classes` where they lie. */
export interface NativeDenseClasses {
  side: number;
  /** `[DENSE_CLASSES][side][side]`, 0..1. */
  classes: Float32Array;
  /** Pixels of the map to pixels of the photo. */
  toPhoto: Affine;
}

import type { NativeDenseClasses, NativeFaceView } from './face-view.js';
import type { NativeCamera } from './refine.js';

/** What hairVolume() lays hair around. */
export interface HairProblem {
  /** `[vertices][3]`, mm: the fitted head. */
  positions: Float32Array;
  camera: NativeCamera;
  /** Where the photo shows the person, and the landmarks. */
  face: NativeFaceView;
  /** Where it shows hair: of the face's square, */
  dense: NativeDenseClasses;
  /** and of a wider one. */
  wide: NativeDenseClasses;
}

/** A shell of hair; all arrays are empty where the photo shows too little of it. */
export interface NativeHair {
  /** `[vertices][3]`, mm, in the frame of the head's positions. */
  positions: Float32Array;
  /** `[vertices][3]`, unit. */
  normals: Float32Array;
  /** `[vertices][2]`, 0..1, origin top left. */
  uvs: Float32Array;
  /** `[triangles][3]`, counter-clockwise seen from outside. */
  indices: Uint32Array;
  /** `[height][width][3]`, sRGB. */
  rgb: Uint8Array;
  width: number;
  height: number;
}

/** A head and its shapes. The job reads the shapes where they lie: leave them alone until it is done. */
export interface BlendShapeProblem {
  /** `[vertices][3]`, mm: the head without the shapes. */
  positions: Float32Array;
  /** `[triangles][3]`, counter-clockwise from outside. */
  indices: Uint32Array;
  /** Of each shape what weight 1 adds, `[vertices][3]`, mm: half floats as a model stores them, or floats. */
  shapes: readonly (Uint16Array | Float32Array)[];
  /** Of half floats what is shorter is left out as their rounding noise, mm. */
  leastMm: number;
  /** Changes of a unit normal that are shorter are left out. */
  leastNormal: number;
}

/** Vectors that are not zero, of several sets one after the other. */
export interface NativeSparseVectors {
  /** `[sets]`: where each ends. */
  ends: Uint32Array;
  /** Ascending within a set. */
  vertices: Uint32Array;
  /** `[vertices][3]` */
  values: Float32Array;
}

export interface NativeBlendShapes {
  /** `[vertices][3]`, unit: of the head without the shapes. */
  normals: Float32Array;
  /** A set a shape; mm. */
  positionOffsets: NativeSparseVectors;
  /** A set a shape. */
  normalOffsets: NativeSparseVectors;
}

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

/** An expression that a few told shapes leave something of: see lib/own-expressions.ts. */
export interface OwnOffsetsProblem {
  /** Half floats, `[shapes][vertices][3]`, mm. */
  shapes: Uint16Array;
  /** `[shapes]`: weights that are fitted and not told. */
  missing: Float32Array;
  /** `[vertices][3]`, mm: what is left besides. */
  rest: Float32Array;
  /** The shapes that take of the rest. */
  worn: Uint32Array;
  /** Of each of those, above 0. */
  weights: Float32Array;
  /** Those that are asked for; others have no offsets. */
  vertices: Uint32Array;
}

/** Values of vertices to be averaged over neighbours. */
export interface SpreadProblem {
  /** `[vertices]` */
  values: Float32Array;
  /** `[vertices]`: 0 where a value is held. */
  free: Uint8Array;
  /** `[triangles][3]` */
  indices: Uint32Array;
  steps: number;
}

/** Values of vertices to be drawn over the texture's layout. */
export interface LayoutMapProblem {
  /** `[vertices]`, 0..1. */
  values: Float32Array;
  /** `[vertices][2]`, 0..1, origin top left. */
  uvs: Float32Array;
  /** `[triangles][3]` of what is drawn. */
  indices: Uint32Array;
  /** Means over the triangles around each vertex, so many times. */
  softening: number;
  /** Texels a side. */
  size: number;
  /** 0..255, where no triangle is. */
  background: number;
}

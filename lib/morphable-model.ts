/**
 * The neutral 3D morphable model: all that the fitting knows about a head.
 *
 * Frame: millimetres, x to the subject's left (the viewer's right), y up, z out of the face towards the camera,
 * origin midway between the eyeball centres of the mean head.
 *
 * Every array is per vertex of one mesh whose vertices carry exactly one UV each (no seams), so a map over the unit
 * square can be sampled at vertices and textures need no vertex splitting.
 */

/** Coefficients times components: `offset[i] = sum_k c[k] * halfs[k * 3 * vertexCount + i]`. */
export interface Basis {
  /** Number of components. */
  count: number;
  /** IEEE half floats, `[count][vertexCount][3]`, scaled so that one unit is one standard deviation of the prior. */
  halfs: Uint16Array;
}

export interface ExpressionBasis extends Basis {
  /** One name per component; the embedded model uses the 52 ARKit blend-shape names, whose range is 0..1. */
  names: readonly string[];
  /** Prior mean and standard deviation per component, in coefficient units. */
  mean: Float32Array;
  sigma: Float32Array;
  /** Allowed range per component. */
  min: Float32Array;
  max: Float32Array;
}

export interface AlbedoBasis extends Basis {
  /** Mean albedo, `[vertexCount][3]`, sRGB-encoded 0..1. */
  mean: Float32Array;
}

/** Points on the surface: `point[i] = sum_j weights[3 i + j] * position[vertices[3 i + j]]`. */
export interface LandmarkSet {
  count: number;
  /** `[count][3]` vertex indices. */
  vertices: Uint32Array;
  /** `[count][3]` barycentric weights. */
  weights: Float32Array;
  /** Expected distance between this surface point and where the landmark network puts it, mm (one standard deviation). */
  sigmaMm: Float32Array;
  /** 1 where the network follows the silhouette instead of a fixed surface point (jaw contour), else 0. */
  dynamic: Uint8Array;
}

export const PART_NAMES = ['skin', 'leftEye', 'rightEye', 'upperTeeth', 'lowerTeeth', 'tongue'] as const;
export type PartName = (typeof PART_NAMES)[number];

/** A contiguous run of triangles. */
export interface Part {
  name: PartName;
  firstTriangle: number;
  triangleCount: number;
}

export const REGION_NAMES = [
  'other',
  'nose',
  'mouth',
  'forehead',
  'cheeks',
  'eyes',
  'ears',
  'neck',
  'scalp',
  'chin',
] as const;
export type RegionName = (typeof REGION_NAMES)[number];

/** Coefficients of one model told in those of another: `to[i] = rows[i][0] + sum_k rows[i][1 + k] from[k]`. */
export interface Translation {
  /** How many coefficients it takes. */
  from: number;
  /** `[to][1 + from]` */
  rows: Float32Array;
  /** `[to]`: of what is told of a shape that is known exactly. */
  variance: Float32Array;
}

/** How an imported model and the embedded head, for which networks were trained, tell each other's shapes. */
export interface Kinship {
  /** This model's identity by the embedded head's. */
  identity: Translation;
  /** This model's expression by the embedded head's. */
  expression: Translation;
  /** The embedded head's identity by this model's. */
  embeddedIdentity: Translation;
}

export interface MorphableModel {
  name: string;
  vertexCount: number;
  triangleCount: number;
  /** Prior mean head, `[vertexCount][3]`, mm. */
  mean: Float32Array;
  /** Prior of the coefficients is N(0, 1) each: the calibrated mean and covariance are folded into `mean` and this basis. */
  identity: Basis;
  expression: ExpressionBasis;
  albedo: AlbedoBasis;
  /** `[triangleCount][3]`, counter-clockwise seen from outside; grouped by part. */
  triangles: Uint32Array;
  /** `[vertexCount][2]`, 0..1, origin at the top-left texel corner (glTF convention). */
  uvs: Float32Array;
  parts: readonly Part[];
  /** MediaPipe's 478 points (468 mesh + 2 x 5 iris). */
  dense: LandmarkSet;
  /** The 68 iBUG (Multi-PIE) points. */
  ibug68: LandmarkSet;
  /** Index into REGION_NAMES per vertex. */
  regions: Uint8Array;
  /** The vertex on the other side of the symmetry plane (itself on the midline), per vertex. */
  mirror: Uint32Array;
  /** 1 where the deformation map may act (face), fading to 0 towards scalp, neck, ears and inside of mouth; per vertex. */
  deformable: Float32Array;
  /** Of an imported model: what lets networks of the embedded head help to fit it. */
  kinship?: Kinship;
}

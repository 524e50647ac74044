import type { Expressions } from './expression-names.js';
import type { MorphableModel, PartName } from './morphable-model.js';
import type { FaceWarning } from './warnings.js';

/** A contiguous run of `indices`. */
export interface MeshPart {
  name: PartName;
  firstIndex: number;
  indexCount: number;
}

/** Triangle mesh in the head frame: mm, y up, z towards the camera, origin between the eyes. */
export interface Mesh {
  /** `[vertices][3]`, mm. */
  positions: Float32Array;
  /** `[vertices][3]`, unit length. */
  normals: Float32Array;
  /** `[vertices][2]`, 0..1, origin top left. */
  uvs: Float32Array;
  /** `[triangles][3]`, counter-clockwise seen from outside. */
  indices: Uint32Array;
  parts: readonly MeshPart[];
}

/** A volume of hair around the head: a shell that is open where the face is, and lies under the skin where it ends. */
export interface Hair extends Omit<Mesh, 'parts'> {
  /** Over the shell's own UVs. */
  texture: Raster;
}

/** 8-bit sRGB pixels, rows from the top. */
export interface Raster {
  data: Uint8Array;
  width: number;
  height: number;
  channels: 3 | 4;
}

/** `camera point = rotation * head point + translation`; camera frame: x right, y down, z away from the camera, mm. */
export interface Pose {
  /** Row-major 3x3. */
  rotation: number[];
  /** mm. */
  translation: [number, number, number];
}

export interface Camera {
  /** Row-major 3x4: head frame in mm (homogeneous) to pixels of the decoded, EXIF-rotated input; pixel centres at +0.5. */
  projection: number[];
  focalLengthPx: number;
  principalPointPx: [number, number];
  /** Where the focal length came from. */
  focalLengthSource: 'option' | 'exif' | 'estimated';
}

export interface Coefficients {
  /** Units of one prior standard deviation. */
  identity: Float32Array;
  /** By ARKit name, 0..1. */
  expression: Expressions;
  /** The same as the fit spread it over all shapes, one weight per expression of the model; see own-expressions.ts. */
  fittedExpression: Float32Array;
  /** Units of one prior standard deviation. */
  albedo: Float32Array;
  /** Spherical harmonics, `[3 channels][9]`, view frame: x right, y up, z towards the camera. */
  lighting: Float32Array;
}

export interface Quality {
  /**
   * Mean distance between the network's landmarks, less its measured bias, and the same points of the fitted head; its
   * jaw outline, which follows the silhouette, is left out.
   */
  landmarkErrorPx: number;
  /** The same in percent of the distance between the outer eye corners. */
  landmarkErrorPercent: number;
  /** Mean absolute difference of rendered and photographed colour over the visible face, 0..1. */
  photometricError: number;
  /**
   * How far the shape rests on the photo: `full`; `partial`, where landmarks, colours, outline and normals left more than
   * usual to the estimate that the fit began with; `none`, where the shape was not refined.
   */
  refinement: 'full' | 'partial' | 'none';
  /** Why the refinement is not `full`. */
  refinementReason?: string;
}

/** Map over the unit UV square. */
export interface DeformationMap {
  /** `[size][size][3]`, mm in the head frame, rows from v = 0 (top). */
  data: Float32Array;
  size: number;
}

/** A mesh whose edges were halved: the head's vertices come first, in their order, then one per halved edge. */
export interface DetailedMesh extends Mesh {
  /** `[new vertices][2]`: the ends of the edge, which come before. */
  parents: Uint32Array;
}

export interface Levels {
  /** `[vertices][3]`, mm, in the order of `mesh.positions`. */
  coarse: Float32Array;
  /** The same with the deformation map; absent at `detail: 'coarse'`. */
  medium?: Float32Array;
  /** At `detail: 'high'`: a finer mesh with the displacement map. Its first vertices are those of `mesh`, displaced. */
  high?: DetailedMesh;
}

/** Heights over the unit UV square. */
export interface DisplacementMap {
  /** `[size][size]`, mm along the normal of the medium surface, rows from v = 0 (top). */
  data: Float32Array;
  size: number;
  /** `[size][size]`, 0..1: how far the photo decided; elsewhere the map is 0 or mirrors the side that is seen. */
  seen: Float32Array;
  /** Texels a side of what was solved for: a photo that resolves less than the map has room for is given less. */
  solvedSize: number;
}

export interface ReconstructionData {
  mesh: Mesh;
  coefficients: Coefficients;
  pose: Pose;
  camera: Camera;
  landmarks: {
    /** `[68][3]`, mm. */
    positions: Float32Array;
    /** `[68][2]`, input pixels. */
    pixels: Float32Array;
  };
  levels: Levels;
  deformationMap?: DeformationMap;
  /**
   * Per vertex, 0 (a guess) to 1 (seen): the share of the deviation along the surface's normal, as the head model and the
   * coefficient network leave it, that landmarks, colours, outline and normals took away. Absent where not refined.
   */
  evidence?: Float32Array;
  displacementMap?: DisplacementMap;
  texture: Raster;
  /** Colours without light; absent unless asked for. */
  albedo?: Raster;
  /** Absent unless asked for, and where the photo shows no hair. */
  hair?: Hair;
  quality: Quality;
  timingsMs: Record<string, number>;
  face: DetectedAs;
  warnings: readonly FaceWarning[];
  scale: { source: 'iris' | 'prior'; irisDiameterPx?: number };
  device: string;
  inference: string;
  input: Raster;
  model: MorphableModel;
  models: readonly ModelRecord[];
  /** Of a fit by the reference's own method alone. */
  reference?: ReferenceRecord;
}

/** What the reference's own method says in its own terms. */
export interface ReferenceRecord {
  /** `[257]`: identity 80, expression 64, albedo 80, angles 3 (radians), light 27, translation 3 (decimetres). */
  coefficients: Float32Array;
}

/** The detection that a head was fitted to. */
export interface DetectedAs {
  /** The face's number, as `detect` counts them. */
  index: number;
  box: Box;
  /** How sure the detector is, 0..1. */
  score: number;
  /** How sure the landmark network is that it sees a face that it can follow, 0..1. */
  presence: number;
}

/** Pixels of the decoded input. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface ModelRecord {
  name: string;
  sha256: string;
  licence: string;
}

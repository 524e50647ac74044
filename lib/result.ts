import type { MorphableModel, PartName } from './morphable-model.js';
import { type ReconstructionJson, toReconstructionJson } from './result-json.js';

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
  expression: Record<string, number>;
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
}

/** Map over the unit UV square. */
export interface DeformationMap {
  /** `[size][size][3]`, mm in the head frame, rows from v = 0 (top). */
  data: Float32Array;
  size: number;
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
  /** Vertex positions per detail level, `[vertices][3]`, mm. */
  levels: { coarse: Float32Array; medium?: Float32Array };
  deformationMap?: DeformationMap;
  texture: Raster;
  quality: Quality;
  timingsMs: Record<string, number>;
  face: { box: Box; score: number; presence: number };
  scale: { source: 'iris' | 'prior'; irisDiameterPx?: number };
  device: string;
  inference: string;
  input: Raster;
  model: MorphableModel;
  models: readonly ModelRecord[];
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

/** What `face.write` and `face.preview` take besides the path. */
export interface WriteOptions {
  /** Stops before anything is put in place and rejects with `signal.reason`. */
  signal?: AbortSignal;
}

/** A reconstructed head: what `fit` returns. Every array belongs to the caller. */
export class Reconstruction implements ReconstructionData {
  /** The fitted head at the finest level computed: mm, head frame. */
  readonly mesh: Mesh;
  /** Coefficients of the morphable model; `expression` by ARKit name, 0..1. */
  readonly coefficients: Coefficients;
  /** Head frame to camera frame. */
  readonly pose: Pose;
  readonly camera: Camera;
  /** The 68 iBUG points: `positions` `[68][3]` on the mesh in mm, `pixels` `[68][2]` where the camera puts them. */
  readonly landmarks: { positions: Float32Array; pixels: Float32Array };
  /** Vertex positions per detail level, `[vertices][3]`, mm, in the order of `mesh.positions`. */
  readonly levels: { coarse: Float32Array; medium?: Float32Array };
  /** What the medium level adds to the coarse one; absent at `detail: 'coarse'`. */
  readonly deformationMap?: DeformationMap;
  readonly texture: Raster;
  readonly quality: Quality;
  /** Wall time per stage. */
  readonly timingsMs: Record<string, number>;
  /** The detection this head was fitted to: box in input pixels, detector score, presence by the landmark network. */
  readonly face: { box: Box; score: number; presence: number };
  /** Where the metric size comes from. */
  readonly scale: { source: 'iris' | 'prior'; irisDiameterPx?: number };
  /** What computed it, and why that: `cuda:0 (NVIDIA H100)`, `cpu (no NVIDIA driver is installed)`, `cpu`. */
  readonly device: string;
  /** What ran the networks: `cpu`, `cuda:0`, or `cpu (why the CUDA provider that was asked for does not work)`. */
  readonly inference: string;
  /** The decoded, EXIF-rotated photo. */
  readonly input: Raster;
  /** The morphable model that was fitted. */
  readonly model: MorphableModel;
  /** The embedded models that were used, with their hashes and licences. */
  readonly models: readonly ModelRecord[];

  constructor(data: ReconstructionData) {
    this.mesh = data.mesh;
    this.coefficients = data.coefficients;
    this.pose = data.pose;
    this.camera = data.camera;
    this.landmarks = data.landmarks;
    this.levels = data.levels;
    if (data.deformationMap) this.deformationMap = data.deformationMap;
    this.texture = data.texture;
    this.quality = data.quality;
    this.timingsMs = data.timingsMs;
    this.face = data.face;
    this.scale = data.scale;
    this.device = data.device;
    this.inference = data.inference;
    this.input = data.input;
    this.model = data.model;
    this.models = data.models;
  }

  /**
   * Writes the head in the format that the path's extension names: `.glb`, `.obj` (with `NAME.mtl` and
   * `NAME_texture.png` beside it) or `.ply`. Files appear whole or not at all.
   *
   * @throws HrnError UNSUPPORTED_FORMAT, OUTPUT_NOT_WRITABLE, DISK_FULL
   */
  async write(path: string, options: WriteOptions = {}): Promise<void> {
    const { exporterFor } = await import('./exporters/index.js');
    const exporter = await exporterFor(path);
    options.signal?.throwIfAborted();
    const files = await exporter.encode(this, path);
    const { writeFilesAtomically } = await import('./atomic-write.js');
    await writeFilesAtomically(files, options.signal);
  }

  /**
   * Writes a PNG strip of five square panels: input, coarse overlay, medium overlay, textured, textured and turned by
   * 30 degrees.
   *
   * @throws HrnError OUTPUT_NOT_WRITABLE, DISK_FULL
   */
  async preview(path: string, options: WriteOptions = {}): Promise<void> {
    const { renderPreview } = await import('./preview.js');
    const bytes = await renderPreview(this, options.signal);
    const { writeFilesAtomically } = await import('./atomic-write.js');
    await writeFilesAtomically([{ path, bytes }], options.signal);
  }

  /** The contents of NAME.json (see docs/json.md): everything but the big arrays. */
  toJSON(): ReconstructionJson {
    return toReconstructionJson(this);
  }
}

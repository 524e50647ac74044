import type { MorphableModel } from './morphable-model.js';
import type {
  Camera,
  Coefficients,
  DeformationMap,
  DetectedAs,
  DisplacementMap,
  Hair,
  Levels,
  Mesh,
  ModelRecord,
  Pose,
  Quality,
  Raster,
  ReconstructionData,
  ReferenceRecord,
} from './result-data.js';
import { type ReconstructionJson, toReconstructionJson } from './result-json.js';
import type { FaceWarning } from './warnings.js';
import type { EncodeOptions, OutputTarget, PreviewOptions, WriteOptions } from './write.js';

export type * from './result-data.js';
export type { FaceWarning, WarningCode } from './warnings.js';
export type { EncodeOptions, OutputTarget, PreviewOptions, WriteOptions } from './write.js';

/** A reconstructed head: what `fit` returns. Every array belongs to the caller. */
export class Reconstruction implements ReconstructionData {
  /** The fitted head, mm, head frame: at the medium level also where there is a high one, which is `levels.high`. */
  readonly mesh: Mesh;
  /** Coefficients of the morphable model; `expression` by ARKit name, 0..1. */
  readonly coefficients: Coefficients;
  /** Head frame to camera frame. */
  readonly pose: Pose;
  readonly camera: Camera;
  /** The 68 iBUG points: `positions` `[68][3]` on the mesh in mm, `pixels` `[68][2]` where the camera puts them. */
  readonly landmarks: { positions: Float32Array; pixels: Float32Array };
  /** The head per detail level. */
  readonly levels: Levels;
  /** What the medium level adds to the coarse one; absent at `detail: 'coarse'`. */
  readonly deformationMap?: DeformationMap;
  /**
   * Per vertex of the mesh, 0 (a guess) to 1 (seen in the photo): the share of the deviation along the surface's normal, as
   * the head model and the coefficient network leave it, that landmarks, colours, outline and normals took away. Absent at `detail: 'coarse'`, for several views and the reference's method.
   */
  readonly evidence?: Float32Array;
  /** What the high level adds to the medium one; at `detail: 'high'` only. */
  readonly displacementMap?: DisplacementMap;
  readonly texture: Raster;
  /** The texture without light, shadow and shine, of the same layout; absent unless `texture` was `albedo` or `both`. */
  readonly albedo?: Raster;
  /** A simple volume of hair; absent unless `hair` was asked for, and where the photo shows too little hair. */
  readonly hair?: Hair;
  readonly quality: Quality;
  /** Wall time per stage. */
  readonly timingsMs: Record<string, number>;
  readonly face: DetectedAs;
  /** What makes parts of this head a guess; empty for a sharp, whole, uncovered face. See docs/errors.md. */
  readonly warnings: readonly FaceWarning[];
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
  /** Of a fit by the reference's own method (`create({ reference })`) alone. */
  readonly reference?: ReferenceRecord;

  constructor(data: ReconstructionData) {
    this.mesh = data.mesh;
    this.coefficients = data.coefficients;
    this.pose = data.pose;
    this.camera = data.camera;
    this.landmarks = data.landmarks;
    this.levels = data.levels;
    if (data.deformationMap) this.deformationMap = data.deformationMap;
    if (data.evidence) this.evidence = data.evidence;
    if (data.displacementMap) this.displacementMap = data.displacementMap;
    this.texture = data.texture;
    if (data.albedo) this.albedo = data.albedo;
    if (data.hair) this.hair = data.hair;
    this.quality = data.quality;
    this.timingsMs = data.timingsMs;
    this.face = data.face;
    this.warnings = data.warnings;
    this.scale = data.scale;
    this.device = data.device;
    this.inference = data.inference;
    this.input = data.input;
    this.model = data.model;
    this.models = data.models;
    if (data.reference) this.reference = data.reference;
  }

  /**
   * Writes the head in the format that the path's extension names: `.glb`, `.obj` (with `NAME.mtl` and
   * `NAME_texture.png` beside it), `.usdz`, `.ply` or `.stl`. Files appear whole or not at all. To a stream goes the
   * format that the options name.
   *
   * @throws HrnError UNSUPPORTED_FORMAT, INVALID_OPTION, OUTPUT_NOT_WRITABLE, DISK_FULL
   */
  async write(target: OutputTarget, options: WriteOptions = {}): Promise<void> {
    const { writeHead } = await import('./write.js');
    await writeHead(this, target, options);
  }

  /**
   * The bytes of a file: `glb`, `usdz`, `ply` or `stl`.
   *
   * @throws HrnError UNSUPPORTED_FORMAT, INVALID_OPTION
   */
  async encode(format: string, options: EncodeOptions = {}): Promise<Uint8Array> {
    const { encodeHead } = await import('./write.js');
    return encodeHead(this, format, options);
  }

  /**
   * Writes a PNG strip of square panels: input, coarse overlay, medium overlay, high overlay where there is one, textured,
   * textured and turned by 30 degrees. With `show: 'expressions'`: neutral, smile, eyes shut, mouth open, from the front
   * and, below, turned by 35 degrees.
   *
   * @throws HrnError INVALID_OPTION, OUTPUT_NOT_WRITABLE, DISK_FULL
   */
  async preview(target: string | URL, options: PreviewOptions = {}): Promise<void> {
    const { drawPreview, pathOf } = await import('./write.js');
    const path = pathOf(target);
    const bytes = await drawPreview(this, options);
    const { writeFilesAtomically } = await import('./atomic-write.js');
    await writeFilesAtomically([{ path, bytes }], options.signal);
  }

  /**
   * The finest mesh of the head (`levels.high` or `mesh`) wearing other expressions, by ARKit name, 0 to 1; without any it
   * is neutral. Folds of the displacement map that the fitted expression made fade with it (docs/detail.md).
   *
   * @throws HrnError INVALID_OPTION
   */
  async posed(expression: Readonly<Record<string, number>> = {}): Promise<Mesh> {
    const { posedHead } = await import('./posed.js');
    return posedHead(this, expression);
  }

  /** The contents of NAME.json (see docs/json.md): everything but the big arrays. */
  toJSON(): ReconstructionJson {
    return toReconstructionJson(this);
  }
}

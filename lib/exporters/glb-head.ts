/** What a GLB is made of: plain data, because a thread of its own makes it. */
import type { MorphableModel } from '../morphable-model.js';
import type { DisplacementMap, Hair, Mesh, ReconstructionData } from '../result-data.js';
import type { HeadMotion } from './motion.js';
import type { ResolvedExportOptions } from './options.js';

/** glTF measures in metres, we in millimetres. */
export const METRES_PER_MM = 1e-3;

/** A model without the bases that no file holds. */
export type ExportModel = Omit<MorphableModel, 'identity' | 'albedo' | 'ibug68' | 'mirror' | 'deformable'>;

/** sRGB-encoded 0..1. */
export interface EyeColours {
  lashes: readonly [number, number, number];
  /** Of what is wet: the lids' inner margins and corners. */
  wet: readonly [number, number, number];
}

/** Of a result. */
export interface GlbHead {
  mesh: Mesh;
  model: ExportModel;
  coefficients: Pick<ReconstructionData['coefficients'], 'expression' | 'fittedExpression'>;
  scaleSource: ReconstructionData['scale']['source'];
  /** Of a detailed head alone. */
  displacementMap: Pick<DisplacementMap, 'data' | 'size'> | undefined;
  eyeColours: EyeColours;
  /** Its texture is an encoded image. */
  hair: (Omit<Hair, 'texture'> & { image: Uint8Array }) | undefined;
}

/** One file to be made. */
export interface GlbJob {
  head: GlbHead;
  options: ResolvedExportOptions;
  /** Indices of the expressions that become morph targets, in the order of the file. */
  targets: readonly number[];
  motion: HeadMotion | undefined;
}

export function exportModelOf(model: ExportModel): ExportModel {
  const { name, vertexCount, triangleCount, mean, expression, triangles, uvs, parts, dense, regions } = model;
  return { name, vertexCount, triangleCount, mean, expression, triangles, uvs, parts, dense, regions };
}

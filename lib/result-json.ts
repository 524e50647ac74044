import { type DisplacementScale, displacementScale } from './displacement-scale.js';
import { type Gaze, gazeOf } from './gaze.js';
import type { DetectedAs, DisplacementMap, ModelRecord, Quality, ReconstructionData } from './result-data.js';
import { VERSION } from './version.js';
import type { FaceWarning } from './warnings.js';

/** Version of the layout below; raised when a field changes its meaning or goes. */
const JSON_VERSION = 1;

/** What NAME.json holds; docs/json.md describes every field. */
export interface ReconstructionJson {
  version: number;
  generator: string;
  input: { width: number; height: number };
  face: DetectedAs;
  warnings: FaceWarning[];
  camera: {
    projection: number[];
    focalLengthPx: number;
    focalLengthSource: string;
    principalPointPx: [number, number];
  };
  mesh: { vertices: number; triangles: number; units: 'mm' };
  scale: { source: 'iris' | 'prior'; irisDiameterPx?: number };
  coefficients: { identity: number[]; expression: Record<string, number>; albedo: number[]; lighting: number[][] };
  gaze?: { left: Gaze; right: Gaze };
  pose: { rotation: number[]; translation: [number, number, number] };
  landmarks68: { positions: number[][]; pixels: number[][] };
  /** At `detail: 'high'`; the scale is that of the 16-bit PNG, whose values are heights in mm by it. */
  displacementMap?: DisplacementScale & { size: number; solvedSize: number };
  quality: Quality;
  timingsMs: Record<string, number>;
  device: string;
  inference: string;
  models: ModelRecord[];
  /** Of the reference's own method alone: its 257 numbers in its own order. */
  reference?: { coefficients: number[] };
}

function rows(values: Float32Array, width: number): number[][] {
  const out: number[][] = [];
  for (let i = 0; i < values.length; i += width) out.push(Array.from(values.subarray(i, i + width)));
  return out;
}

function describeMap(map: DisplacementMap) {
  const { size, solvedSize } = map;
  return { size, solvedSize, ...displacementScale(map) };
}

export function toReconstructionJson(result: ReconstructionData): ReconstructionJson {
  const { input, face, camera, mesh, scale, coefficients, pose, landmarks } = result;
  const gaze = gazeOf(coefficients.expression);
  return {
    version: JSON_VERSION,
    generator: `hrn ${VERSION}`,
    input: { width: input.width, height: input.height },
    face: { ...face, box: { ...face.box } },
    warnings: result.warnings.map((warning) => ({ ...warning, details: { ...warning.details } })),
    camera: {
      projection: [...camera.projection],
      focalLengthPx: camera.focalLengthPx,
      focalLengthSource: camera.focalLengthSource,
      principalPointPx: [...camera.principalPointPx],
    },
    mesh: { vertices: mesh.positions.length / 3, triangles: mesh.indices.length / 3, units: 'mm' },
    scale: { ...scale },
    coefficients: {
      identity: Array.from(coefficients.identity),
      expression: { ...coefficients.expression },
      albedo: Array.from(coefficients.albedo),
      lighting: rows(coefficients.lighting, 9),
    },
    ...(gaze && { gaze }),
    pose: { rotation: [...pose.rotation], translation: [...pose.translation] },
    landmarks68: { positions: rows(landmarks.positions, 3), pixels: rows(landmarks.pixels, 2) },
    ...(result.displacementMap ? { displacementMap: describeMap(result.displacementMap) } : {}),
    quality: { ...result.quality },
    timingsMs: { ...result.timingsMs },
    device: result.device,
    inference: result.inference,
    models: result.models.map(({ name, sha256, licence }) => ({ name, sha256, licence })),
    ...(result.reference ? { reference: { coefficients: Array.from(result.reference.coefficients) } } : {}),
  };
}

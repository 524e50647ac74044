/** Heads of the embedded model as the measurements see them: skin, landmarks, face region, neutral shape. */
import { type LandmarkSet, type MorphableModel, REGION_NAMES, type RegionName } from '../../lib/morphable-model.js';
import { addBasis } from '../../lib/sample/random-head.js';
import type { FaceEstimate, FaceTruth } from './metrics.js';
import { sampleSurface, scannedVertices, trianglesOf } from './surface.js';

const FACE_REGIONS: readonly RegionName[] = ['nose', 'mouth', 'forehead', 'cheeks', 'eyes', 'chin'];

/** What a fit of a portrait of this head is measured against. */
export function modelTruth(
  model: MorphableModel,
  region: Uint32Array,
  positions: Float32Array,
  samples: number,
): FaceTruth {
  const surface = { positions, triangles: model.triangles };
  return { ...faceOf(model, positions), samples: sampleSurface(surface, region, samples) };
}

/** `[vertices][3]`, mm: a head of the model less the expression that the weights stand for. */
export function withoutExpression(model: MorphableModel, positions: Float32Array, weights: Float32Array): Float32Array {
  const neutral = positions.slice();
  addBasis(
    neutral,
    model.expression,
    weights.map((weight) => -weight),
  );
  return neutral;
}

/** The skin and the 68 landmarks of vertex positions of a model. */
export function faceOf(model: MorphableModel, positions: Float32Array): FaceEstimate {
  const skin = model.parts.find((part) => part.name === 'skin')!;
  const first = 3 * skin.firstTriangle;
  return {
    skin: { positions, triangles: model.triangles.subarray(first, first + 3 * skin.triangleCount) },
    landmarks: landmarkPositions(model.ibug68, positions),
  };
}

/** `[count][3]` */
export function landmarkPositions({ count, vertices, weights }: LandmarkSet, positions: Float32Array): Float64Array {
  const out = new Float64Array(3 * count);
  for (let l = 0; l < count; l++) {
    for (let j = 0; j < 3; j++) {
      for (let k = 0; k < 3; k++) {
        out[3 * l + k]! += weights[3 * l + j]! * positions[3 * vertices[3 * l + j]! + k]!;
      }
    }
  }
  return out;
}

/** Triangles of the face that a scanner in front of the mean head would reach. */
export function modelFaceRegion(model: MorphableModel): Uint32Array {
  const { skin } = faceOf(model, model.mean);
  const scanned = scannedVertices({ positions: model.mean, triangles: model.triangles });
  const isFace = REGION_NAMES.map((name) => FACE_REGIONS.includes(name));
  return trianglesOf(
    skin.triangles,
    (v) => isFace[model.regions[v]!] === true && model.deformable[v]! > 0.5 && scanned[v] === 1,
  );
}

import { encodeHalfs } from '../half-float.js';
import { numbered } from '../importers/source-model.js';
import { type Basis, type LandmarkSet, type MorphableModel, REGION_NAMES } from '../morphable-model.js';
import type { ReferenceAssets } from './assets.js';

/** Decimetres. */
export const UNIT_MM = 100;
const EYE_RADIUS_MM = 12;
/** Of components without a range of their own. */
const RANGE = 4;

/** The reference's face as the neutral model: for the exporters, which know nothing of BFM. */
export function morphableOf({ model, uvs }: ReferenceAssets): MorphableModel {
  const { vertexCount, triangleCount, triangles, keypoints } = model;
  const basis = (matrix: Float32Array, count: number, scale: number): Basis => {
    const halfs = new Uint16Array(3 * vertexCount * count);
    for (let k = 0; k < count; k++) {
      const column = Float32Array.from({ length: 3 * vertexCount }, (_, i) => scale * matrix[i * count + k]!);
      encodeHalfs(column, halfs, 3 * vertexCount * k);
    }
    return { count, halfs };
  };
  const expressionCount = model.expressionBase.length / (3 * vertexCount);
  const every = (value: number) => new Float32Array(expressionCount).fill(value);
  const origin = betweenEyes(model.mean, keypoints);
  const none: LandmarkSet = {
    count: 0,
    vertices: new Uint32Array(),
    weights: new Float32Array(),
    sigmaMm: new Float32Array(),
    dynamic: new Uint8Array(),
  };
  return {
    name: 'Basel Face Model, front',
    vertexCount,
    triangleCount,
    mean: model.mean.map((x, i) => UNIT_MM * x - origin[i % 3]!),
    identity: basis(model.identityBase, model.identityBase.length / (3 * vertexCount), UNIT_MM),
    expression: {
      ...basis(model.expressionBase, expressionCount, UNIT_MM),
      names: numbered('expression', expressionCount),
      mean: every(0),
      sigma: every(1),
      min: every(-RANGE),
      max: every(RANGE),
    },
    albedo: {
      mean: model.meanColour.map((x) => x / 255),
      ...basis(model.colourBase, model.colourBase.length / (3 * vertexCount), 1 / 255),
    },
    triangles,
    uvs: uvs.map((x, i) => (i % 2 === 0 ? x : 1 - x)),
    parts: [{ name: 'skin', firstTriangle: 0, triangleCount }],
    dense: none,
    ibug68: {
      count: 68,
      vertices: Uint32Array.from([...keypoints].flatMap((v) => [v, v, v])),
      weights: Float32Array.from({ length: 3 * 68 }, (_, i) => (i % 3 === 0 ? 1 : 0)),
      sigmaMm: new Float32Array(68).fill(1),
      dynamic: Uint8Array.from({ length: 68 }, (_, i) => (i < 17 ? 1 : 0)),
    },
    regions: new Uint8Array(vertexCount).fill(REGION_NAMES.indexOf('cheeks')),
    mirror: Uint32Array.from({ length: vertexCount }, (_, v) => v),
    deformable: new Float32Array(vertexCount).fill(1),
  };
}

/** Middle of the lids, moved back by an eyeball's radius: mm. BFM has no eyeballs. */
export function betweenEyes(shape: Float32Array, keypoints: Uint32Array): [number, number, number] {
  return [0, 1, 2].map((k) => {
    let sum = 0;
    for (let i = 36; i < 48; i++) sum += (UNIT_MM * shape[3 * keypoints[i]! + k]!) / 12;
    return k === 2 ? sum - EYE_RADIUS_MM : sum;
  }) as [number, number, number];
}

import type { WorkSlices } from '../importers/work-slices.js';
import type { NativeContext } from '../native/binding.js';
import { type JobOptions, runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { NativeReferenceModel, ReferenceModel } from '../native/reference.js';
import type { ReferenceAssets } from './assets.js';
import { MAP_PX } from './assets.js';
import {
  CAMERA_DISTANCE,
  COEFFICIENTS,
  FOCAL,
  IMAGE_PX,
  normalsOf,
  rotationOf,
  shapeOf,
  splitCoefficients,
  toCamera,
  turned,
  withOffsets,
} from './face-model.js';
import { fitTexture } from './fit-texture.js';
import type { ReferenceFace } from './hrn-method.js';
import { fadedMap } from './map-border.js';
import { overMap, type UvGrid } from './uv-grid.js';
import { look } from './visibility.js';

/** Texels a side of the offset maps, steps of Adam. */
export const OFFSET_MAP_PX = 300;
export const ITERATIONS = 100;

/** The loop's face model. */
export function fittingModel({ model, uvs }: Pick<ReferenceAssets, 'model' | 'uvs'>): ReferenceModel {
  const rows = 3 * model.vertexCount;
  const shapeBasis = new Float32Array(rows * (COEFFICIENTS.identity + COEFFICIENTS.expression));
  shapeBasis.set(transposed(model.identityBase, rows, 1));
  shapeBasis.set(transposed(model.expressionBase, rows, 1), rows * COEFFICIENTS.identity);
  return {
    identityCount: COEFFICIENTS.identity,
    expressionCount: COEFFICIENTS.expression,
    albedoCount: COEFFICIENTS.albedo,
    mean: model.mean,
    shapeBasis,
    meanAlbedo: model.meanColour.map((x) => x / 255),
    albedoBasis: transposed(model.colourBase, rows, 1 / 255),
    triangles: model.triangles,
    uvs,
    keypoints: model.keypoints,
  };
}

/** `[rows][columns]` to `[columns][rows]`. */
function transposed(matrix: Float32Array, rows: number, scale: number): Float32Array {
  const columns = matrix.length / rows;
  const out = new Float32Array(matrix.length);
  for (let i = 0; i < rows; i++) for (let k = 0; k < columns; k++) out[k * rows + i] = scale * matrix[i * columns + k]!;
  return out;
}

/** Left and right end of the mask in every row, counted as the reference does: one pixel in on the left. */
export function maskRows(mask: Float32Array, side: number): Float32Array {
  const rows = new Float32Array(2 * side);
  for (let y = 0; y < side; y++) {
    let [first, last] = [-1, -1];
    for (let x = 0; x < side; x++) {
      if (!(mask[y * side + x]! > 0.5)) continue;
      if (first < 0) first = x;
      last = x;
    }
    rows[2 * y] = first < 0 ? 0 : first + 1;
    rows[2 * y + 1] = first < 0 ? side - 1 : last;
  }
  return rows;
}

/**
 * The inference-and-fitting release: from the regressed coefficients, 100 steps of Adam on everything, native; then the
 * map is blurred where vertices left the mask, and fades at the face's border.
 */
export async function fittingMethod(
  context: NativeContext,
  assets: Pick<ReferenceAssets, 'model' | 'uvs'>,
  prepared: NativeReferenceModel,
  grid: UvGrid,
  {
    picture,
    mask,
    landmarks,
    coefficients,
  }: { picture: Float32Array; mask: Float32Array; landmarks: Float32Array; coefficients: Float32Array },
  job: JobOptions,
  work: WorkSlices,
): Promise<ReferenceFace> {
  const { model, uvs } = assets;
  const rows = maskRows(mask, IMAGE_PX);
  const problem = {
    side: IMAGE_PX,
    mapSize: OFFSET_MAP_PX,
    focal: FOCAL,
    cameraDistance: CAMERA_DISTANCE,
    picture,
    landmarks,
    rows,
    coefficients,
    iterations: ITERATIONS,
  };
  const fitted = await runJob((onProgress) => native().referenceFit(context, prepared, problem, onProgress), job);
  const parts = splitCoefficients(fitted.coefficients);
  const rotation = rotationOf(parts.angles);
  const camera = (shape: Float32Array) => toCamera(turned(shape, rotation, parts.translation));
  const map = fadedMap(fitted.shapeMap, OFFSET_MAP_PX, uvs, outside(camera(fitted.positions), rows));
  const coarse = shapeOf(model, parts);
  const shape = withOffsets(coarse, map, OFFSET_MAP_PX, uvs);
  const colours = overMap(grid, model, fitted.colours);
  const visibility = look(model, camera(shape), IMAGE_PX);
  const texture = await fitTexture(model, colours, MAP_PX, uvs, visibility, picture, work);
  return {
    coefficients: fitted.coefficients,
    parts,
    coarse,
    shape,
    normals: normalsOf(model, shape),
    deformation: { size: OFFSET_MAP_PX, data: map },
    texture,
    visibility,
  };
}

/** Vertices that project outside their row's span. */
function outside(camera: Float32Array, rows: Float32Array): Uint32Array {
  const out: number[] = [];
  const scale = FOCAL;
  for (let v = 0; v < camera.length / 3; v++) {
    const z = camera[3 * v + 2]!;
    const [x, y] = [(scale * camera[3 * v]!) / z + IMAGE_PX / 2, (scale * camera[3 * v + 1]!) / z + IMAGE_PX / 2];
    const row = IMAGE_PX - 1 - Math.min(IMAGE_PX - 1, Math.max(0, Math.ceil(y)));
    if (x < rows[2 * row]! === x < rows[2 * row + 1]!) out.push(v);
  }
  return Uint32Array.from(out);
}

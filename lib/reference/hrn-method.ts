import type { WorkSlices } from '../importers/work-slices.js';
import { MAP_PX, MID_PX, type ReferenceAssets, type ReferenceNetwork } from './assets.js';
import {
  combined,
  type FaceCoefficients,
  IMAGE_PX,
  normalsOf,
  projected,
  rotationOf,
  shaded,
  shapeOf,
  splitCoefficients,
  toCamera,
  turned,
  withOffsets,
} from './face-model.js';
import { fitTexture } from './fit-texture.js';
import { softened } from './map-border.js';
import { detailNormals, overMap, resized, textureOf, type UvGrid } from './uv-grid.js';
import { look, type Visibility } from './visibility.js';

/** What the method is shown: the same face in two sizes, and where it is bare. */
export interface ReferenceInput {
  /** `[224][224][3]`, RGB 0..1. */
  picture: Float32Array;
  /** `[512][512][3]` */
  largePicture: Float32Array;
  /** `[224][224][3]`, what the texture is completed with: the picture with the face's outline drawn outwards. */
  texturePicture: Float32Array;
  /** `[224][224]`, 0..1. */
  mask: Float32Array;
}

export interface ReferenceFace {
  /** 257 numbers in the reference's order. */
  coefficients: Float32Array;
  parts: FaceCoefficients;
  /** `[3 V]`, decimetres: by the coefficients alone, and with the deformation map. */
  coarse: Float32Array;
  shape: Float32Array;
  normals: Float32Array;
  /** `[size][size][3]`, rows from v = 1, decimetres. */
  deformation: { size: number; data: Float32Array };
  /** `[256][256]`, decimetres along the normal, and where the face is bare, 0..1; the fitting release has none. */
  displacement?: { heights: Float32Array; bare: Float32Array };
  /** `[256][256][3]`, 0..1, as the picture shows the face, with its light. */
  texture: Float32Array;
  visibility: Visibility;
}

export const LARGE_PX = 512;
const SHARE = 0.1;

type Run = (network: ReferenceNetwork, input: Float32Array) => Promise<Float32Array>;

/**
 * HRN (CVPR 2023) as published: coefficients by regression, a deformation map by the mid network, a displacement map by
 * the high one, colours from the picture.
 */
export async function hrnMethod(
  assets: ReferenceAssets,
  grid: UvGrid,
  { picture, largePicture, texturePicture, mask }: ReferenceInput,
  run: Run,
  work: WorkSlices,
  onProgress: (done: number, total: number) => void,
): Promise<ReferenceFace> {
  const { model, uvs, alpha, beta } = assets;
  const STEPS = 6;
  const coefficients = await run('coefficients', channelsFirst([{ data: picture, channels: 3 }], IMAGE_PX));
  onProgress(1, STEPS);
  const parts = splitCoefficients(coefficients);
  const coarse = shapeOf(model, parts);
  const rotation = rotationOf(parts.angles);
  const positionMap = overMap(grid, model, coarse);
  const cameraMap = (shape: Float32Array) => overMap(grid, model, toCamera(turned(shape, rotation, parts.translation)));
  const large = { data: largePicture, side: LARGE_PX, channels: 3 };
  const texture = textureOf(cameraMap(coarse), MAP_PX, large, projected);
  const bare = textureOf(cameraMap(coarse), MAP_PX, { data: mask, side: IMAGE_PX, channels: 1 }, projected);
  const valid = softened(bare, MAP_PX);
  await work.pause();

  const albedo = combined(assets.colourMapMean, assets.colourMapBase, parts.albedo).map((x) => x / 255);
  const centred = texture.map((x) => 2 * (x - 0.5));
  const blend = channelsLast(await run('retouch', channelsFirst([{ data: centred, channels: 3 }], MAP_PX)), MAP_PX, 3);
  const natural = deRetouched(albedo, centred, blend);
  onProgress(2, STEPS);

  const mid = await run(
    'mid',
    channelsFirst(
      [
        { data: resized(positionMap, MAP_PX, MID_PX, 3), channels: 3 },
        { data: resized(centred, MAP_PX, MID_PX, 3), channels: 3 },
      ],
      MID_PX,
    ),
  );
  const midMask = resized(valid, MAP_PX, MID_PX, 1);
  const deformation = channelsLast(mid, MID_PX, 3).map((x, i) => x * SHARE * alpha * midMask[Math.floor(i / 3)]!);
  onProgress(3, STEPS);

  const shape = withOffsets(coarse, deformation, MID_PX, uvs);
  const normals = normalsOf(model, shape);
  const aligned = textureOf(cameraMap(shape), MAP_PX, large, projected).map((x) => 2 * (x - 0.5));
  await work.pause();
  const high = await run(
    'high',
    channelsFirst(
      [
        { data: positionMap, channels: 3 },
        { data: aligned, channels: 3 },
        { data: resized(deformation, MID_PX, MAP_PX, 3), channels: 3 },
      ],
      MAP_PX,
    ),
  );
  const displacement = high.map((x, i) => x * SHARE * beta * valid[i]!);
  onProgress(4, STEPS);

  const turnedPositions = overMap(grid, model, turned(shape, rotation, parts.translation));
  const turnedNormals = overMap(grid, model, turned(normals, rotation));
  const detailed = detailNormals(turnedPositions, turnedNormals, displacement, MAP_PX);
  const colours = shaded(natural, detailed, parts.light);
  const visibility = look(model, toCamera(turned(shape, rotation, parts.translation)), IMAGE_PX);
  onProgress(5, STEPS);
  const fitted = await fitTexture(model, colours, MAP_PX, uvs, visibility, texturePicture, work);
  onProgress(STEPS, STEPS);
  return {
    coefficients,
    parts,
    coarse,
    shape,
    normals,
    deformation: { size: MID_PX, data: deformation },
    displacement: { heights: displacement, bare: valid },
    texture: fitted,
    visibility,
  };
}

/** What a face looks like before make-up and retouching: the albedo, changed as the retouched texture is undone. */
export function deRetouched(albedo: Float32Array, centred: Float32Array, blend: Float32Array): Float32Array {
  return albedo.map((value, i) => {
    const seen = (centred[i]! + 1) / 2;
    const retouched = (1 - 2 * blend[i]!) * seen * seen + 2 * blend[i]! * seen;
    const phi = 1e6 * retouched ** 3 + 1e-6;
    return (value * (seen + 1 / phi)) / (retouched + 1 / phi);
  });
}

/** Maps `[size][size][channels]` to one network input `[all channels][size][size]`. */
export function channelsFirst(maps: readonly { data: Float32Array; channels: number }[], size: number): Float32Array {
  const area = size * size;
  const out = new Float32Array(area * maps.reduce((sum, { channels }) => sum + channels, 0));
  let plane = 0;
  for (const { data, channels } of maps) {
    for (let k = 0; k < channels; k++, plane++)
      for (let i = 0; i < area; i++) out[plane * area + i] = data[channels * i + k]!;
  }
  return out;
}

function channelsLast(data: Float32Array, size: number, channels: number): Float32Array {
  const area = size * size;
  return Float32Array.from(data, (_, i) => data[(i % channels) * area + Math.floor(i / channels)]!);
}

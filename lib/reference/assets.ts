import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { HrnError } from '../errors.js';
import { inFile } from '../formats/errors.js';
import { parseMatlab } from '../formats/matlab.js';
import { asFloats } from '../formats/nd-array.js';
import { parseNpyNumbers } from '../formats/npy.js';
import { isSafetensors, readSafetensorsCheckpoint } from '../formats/safetensors-checkpoint.js';
import { readTorchCheckpoint } from '../formats/torch-checkpoint.js';
import { readUvs } from '../importers/bfm.js';
import { findFiles, needed } from '../importers/find-file.js';
import { readModelBytes } from '../models/read-model-bytes.js';
import type { ModelRecord } from '../result-data.js';
import { fivePoints } from './align.js';
import { COEFFICIENTS, type FaceModel, faceModelOf } from './face-model.js';
import { coefficientNetwork, deRetouchingNetwork, mapNetwork } from './networks.js';

const SOURCE =
  'the assets of HRN (https://github.com/youngLBW/HRN) or of ModelScope damo/cv_resnet50_face-reconstruction';
const LICENCE = 'as its makers say: BFM is for non-commercial use';
const MODEL = 'BFM_model_front.mat';
const UVS = 'bfm_uvs2.npy';
const COLOUR_MEAN = 'bfm_tex_mean2.npy';
const COLOUR_BASE = 'bfm_texmap_base2.npy';
const STANDARD = 'similarity_Lm3D_all.mat';
/** HRN's own folder, ModelScope's, and their tensors saved as safetensors. */
const CHECKPOINTS = ['epoch_10.pth', 'pytorch_model.pt', 'epoch_10.safetensors', 'pytorch_model.safetensors'];
const RETOUCHING = [
  ...['de-retouching.pth', 'de_retouching_model.pth'],
  ...['de-retouching.safetensors', 'de_retouching_model.safetensors'],
];
/** Side of the reference's albedo maps, and of those that it computes with. */
const STORED_MAP_PX = 512;
export const MAP_PX = 256;
export const MID_PX = 64;

/** Everything that the reference's method needs, read from its folder. */
export interface ReferenceAssets {
  model: FaceModel;
  /** `[V][2]`, origin bottom left. */
  uvs: Float32Array;
  /** `[5][3]` */
  standardPoints: Float64Array;
  /** `[256][256][3]` and `[256 x 256 x 3][80]`, 0..255. */
  colourMapMean: Float32Array;
  colourMapBase: Float32Array;
  /** Networks as .onnx files. */
  networks: Record<ReferenceNetwork, Uint8Array>;
  /** Shares of the mid and the high network's maps. */
  alpha: number;
  beta: number;
  records: ModelRecord[];
}

export type ReferenceNetwork = 'coefficients' | 'mid' | 'high' | 'retouch';

/**
 * Reads the folder that HRN or ModelScope publishes: the files are found by their names, wherever in it they lie.
 *
 * @throws HrnError MODEL_MISSING with the missing file's name, MODEL_FORMAT, MODEL_CORRUPT, MODEL_UNSAFE, MODEL_TOO_LARGE
 */
export async function readReferenceAssets(folder: string): Promise<ReferenceAssets> {
  const found = await findFiles(folder, [
    MODEL,
    UVS,
    COLOUR_MEAN,
    COLOUR_BASE,
    STANDARD,
    ...CHECKPOINTS,
    ...RETOUCHING,
  ]);
  const one = (names: readonly string[]) => names.find((name) => found.has(name)) ?? names[0]!;
  const records: ModelRecord[] = [];
  const read = async <T>(name: string, parse: (bytes: Buffer) => T | Promise<T>): Promise<T> => {
    const path = needed(found, name, folder, SOURCE);
    const bytes = await readModelBytes(path);
    records.push({ name: basename(path), sha256: createHash('sha256').update(bytes).digest('hex'), licence: LICENCE });
    return inFile(path, () => parse(bytes)).catch((error) => {
      if (!(error instanceof HrnError)) throw error;
      const { code, message, details, cause } = error;
      throw new HrnError(code, `${message}; it comes with ${SOURCE}`, { details: { ...details, file: name }, cause });
    });
  };
  const model = await read(MODEL, async (bytes) => faceModelOf(await parseMatlab(bytes)));
  const uvs = await read(UVS, (bytes) => {
    const turned = readUvs(bytes, model.vertexCount);
    // Back to the file's origin, which the reference computes with.
    return turned.map((x, i) => (i % 2 === 0 ? x : 1 - x));
  });
  const standardPoints = await read(STANDARD, async (bytes) => {
    const points = (await parseMatlab(bytes)).get('lm');
    if (points?.data.length === 3 * 68) return fivePoints(points.data, 3);
    throw new HrnError('MODEL_FORMAT', `expected 68 points lm, got ${points?.shape.join(' x ') ?? 'no such variable'}`);
  });
  const colourMapMean = await read(COLOUR_MEAN, (bytes) => halved(asFloats(parseNpyNumbers(bytes)), 1));
  const colourMapBase = await read(COLOUR_BASE, (bytes) =>
    halved(asFloats(parseNpyNumbers(bytes)), COEFFICIENTS.albedo),
  );
  const nets = await read(one(CHECKPOINTS), async (bytes) => {
    const tensors = await tensorsOf(bytes);
    const number = (name: string) => {
      const tensor = tensors.get(name);
      if (tensor?.data.length === 1) return tensor.data[0]!;
      throw new HrnError('MODEL_FORMAT', `the checkpoint holds no number ${name}`);
    };
    return {
      coefficients: coefficientNetwork(tensors),
      mid: mapNetwork(tensors, 'mid_net.', MID_PX),
      high: mapNetwork(tensors, 'high_net.', MAP_PX),
      alpha: number('alpha'),
      beta: number('beta'),
    };
  });
  const retouch = await read(one(RETOUCHING), async (bytes) => deRetouchingNetwork(await tensorsOf(bytes)));
  const { alpha, beta, ...networks } = nets;
  return {
    model,
    uvs,
    standardPoints,
    colourMapMean,
    colourMapBase,
    networks: { ...networks, retouch },
    alpha,
    beta,
    records,
  };
}

const tensorsOf = async (bytes: Uint8Array) =>
  isSafetensors(bytes) ? readSafetensorsCheckpoint(bytes) : readTorchCheckpoint(bytes);

/** `[512][512][3][columns]` to `[256][256][3][columns]`: the mean of each four texels. */
function halved(map: Float32Array, columns: number): Float32Array {
  const channels = 3 * columns;
  if (map.length !== STORED_MAP_PX * STORED_MAP_PX * channels) {
    throw new HrnError(
      'MODEL_FORMAT',
      `expected a map of ${STORED_MAP_PX} x ${STORED_MAP_PX} x 3 with ${columns} components, got ${map.length} numbers`,
    );
  }
  const out = new Float32Array(MAP_PX * MAP_PX * channels);
  for (let y = 0; y < MAP_PX; y++)
    for (let x = 0; x < MAP_PX; x++) {
      const upper = (2 * y * STORED_MAP_PX + 2 * x) * channels;
      const lower = upper + STORED_MAP_PX * channels;
      const to = (y * MAP_PX + x) * channels;
      for (let k = 0; k < channels; k++) {
        out[to + k] = (map[upper + k]! + map[upper + channels + k]! + map[lower + k]! + map[lower + channels + k]!) / 4;
      }
    }
  return out;
}

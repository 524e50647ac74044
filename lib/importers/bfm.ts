import { readFile, stat } from 'node:fs/promises';
import { inFile, wrongFormat } from '../formats/errors.js';
import { Hdf5, isHdf5 } from '../formats/hdf5.js';
import { parseMatlab } from '../formats/matlab.js';
import type { NdArray } from '../formats/nd-array.js';
import { parseNpyNumbers } from '../formats/npy.js';
import { readModelBytes } from '../models/read-model-bytes.js';
import { findFiles, needed } from './find-file.js';
import { atVertices, columns, NORMAL_PRIOR, numbered, type SourceModel } from './source-model.js';

const FRONT = 'BFM_model_front.mat';
const BFM_2009 = '01_MorphableModel.mat';
const UVS = 'bfm_uvs2.npy';
const BASEL = 'the Basel Face Model (https://faces.dmi.unibas.ch)';
const HRN = 'the assets of HRN (https://github.com/youngLBW/HRN) or of ModelScope cv_resnet50_face-reconstruction';
const LICENCE = 'Basel Face Model: University of Basel, for non-commercial use';
/** The front model counts in decimetres, 2009 in micrometres, 2017 and 2019 in millimetres. */
const DECIMETRE_MM = 100;
const MICROMETRE_MM = 1e-3;

type Variables = ReadonlyMap<string, NdArray>;

/**
 * The Basel Face Model: the front part that Deep3D and HRN use (BFM_model_front.mat, or a folder with it and
 * bfm_uvs2.npy), 2009 (01_MorphableModel.mat, with expressions where Exp_Pca.bin, std_exp.txt and BFM_exp_idx.mat lie
 * beside it), 2017 and 2019 (HDF5).
 *
 * @throws HrnError MODEL_FORMAT, MODEL_CORRUPT, MODEL_MISSING, MODEL_TOO_LARGE
 */
export async function importBfm(path: string): Promise<SourceModel> {
  if ((await stat(path)).isDirectory()) {
    const found = await findFiles(path, [FRONT, BFM_2009]);
    return importBfm(found.get(FRONT) ?? found.get(BFM_2009) ?? needed(found, FRONT, path, HRN));
  }
  const bytes = await readModelBytes(path);
  if (isHdf5(bytes)) return inFile(path, () => fromHdf5(bytes));
  const variables = await inFile(path, () => parseMatlab(bytes));
  if (variables.has('idBase')) return fromFront(path, variables);
  if (variables.has('shapePC')) return from2009(path, variables);
  throw wrongFormat(
    `${FRONT} or ${BFM_2009} (${BASEL}; ${HRN})`,
    `a MATLAB file with ${[...variables.keys()].join(', ')}`,
  );
}

/** The folder that HRN and ModelScope publish. */
export async function importHrnFolder(path: string): Promise<SourceModel> {
  const found = await findFiles(path, [FRONT]);
  return importBfm(needed(found, FRONT, path, HRN));
}

/** A variable of so many numbers, or of rows of so many. */
export function variable(variables: Variables, name: string, rows: number | undefined): NdArray {
  const array = variables.get(name);
  if (!array) throw wrongFormat(`a variable ${name} (${HRN})`, `variables ${[...variables.keys()].join(', ')}`);
  if (rows !== undefined && (array.data.length === 0 || array.data.length % rows !== 0)) {
    throw wrongFormat(`${name} of ${rows} rows`, `shape [${array.shape.join(', ')}]`);
  }
  return array;
}

async function fromFront(path: string, variables: Variables): Promise<SourceModel> {
  const model = await inFile(path, () => {
    const mean = variable(variables, 'meanshape', undefined).data;
    const rows = mean.length;
    const basis = (name: string, scale: number) => {
      const { data } = variable(variables, name, rows);
      return columns(data, rows, data.length / rows, () => scale);
    };
    const expression = basis('exBase', DECIMETRE_MM);
    const keypoints = variables.get('keypoints');
    return {
      name: 'Basel Face Model, front',
      licence: LICENCE,
      ...skin(
        Float32Array.from(mean, (x) => DECIMETRE_MM * x),
        fromOne(variable(variables, 'tri', undefined), rows / 3),
      ),
      identity: { components: basis('idBase', DECIMETRE_MM) },
      expression: {
        components: expression,
        names: numbered('expression', expression.length),
        priors: expression.map(() => NORMAL_PRIOR),
      },
      albedo: {
        mean: Float32Array.from(variable(variables, 'meantex', rows).data, (x) => x / 255),
        components: basis('texBase', 1 / 255),
      },
      ...(keypoints?.data.length === 68
        ? { landmarks: { first: 0 as const, ...atVertices([...fromOne(keypoints, rows / 3)]) } }
        : {}),
    };
  });
  const uvFile = (await findFiles(path, [UVS])).get(UVS);
  if (uvFile === undefined) return model;
  const uvs = await inFile(uvFile, async () => readUvs(await readFile(uvFile), model.vertexCount));
  return { ...model, uvs };
}

/** `[vertices][2 or 3]`, origin bottom left, to origin top left. */
export function readUvs(bytes: Uint8Array, vertexCount: number): Float32Array {
  const { shape, data } = parseNpyNumbers(bytes);
  const width = shape[1] ?? 0;
  if (shape[0] !== vertexCount || width < 2) {
    throw wrongFormat(`texture coordinates of ${vertexCount} vertices`, `shape [${shape.join(', ')}]`);
  }
  const out = new Float32Array(2 * vertexCount);
  for (let v = 0; v < vertexCount; v++) {
    out[2 * v] = data[width * v]!;
    out[2 * v + 1] = 1 - data[width * v + 1]!;
  }
  return out;
}

async function from2009(path: string, variables: Variables): Promise<SourceModel> {
  const mean = variable(variables, 'shapeMU', undefined).data;
  const rows = mean.length;
  const deviations = variable(variables, 'shapeEV', undefined).data;
  const colours = variable(variables, 'texEV', undefined).data;
  const vertexCount = rows / 3;
  const triangles = inFile(path, () => fromOne(variable(variables, 'tl', undefined), vertexCount));
  const expression = await expressions2009(path, vertexCount);
  return {
    name: 'Basel Face Model 2009',
    licence: LICENCE,
    ...skin(
      Float32Array.from(mean, (x) => MICROMETRE_MM * x),
      await triangles,
    ),
    identity: {
      components: columns(
        variable(variables, 'shapePC', rows).data,
        rows,
        deviations.length,
        (k) => MICROMETRE_MM * deviations[k]!,
      ),
    },
    expression: {
      components: expression,
      names: numbered('expression', expression.length),
      priors: expression.map(() => NORMAL_PRIOR),
    },
    albedo: {
      mean: Float32Array.from(variable(variables, 'texMU', rows).data, (x) => x / 255),
      components: columns(variable(variables, 'texPC', rows).data, rows, colours.length, (k) => colours[k]! / 255),
    },
  };
}

/** Guo and others' expressions for the 2009 model: of some of its vertices, the others stay still. */
async function expressions2009(path: string, vertexCount: number): Promise<Float32Array[]> {
  const found = await findFiles(path, ['Exp_Pca.bin', 'std_exp.txt', 'BFM_exp_idx.mat']);
  const [basis, deviations, indices] = ['Exp_Pca.bin', 'std_exp.txt', 'BFM_exp_idx.mat'].map((name) => found.get(name));
  if (!basis || !deviations || !indices) return [];
  return inFile(basis, async () => {
    const places = variable(await parseMatlab(await readModelBytes(indices)), 'trimIndex', undefined).data;
    const bytes = await readModelBytes(basis);
    const sizes = (await readFile(deviations, 'utf8')).trim().split(/\s+/).map(Number);
    const count = bytes.length >= 4 ? bytes.readInt32LE(0) : 0;
    const rows = 3 * places.length;
    if (!(count > 0 && count <= sizes.length) || bytes.length < 4 * (1 + rows * (1 + count))) {
      throw wrongFormat(
        `a mean and components of ${places.length} vertices`,
        `${bytes.length} bytes for ${count} components`,
      );
    }
    return Array.from({ length: count }, (_, k) => {
      const out = new Float32Array(3 * vertexCount);
      for (let i = 0; i < rows; i++) {
        const place = 3 * (places[Math.floor(i / 3)]! - 1) + (i % 3);
        if (!(place >= 0 && place < out.length)) throw wrongFormat(`vertices up to ${vertexCount}`, `${place / 3}`);
        out[place] = MICROMETRE_MM * sizes[k]! * bytes.readFloatLE(4 * (1 + rows * (1 + k) + i));
      }
      return out;
    });
  });
}

async function fromHdf5(bytes: Uint8Array): Promise<SourceModel> {
  const file = await Hdf5.open(bytes);
  const mean = file.numbers('shape/model/mean').data;
  const rows = mean.length;
  const basis = (name: string) => {
    const variance = file.numbers(`${name}/model/pcaVariance`).data;
    const { data } = file.numbers(`${name}/model/pcaBasis`);
    if (data.length !== rows * variance.length) {
      throw wrongFormat(
        `${name} components of ${rows} rows`,
        `${data.length} numbers for ${variance.length} components`,
      );
    }
    return columns(data, rows, variance.length, (k) => Math.sqrt(variance[k]!));
  };
  const expression = file.has('expression/model/pcaBasis') ? basis('expression') : [];
  // The mean of the expressions is part of the neutral face.
  const shift = expression.length > 0 ? file.numbers('expression/model/mean').data : undefined;
  const cells = file.numbers('shape/representer/cells');
  const corners = cells.shape[0] === 3 ? transposed(cells.data) : Uint32Array.from(cells.data);
  check(corners, rows / 3);
  return {
    name: 'Basel Face Model 2017 or 2019',
    licence: LICENCE,
    ...skin(
      Float32Array.from(mean, (x, i) => x + (shift?.[i] ?? 0)),
      corners,
    ),
    identity: { components: basis('shape') },
    expression: {
      components: expression,
      names: numbered('expression', expression.length),
      priors: expression.map(() => NORMAL_PRIOR),
    },
    albedo: { mean: Float32Array.from(file.numbers('color/model/mean').data), components: basis('color') },
  };
}

function skin(mean: Float32Array, triangles: Uint32Array) {
  return {
    vertexCount: mean.length / 3,
    mean,
    triangles,
    parts: [{ name: 'skin' as const, triangleCount: triangles.length / 3 }],
  };
}

/** MATLAB counts from one. */
export function fromOne({ data }: NdArray, vertexCount: number): Uint32Array {
  const out = Uint32Array.from(data, (v) => v - 1);
  check(out, vertexCount);
  return out;
}

function check(corners: Uint32Array, vertexCount: number): void {
  for (const v of corners) if (v >= vertexCount) throw wrongFormat(`vertices below ${vertexCount}`, `${v}`);
}

/** `[3][triangles]` to `[triangles][3]`. */
function transposed(data: ArrayLike<number>): Uint32Array {
  const count = data.length / 3;
  return Uint32Array.from({ length: data.length }, (_, i) => data[(i % 3) * count + Math.floor(i / 3)]!);
}

import { HrnError } from '../errors.js';
import {
  type Kinship,
  type LandmarkSet,
  type MorphableModel,
  PART_NAMES,
  type Part,
  REGION_NAMES,
  type Translation,
} from '../morphable-model.js';
import { type ElementType, parseSafetensors, type Safetensors } from './safetensors.js';
import { safetensorsBytes, type TensorToWrite } from './write-safetensors.js';

/** What `hrn models import` writes: a whole MorphableModel as it is, in a safetensors file (docs/importing.md). */
const FORMAT = 'hrn-head-model';
const VERSION = '1';

export interface ModelFileFacts {
  licence: string;
  /** Format that it came from, as `--as` names it. */
  from: string;
  /** How well the embedded head was laid over it, in mm, by name. */
  quality: Readonly<Record<string, number>>;
}

export interface LoadedModelFile extends ModelFileFacts {
  model: MorphableModel;
}

export function modelFileBytes(model: MorphableModel, facts: ModelFileFacts): Uint8Array {
  const { vertexCount: v, triangleCount: t, identity, expression, albedo } = model;
  const priors = new Float32Array(4 * expression.count);
  for (let k = 0; k < expression.count; k++) {
    priors.set([expression.mean[k]!, expression.sigma[k]!, expression.min[k]!, expression.max[k]!], 4 * k);
  }
  const set = (name: string, { count, vertices, weights, sigmaMm, dynamic }: LandmarkSet) => ({
    [`${name}Vertices`]: tensor('U32', [count, 3], vertices),
    [`${name}Weights`]: tensor('F32', [count, 3], weights),
    [`${name}SigmaMm`]: tensor('F32', [count], sigmaMm),
    [`${name}Dynamic`]: tensor('U8', [count], dynamic),
  });
  return safetensorsBytes(
    {
      mean: tensor('F32', [v, 3], model.mean),
      identity: tensor('F16', [identity.count, v, 3], identity.halfs),
      expression: tensor('F16', [expression.count, v, 3], expression.halfs),
      expressionPrior: tensor('F32', [expression.count, 4], priors),
      albedoMean: tensor('F32', [v, 3], albedo.mean),
      albedo: tensor('F16', [albedo.count, v, 3], albedo.halfs),
      triangles: tensor('U32', [t, 3], model.triangles),
      uv: tensor('F32', [v, 2], model.uvs),
      ...set('dense', model.dense),
      ...set('ibug68', model.ibug68),
      regions: tensor('U8', [v], model.regions),
      mirror: tensor('U32', [v], model.mirror),
      deformable: tensor('F32', [v], model.deformable),
      ...kinshipTensors(model),
    },
    {
      format: FORMAT,
      version: VERSION,
      name: model.name,
      licence: facts.licence,
      from: facts.from,
      quality: JSON.stringify(facts.quality),
      expressions: JSON.stringify(expression.names),
      parts: JSON.stringify(model.parts),
    },
  );
}

const KIN = ['identity', 'expression', 'embeddedIdentity'] as const;

function kinshipTensors({ kinship }: MorphableModel): Record<string, TensorToWrite> {
  if (!kinship) return {};
  const tensors = KIN.flatMap((name) => {
    const { from, rows, variance } = kinship[name];
    return [
      [`${name}Kin`, tensor('F32', [variance.length, 1 + from], rows)],
      [`${name}KinVariance`, tensor('F32', [variance.length], variance)],
    ] as const;
  });
  return Object.fromEntries(tensors);
}

/** Files of earlier versions have none. */
function kinshipIn(file: Safetensors, identityCount: number, expressionCount: number): { kinship?: Kinship } {
  if (!file.has('identityKin')) return {};
  const translation = (name: string, to: number | null, given: number | null): Translation => {
    const variance = file.tensor(`${name}KinVariance`, 'F32', [to]);
    const rows = file.tensor(`${name}Kin`, 'F32', [variance.length, given === null ? null : 1 + given]);
    const from = rows.length / variance.length - 1;
    if (!rows.every(Number.isFinite) || !variance.every((v) => v >= 0 && v < Infinity))
      corrupt(`its ${name} is not told in finite numbers`);
    return { from, rows, variance };
  };
  const identity = translation('identity', identityCount, null);
  return {
    kinship: {
      identity,
      expression: translation('expression', expressionCount, null),
      embeddedIdentity: translation('embeddedIdentity', identity.from, identityCount),
    },
  };
}

function tensor(dtype: ElementType, shape: readonly number[], data: TensorToWrite['data']): TensorToWrite {
  return { dtype, shape, data };
}

/**
 * Reads what `hrn models import` wrote. That indices lie inside the mesh and numbers are finite is checked when the model
 * is given to the fits.
 *
 * @throws HrnError MODEL_FORMAT for another kind of file, MODEL_CORRUPT
 */
export function parseModelFile(bytes: Uint8Array): LoadedModelFile {
  const file = parseSafetensors(bytes);
  const { format, version } = file.metadata;
  if (format !== FORMAT || version !== VERSION) {
    throw new HrnError(
      'MODEL_FORMAT',
      `expected a file that \`hrn models import\` of this version wrote (${FORMAT} ${VERSION}), got ${format ?? 'another safetensors file'} ${version ?? ''}; import the model again`,
    );
  }
  const v = file.shape('mean')[0] ?? 0;
  const basis = (name: string) => {
    const count = file.shape(name)[0] ?? 0;
    return { count, halfs: file.tensor(name, 'F16', [count, v, 3]) };
  };
  const names = textsOf(file, 'expressions');
  const priors = file.tensor('expressionPrior', 'F32', [names.length, 4]);
  const column = (k: number) => Float32Array.from(names, (_, i) => priors[4 * i + k]!);
  const expression = basis('expression');
  if (expression.count !== names.length) corrupt(`it names ${names.length} of ${expression.count} expressions`);
  const identity = basis('identity');
  const triangles = file.tensor('triangles', 'U32', [null, 3]);
  const regions = file.tensor('regions', 'U8', [v]);
  if (regions.some((region) => region >= REGION_NAMES.length)) corrupt('it names regions that do not exist');
  return {
    model: {
      name: file.metadata.name ?? 'imported head',
      vertexCount: v,
      triangleCount: triangles.length / 3,
      mean: file.tensor('mean', 'F32', [v, 3]),
      identity,
      expression: { ...expression, names, mean: column(0), sigma: column(1), min: column(2), max: column(3) },
      albedo: { mean: file.tensor('albedoMean', 'F32', [v, 3]), ...basis('albedo') },
      triangles,
      uvs: file.tensor('uv', 'F32', [v, 2]),
      parts: partsOf(file, triangles.length / 3),
      dense: landmarkSet(file, 'dense'),
      ibug68: landmarkSet(file, 'ibug68'),
      regions,
      mirror: file.tensor('mirror', 'U32', [v]),
      deformable: file.tensor('deformable', 'F32', [v]),
      ...kinshipIn(file, identity.count, expression.count),
    },
    licence: file.metadata.licence ?? 'unknown',
    from: file.metadata.from ?? 'unknown',
    quality: qualityOf(file),
  };
}

function corrupt(what: string): never {
  throw new HrnError('MODEL_CORRUPT', `not a usable head model: ${what}; import it again`);
}

function jsonOf(file: Safetensors, key: string): unknown {
  try {
    return JSON.parse(file.metadata[key] ?? '');
  } catch {
    return corrupt(`its ${key} are not JSON`);
  }
}

function textsOf(file: Safetensors, key: string): string[] {
  const value = jsonOf(file, key);
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
    ? value
    : corrupt(`its ${key} are no texts`);
}

function qualityOf(file: Safetensors): Record<string, number> {
  const value = jsonOf(file, 'quality');
  return typeof value === 'object' && value !== null ? (value as Record<string, number>) : {};
}

function partsOf(file: Safetensors, triangleCount: number): Part[] {
  const value = jsonOf(file, 'parts');
  let next = 0;
  const isNext = (part: Part) => {
    const fits = PART_NAMES.includes(part?.name) && part.firstTriangle === next && Number.isInteger(part.triangleCount);
    next += fits ? part.triangleCount : 0;
    return fits;
  };
  const parts = Array.isArray(value) && value.every(isNext) ? (value as Part[]) : corrupt('its parts are malformed');
  return next === triangleCount ? parts : corrupt(`its parts have ${next} of ${triangleCount} triangles`);
}

function landmarkSet(file: Safetensors, name: 'dense' | 'ibug68'): LandmarkSet {
  const vertices = file.tensor(`${name}Vertices`, 'U32', [null, 3]);
  const count = vertices.length / 3;
  return {
    count,
    vertices,
    weights: file.tensor(`${name}Weights`, 'F32', [count, 3]),
    sigmaMm: file.tensor(`${name}SigmaMm`, 'F32', [count]),
    dynamic: file.tensor(`${name}Dynamic`, 'U8', [count]),
  };
}

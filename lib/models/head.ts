import { HrnError } from '../errors.js';
import { decodeHalfs } from '../half-float.js';
import { type LandmarkSet, type MorphableModel, PART_NAMES, type Part, REGION_NAMES } from '../morphable-model.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import { parseSafetensors, type Safetensors } from './safetensors.js';

/** Marks the missing fourth corner of a triangle in the list of faces. */
const NO_VERTEX = 0xffff;

/**
 * Builds the embedded head from the bytes of models/head.safetensors (layout: docs/head-model.md): one Catmull-Clark
 * step on the cage, its mean and every component.
 *
 * @throws HrnError MODEL_CORRUPT if a tensor is missing, misshapen or points outside the mesh
 */
export async function loadHead(bytes: Uint8Array): Promise<MorphableModel> {
  const file = parseSafetensors(bytes);
  const cageCount = checkedCageCount(file);
  const faces = file.tensor('faces', 'U16', [null, 4]);
  const cageMirror = file.tensor('cageMirror', 'U16', [cageCount]);
  checkBelow('cageMirror', cageMirror, cageCount);
  const cageBasis = (name: string) => {
    const count = file.shape(name)[0] ?? 0;
    return { count, halfs: file.tensor(name, 'F16', [count, cageCount, 3]) };
  };
  const [identity, expression] = [cageBasis('identity'), cageBasis('expression')];
  const { vertexCount, mean, triangles, mirror, bases } = await runJob(() =>
    native().subdivide({
      mean: file.tensor('mean', 'F32', [cageCount, 3]),
      faces,
      mirror: cageMirror,
      bases: [identity.halfs, expression.halfs],
    }),
  );
  const albedoCount = file.shape('albedo')[0] ?? 0;
  const regions = file.tensor('regions', 'U8', [vertexCount]);
  checkBelow('regions', regions, REGION_NAMES.length);
  return {
    name: file.metadata.name ?? 'head',
    vertexCount,
    triangleCount: triangles.length / 3,
    mean,
    identity: { count: identity.count, halfs: bases[0]! },
    expression: { count: expression.count, halfs: bases[1]!, ...expressionPrior(file) },
    albedo: {
      mean: decodeHalfs(file.tensor('albedoMean', 'F16', [vertexCount, 3])),
      count: albedoCount,
      halfs: file.tensor('albedo', 'F16', [albedoCount, vertexCount, 3]),
    },
    triangles,
    uvs: file.tensor('uv', 'F32', [vertexCount, 2]),
    parts: partsOf(file, faces),
    dense: landmarkSet(file, 'dense', vertexCount),
    ibug68: landmarkSet(file, 'ibug68', vertexCount),
    regions,
    mirror,
    deformable: decodeHalfs(file.tensor('deformable', 'F16', [vertexCount])),
  };
}

function corrupt(what: string): never {
  throw new HrnError('MODEL_CORRUPT', `Not a usable head model: ${what}; reinstall hrn-face or give another model`);
}

function checkedCageCount(file: Safetensors): number {
  const count = file.shape('mean')[0] ?? 0;
  // The subdivided mesh is indexed with 16 bits in the file's landmark tables.
  if (count < 4 || count > 16_000) corrupt(`its cage has ${count} vertices, expected 4 to 16000`);
  return count;
}

function checkBelow(name: string, values: Uint16Array | Uint8Array, limit: number): void {
  for (const value of values) if (value >= limit) corrupt(`tensor ${name} holds ${value}, expected less than ${limit}`);
}

function expressionPrior(file: Safetensors) {
  const names = (file.metadata.expressions ?? '').split(' ');
  const table = file.tensor('expressionPrior', 'F32', [names.length, 4]);
  if (file.shape('expression')[0] !== names.length) corrupt(`it names ${names.length} expressions for another number`);
  const column = (k: number) => Float32Array.from(names, (_, i) => table[4 * i + k]!);
  return { names, mean: column(0), sigma: column(1), min: column(2), max: column(3) };
}

function partsOf(file: Safetensors, faces: Uint16Array): Part[] {
  const labels = file.tensor('faceParts', 'U8', [faces.length / 4]);
  checkBelow('faceParts', labels, PART_NAMES.length);
  const parts: Part[] = [];
  let triangle = 0;
  labels.forEach((label, face) => {
    const name = PART_NAMES[label]!;
    const last = parts.at(-1);
    const triangleCount = 2 * (faces[4 * face + 3] === NO_VERTEX ? 3 : 4);
    if (last?.name === name) last.triangleCount += triangleCount;
    else parts.push({ name, firstTriangle: triangle, triangleCount });
    triangle += triangleCount;
  });
  if (new Set(parts.map((part) => part.name)).size !== parts.length) corrupt('its faces are not grouped by part');
  return parts;
}

function landmarkSet(file: Safetensors, name: 'dense' | 'ibug68', vertexCount: number): LandmarkSet {
  const vertices = file.tensor(`${name}Vertices`, 'U16', [null, 3]);
  checkBelow(`${name}Vertices`, vertices, vertexCount);
  const count = vertices.length / 3;
  return {
    count,
    vertices: Uint32Array.from(vertices),
    weights: file.tensor(`${name}Weights`, 'F32', [count, 3]),
    sigmaMm: file.tensor(`${name}SigmaMm`, 'F32', [count]),
    dynamic: file.tensor(`${name}Dynamic`, 'U8', [count]),
  };
}

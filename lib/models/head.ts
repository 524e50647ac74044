import { setImmediate as nextTurn } from 'node:timers/promises';
import { HrnError } from '../errors.js';
import { decodeHalfs, encodeHalfs } from '../half-float.js';
import {
  type Basis,
  type LandmarkSet,
  type MorphableModel,
  PART_NAMES,
  type Part,
  REGION_NAMES,
} from '../morphable-model.js';
import { applySubdivision, catmullClark, NO_VERTEX, type Subdivision, subdividedMirror } from './catmull-clark.js';
import { parseSafetensors, type Safetensors } from './safetensors.js';

/** Components subdivided before the event loop gets a turn; a few milliseconds of work. */
const COMPONENTS_PER_TURN = 16;

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
  checkFaces(faces, cageCount);
  const operator = catmullClark(cageCount, faces);
  const { vertexCount } = operator;
  const cageMirror = file.tensor('cageMirror', 'U16', [cageCount]);
  checkBelow('cageMirror', cageMirror, cageCount);
  const mirror =
    subdividedMirror(cageMirror, faces, operator) ?? corrupt('cageMirror does not map the mesh onto itself');
  const mean = new Float32Array(3 * vertexCount);
  applySubdivision(operator, file.tensor('mean', 'F32', [cageCount, 3]), mean);
  const albedoCount = file.shape('albedo')[0] ?? 0;
  const regions = file.tensor('regions', 'U8', [vertexCount]);
  checkBelow('regions', regions, REGION_NAMES.length);
  const triangles = splitQuads(operator.quads);
  return {
    name: file.metadata.name ?? 'head',
    vertexCount,
    triangleCount: triangles.length / 3,
    mean,
    identity: await subdividedBasis(file, 'identity', cageCount, operator),
    expression: {
      ...(await subdividedBasis(file, 'expression', cageCount, operator)),
      ...expressionPrior(file),
    },
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
  throw new HrnError('MODEL_CORRUPT', `Not a usable head model: ${what}; reinstall hrn or give another model`);
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

function checkFaces(faces: Uint16Array, cageCount: number): void {
  const uses = new Map<number, number>();
  for (let i = 0; i < faces.length; i += 4) {
    const ring = faces.subarray(i, faces[i + 3] === NO_VERTEX ? i + 3 : i + 4);
    checkBelow('faces', ring, cageCount);
    if (new Set(ring).size !== ring.length) corrupt(`face ${i / 4} repeats a vertex`);
    ring.forEach((a, k) => {
      const b = ring[(k + 1) % ring.length]!;
      const key = a * 65536 + b;
      uses.set(key, (uses.get(key) ?? 0) + 1);
    });
  }
  for (const count of uses.values()) if (count > 1) corrupt('two of its faces use an edge in the same direction');
}

async function subdividedBasis(
  file: Safetensors,
  name: string,
  cageCount: number,
  operator: Subdivision,
): Promise<Basis> {
  const count = file.shape(name)[0] ?? 0;
  const cage = file.tensor(name, 'F16', [count, cageCount, 3]);
  const size = 3 * operator.vertexCount;
  const halfs = new Uint16Array(count * size);
  const values = new Float32Array(size);
  for (let k = 0; k < count; k++) {
    if (k % COMPONENTS_PER_TURN === 0) await nextTurn();
    applySubdivision(operator, decodeHalfs(cage, k * 3 * cageCount, (k + 1) * 3 * cageCount), values);
    encodeHalfs(values, halfs, k * size);
  }
  return { count, halfs };
}

function expressionPrior(file: Safetensors) {
  const names = (file.metadata.expressions ?? '').split(' ');
  const table = file.tensor('expressionPrior', 'F32', [names.length, 4]);
  if (file.shape('expression')[0] !== names.length) corrupt(`it names ${names.length} expressions for another number`);
  const column = (k: number) => Float32Array.from(names, (_, i) => table[4 * i + k]!);
  return { names, mean: column(0), sigma: column(1), min: column(2), max: column(3) };
}

function splitQuads(quads: Uint32Array): Uint32Array {
  const triangles = new Uint32Array((quads.length / 4) * 6);
  for (let q = 0, t = 0; q < quads.length; q += 4) {
    triangles[t++] = quads[q]!;
    triangles[t++] = quads[q + 1]!;
    triangles[t++] = quads[q + 2]!;
    triangles[t++] = quads[q]!;
    triangles[t++] = quads[q + 2]!;
    triangles[t++] = quads[q + 3]!;
  }
  return triangles;
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

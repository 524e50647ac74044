import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inFile, wrongFormat } from '../formats/errors.js';
import { Npz } from '../formats/npz.js';
import { parseObj } from '../formats/obj.js';
import { readModelBytes } from '../models/read-model-bytes.js';
import type { PartName } from '../morphable-model.js';
import { atVertices, byPart, keepVertices, type SourceModel, UNIT_PRIOR } from './source-model.js';

const SOURCE = 'https://github.com/USC-ICT/ICT-FaceKit (folder FaceXModel), or its arrays as one .npz';
const VERTICES = 26_719;
const NEUTRAL = 'generic_neutral_mesh.obj';
/** Centimetres. */
const UNIT_MM = 10;

/** Vertex ranges of the toolkit's one topology, by the first vertex behind them. Undefined: not drawn. */
const RANGES: readonly [end: number, part: PartName | 'teeth' | 'eye' | undefined][] = [
  [14_062, 'skin'],
  [17_039, 'tongue'],
  [21_451, 'teeth'],
  // An eye is an outer ball, which is kept, and an inner one with the hollow of the pupil.
  [22_221, 'eye'],
  [23_021, undefined],
  [23_791, 'eye'],
  // The other inner ball, tear fluid, shadow cards and lashes.
  [VERTICES, undefined],
];

/** iBUG order: the toolkit's own list (its vertex numbers do not change). */
const LANDMARKS = [
  1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443, 268, 493, 1914,
  2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360, 1507, 1542, 1537, 1528,
  1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841,
  5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,
];

/**
 * ICT-FaceKit: the folder of OBJ files, or its arrays in one .npz.
 *
 * @throws HrnError MODEL_FORMAT, MODEL_CORRUPT, MODEL_MISSING
 */
export async function importIct(path: string, signal?: AbortSignal): Promise<SourceModel> {
  const arrays = (await stat(path)).isDirectory() ? await readFolder(path, signal) : await readArrays(path);
  const { neutral } = arrays;
  if (neutral.length !== 3 * VERTICES) {
    throw wrongFormat(`the ${VERTICES} vertices of ICT-FaceKit (${SOURCE})`, `${neutral.length / 3} vertices`);
  }
  // Upper teeth come before lower ones; a tooth's own middle tells which it is.
  const upper = upperTeeth(neutral, arrays.triangles);
  const partOf = (t: number): PartName | undefined => {
    const v = arrays.triangles[3 * t]!;
    const part = RANGES.find(([end]) => v < end)?.[1];
    if (part === 'teeth') return upper[v] ? 'upperTeeth' : 'lowerTeeth';
    if (part === 'eye') return neutral[3 * v]! > 0 ? 'leftEye' : 'rightEye';
    return part;
  };
  const { triangles, parts, kept, moved } = byPart(arrays.triangles, VERTICES, partOf);
  const millimetres = (values: ArrayLike<number>) => keepVertices(values, kept, UNIT_MM);
  const isStill = (component: Float32Array) => component.every((x) => Math.abs(x) < 1e-3);
  const expression = arrays.expressions
    .map(({ name, delta }) => ({ name: arkitName(name), delta: millimetres(delta) }))
    .filter(({ delta }) => !isStill(delta));
  return {
    name: 'ICT-FaceKit',
    licence: 'MIT (USC Institute for Creative Technologies)',
    vertexCount: kept.length,
    mean: millimetres(neutral),
    triangles,
    parts,
    identity: { components: arrays.identities.map(millimetres) },
    expression: {
      components: expression.map(({ delta }) => delta),
      names: expression.map(({ name }) => name),
      priors: expression.map(() => UNIT_PRIOR),
    },
    landmarks: { first: 0, ...atVertices(LANDMARKS.map((v) => moved[v]!)) },
  };
}

interface Arrays {
  neutral: ArrayLike<number>;
  triangles: Uint32Array;
  identities: ArrayLike<number>[];
  expressions: { name: string; delta: ArrayLike<number> }[];
}

async function readArrays(path: string): Promise<Arrays> {
  return inFile(path, async () => {
    const npz = await Npz.open(await readModelBytes(path));
    const [neutral, quads, triangles, identity, expression] = await Promise.all([
      npz.numbers('neutral', [VERTICES, 3]),
      npz.numbers('quads', [null, 4]),
      npz.numbers('triangles', [null, 3]),
      npz.numbers('identity', [null, VERTICES, 3]),
      npz.numbers('expression', [null, VERTICES, 3]),
    ]);
    const names = await npz.texts('expression_names');
    const component = (data: ArrayLike<number> & { subarray(a: number, b: number): ArrayLike<number> }, k: number) =>
      data.subarray(3 * VERTICES * k, 3 * VERTICES * (k + 1));
    if (names.length !== expression.shape[0])
      throw wrongFormat(`${expression.shape[0]} expression names`, `${names.length}`);
    const faces: number[][] = [];
    for (let q = 0; q < quads.shape[0]!; q++) faces.push(Array.from(quads.data.subarray(4 * q, 4 * q + 4)));
    for (let t = 0; t < triangles.shape[0]!; t++) faces.push(Array.from(triangles.data.subarray(3 * t, 3 * t + 3)));
    return {
      neutral: neutral.data,
      triangles: triangulated(faces),
      identities: Array.from({ length: identity.shape[0]! }, (_, k) => component(identity.data, k)),
      expressions: names.map((name, k) => ({ name, delta: component(expression.data, k) })),
    };
  });
}

/** One OBJ a shape, all with the neutral's vertices. */
async function readFolder(folder: string, signal: AbortSignal | undefined): Promise<Arrays> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.obj')).sort();
  if (!files.includes(NEUTRAL))
    throw wrongFormat(`a folder with ${NEUTRAL} (${SOURCE})`, `${files.length} OBJ files without it`);
  const neutralMesh = parseObj(await readFile(join(folder, NEUTRAL), 'utf8'), { faces: true });
  const neutral = neutralMesh.positions;
  const delta = (file: string): Promise<Float32Array> =>
    inFile(join(folder, file), async () => {
      signal?.throwIfAborted();
      const { positions } = parseObj(await readFile(join(folder, file), 'utf8'), { faces: false });
      if (positions.length !== neutral.length) {
        throw wrongFormat(`the neutral's ${neutral.length / 3} vertices`, `${positions.length / 3}`);
      }
      for (let i = 0; i < positions.length; i++) positions[i]! -= neutral[i]!;
      return positions;
    });
  const identities: Float32Array[] = [];
  const expressions: Arrays['expressions'] = [];
  for (const file of files) {
    if (file === NEUTRAL) continue;
    if (/^identity\d+\.obj$/.test(file)) identities.push(await delta(file));
    else expressions.push({ name: file.slice(0, -4), delta: await delta(file) });
  }
  return { neutral, triangles: triangulated(neutralMesh.faces), identities, expressions };
}

function triangulated(faces: readonly number[][]): Uint32Array {
  const out: number[] = [];
  for (const face of faces) for (let k = 2; k < face.length; k++) out.push(face[0]!, face[k - 1]!, face[k]!);
  return Uint32Array.from(out);
}

/** Every tooth is a mesh of its own; the upper row's middles are the higher ones. */
function upperTeeth(neutral: ArrayLike<number>, triangles: Uint32Array): Uint8Array {
  const [first, last] = [17_039, 21_451];
  const parent = Int32Array.from({ length: VERTICES }, (_, v) => v);
  const rootOf = (v: number): number => {
    let root = v;
    while (parent[root] !== root) root = parent[root]!;
    parent[v] = root;
    return root;
  };
  for (let i = 0; i < triangles.length; i += 3) {
    if (triangles[i]! < first || triangles[i]! >= last) continue;
    for (let k = 1; k < 3; k++) parent[rootOf(triangles[i + k]!)] = rootOf(triangles[i]!);
  }
  const sums = new Map<number, { sum: number; count: number }>();
  for (let v = first; v < last; v++) {
    const entry = sums.get(rootOf(v)) ?? { sum: 0, count: 0 };
    sums.set(rootOf(v), { sum: entry.sum + neutral[3 * v + 1]!, count: entry.count + 1 });
  }
  const heights = [...sums.values()].map(({ sum, count }) => sum / count);
  const middle = heights.reduce((a, b) => a + b, 0) / heights.length;
  const upper = new Uint8Array(VERTICES);
  for (let v = first; v < last; v++) {
    const { sum, count } = sums.get(rootOf(v))!;
    upper[v] = sum / count > middle ? 1 : 0;
  }
  return upper;
}

/** browDown_L is ARKit's browDownLeft. */
function arkitName(name: string): string {
  return name.replace(/_L$/, 'Left').replace(/_R$/, 'Right');
}

import type { MeshoptSimplifier } from 'meshoptimizer/simplifier';
import { decodeHalfs } from '../half-float.js';
import type { Mesh, MeshPart, ReconstructionData } from '../result-data.js';
import type { ExportModel } from './glb-head.js';
import type { Lod } from './options.js';

/** The triangles of a level, over the vertices of the whole mesh. */
export interface LevelOfDetail {
  /** `[triangles][3]`, grouped by part. */
  indices: Uint32Array;
  parts: readonly MeshPart[];
}

/** Share of the triangles that level 1 and 2 keep, of eyeballs and of the rest: too few show at the edge of the iris. */
const KEPT = { 1: { eyes: 0.6, rest: 0.3 }, 2: { eyes: 0.25, rest: 0.09 } } as const;
/** Expressions whose motion a simplified mesh must still be able to follow. */
const GUIDES = ['jawOpen', 'eyeBlinkLeft', 'eyeBlinkRight', 'mouthSmileLeft', 'mouthSmileRight', 'mouthPucker'];
/** Weight of a millimetre of their motion beside one of shape, and of a unit of the texture. */
const MOTION_WEIGHT = 0.5;
const UV_WEIGHT = 60;

/** `[vertices][2 + 3 guides]`: what a simplified surface should reproduce besides its shape. */
function attributesOf(model: ExportModel): { values: Float32Array; weights: number[] } {
  const perShape = 3 * model.vertexCount;
  const shapes = GUIDES.map((name) => model.expression.names.indexOf(name))
    .filter((k) => k >= 0)
    .map((k) => decodeHalfs(model.expression.halfs, k * perShape, (k + 1) * perShape));
  const stride = 2 + 3 * shapes.length;
  const values = new Float32Array(stride * model.vertexCount);
  for (let v = 0; v < model.vertexCount; v++) {
    values.set(model.uvs.subarray(2 * v, 2 * v + 2), stride * v);
    shapes.forEach((shape, s) => {
      values.set(shape.subarray(3 * v, 3 * v + 3), stride * v + 2 + 3 * s);
    });
  }
  const weights = Array.from({ length: stride }, (_, k) => (k < 2 ? UV_WEIGHT : MOTION_WEIGHT));
  return { values, weights };
}

/** The part's triangles simplified to a share of them; borders, at which parts meet the air, stay. */
function simplified(
  simplifier: typeof MeshoptSimplifier,
  indices: Uint32Array,
  positions: Float32Array,
  { values, weights }: ReturnType<typeof attributesOf>,
  share: number,
): Uint32Array {
  const target = Math.max(3, 3 * Math.floor((share * indices.length) / 3));
  const stride = weights.length;
  // Errors are relative to the part's size: one lets only the number of triangles decide.
  const [kept] = simplifier.simplifyWithAttributes(indices, positions, 3, values, stride, weights, null, target, 1, [
    'LockBorder',
  ]);
  return kept;
}

/** Triangles of one level of detail. The vertices left are some of the mesh's, so blend shapes and UVs stay exact. */
export async function levelOfDetail(
  { mesh, model }: { mesh: Mesh; model: ExportModel },
  lod: Lod,
): Promise<LevelOfDetail> {
  if (lod === 0) return { indices: mesh.indices, parts: mesh.parts };
  // Loaded for simpler heads alone.
  const { MeshoptSimplifier: simplifier } = await import('meshoptimizer/simplifier');
  await simplifier.ready;
  const attributes = attributesOf(model);
  const parts: MeshPart[] = [];
  const kept: number[] = [];
  for (const { name, firstIndex, indexCount } of mesh.parts) {
    const share = name === 'leftEye' || name === 'rightEye' ? KEPT[lod].eyes : KEPT[lod].rest;
    const indices = mesh.indices.slice(firstIndex, firstIndex + indexCount);
    const fewer = indexCount === 0 ? indices : simplified(simplifier, indices, mesh.positions, attributes, share);
    parts.push({ name, firstIndex: kept.length, indexCount: fewer.length });
    for (const vertex of fewer) kept.push(vertex);
  }
  return { indices: Uint32Array.from(kept), parts };
}

/** The mesh at a level of detail, at level 0 the detailed one where there is one; beyond level 0 without the vertices that no triangle uses any more. */
export async function meshAt(result: ReconstructionData, lod: Lod): Promise<Mesh> {
  const { mesh } = result;
  if (lod === 0) return result.levels.high ?? mesh;
  const { indices, parts } = await levelOfDetail(result, lod);
  const source = [...new Set(indices)].sort((a, b) => a - b);
  const place = new Uint32Array(mesh.positions.length / 3);
  source.forEach((vertex, i) => {
    place[vertex] = i;
  });
  const gather = (values: Float32Array, width: number) =>
    Float32Array.from({ length: width * source.length }, (_, i) => {
      const vertex = source[Math.floor(i / width)] as number;
      return values[width * vertex + (i % width)] as number;
    });
  return {
    positions: gather(mesh.positions, 3),
    normals: gather(mesh.normals, 3),
    uvs: gather(mesh.uvs, 2),
    indices: indices.map((vertex) => place[vertex] as number),
    parts,
  };
}

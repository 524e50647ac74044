import type { MorphableModel, PartName } from './morphable-model.js';

type PartedModel = Pick<MorphableModel, 'parts' | 'triangles' | 'vertexCount'>;

const known = new WeakMap<PartedModel, Map<PartName, Uint32Array>>();

/** The vertices of a part, each once, as its triangles come to them; none where the model lacks the part. */
export function partVertices(model: PartedModel, name: PartName): Uint32Array {
  const ofModel = known.get(model) ?? new Map<PartName, Uint32Array>();
  known.set(model, ofModel);
  const found = ofModel.get(name);
  if (found) return found;
  const part = model.parts.find((candidate) => candidate.name === name);
  const first = 3 * (part?.firstTriangle ?? 0);
  const vertices = eachOnce(model.triangles.subarray(first, first + 3 * (part?.triangleCount ?? 0)), model.vertexCount);
  ofModel.set(name, vertices);
  return vertices;
}

/** Quicker than a set by a multiple. */
function eachOnce(corners: Uint32Array, vertexCount: number): Uint32Array {
  const isSeen = new Uint8Array(vertexCount);
  const vertices = new Uint32Array(vertexCount);
  let count = 0;
  for (let i = 0; i < corners.length; i++) {
    const v = corners[i]!;
    if (isSeen[v]) continue;
    isSeen[v] = 1;
    vertices[count++] = v;
  }
  return vertices.slice(0, count);
}

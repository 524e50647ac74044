import type { MorphableModel, PartName } from './morphable-model.js';

type PartedModel = Pick<MorphableModel, 'parts' | 'triangles'>;

const known = new WeakMap<PartedModel, Map<PartName, Uint32Array>>();

/** The vertices of a part, each once, as its triangles come to them; none where the model lacks the part. */
export function partVertices(model: PartedModel, name: PartName): Uint32Array {
  const ofModel = known.get(model) ?? new Map<PartName, Uint32Array>();
  known.set(model, ofModel);
  const found = ofModel.get(name);
  if (found) return found;
  const part = model.parts.find((candidate) => candidate.name === name);
  const first = 3 * (part?.firstTriangle ?? 0);
  const vertices = Uint32Array.from(new Set(model.triangles.subarray(first, first + 3 * (part?.triangleCount ?? 0))));
  ofModel.set(name, vertices);
  return vertices;
}

import { vertexNormals } from '../exporters/vertex-normals.js';
import { heightAt } from '../folds.js';
import type { DetailedMesh, DisplacementMap, Mesh } from '../result-data.js';

/**
 * The mesh with its edges halved, moved along its normals by a map of heights: what the reference exports as its mesh of
 * high frequencies, whose vertices are the map's texels.
 */
export function displacedMesh(mesh: Mesh, map: Pick<DisplacementMap, 'data' | 'size'>): DetailedMesh {
  const count = mesh.positions.length / 3;
  const halves = new Map<number, number>();
  const ends: number[] = [];
  const between = (a: number, b: number): number => {
    const key = a < b ? a * count + b : b * count + a;
    let vertex = halves.get(key);
    if (vertex === undefined) {
      vertex = count + halves.size;
      halves.set(key, vertex);
      ends.push(Math.min(a, b), Math.max(a, b));
    }
    return vertex;
  };
  const indices = new Uint32Array(4 * mesh.indices.length);
  for (let i = 0; i < mesh.indices.length; i += 3) {
    const [a, b, c] = [mesh.indices[i]!, mesh.indices[i + 1]!, mesh.indices[i + 2]!];
    const [ab, bc, ca] = [between(a, b), between(b, c), between(c, a)];
    indices.set([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], 4 * i);
  }
  const parents = Uint32Array.from(ends);
  const finer = (values: Float32Array, stride: number) => {
    const out = new Float32Array(stride * (count + halves.size));
    out.set(values);
    for (let e = 0; e < halves.size; e++)
      for (let k = 0; k < stride; k++)
        out[stride * (count + e) + k] =
          (values[stride * parents[2 * e]! + k]! + values[stride * parents[2 * e + 1]! + k]!) / 2;
    return out;
  };
  const positions = finer(mesh.positions, 3);
  const directions = finer(mesh.normals, 3);
  const uvs = finer(mesh.uvs, 2);
  for (let v = 0; v < uvs.length / 2; v++) {
    const length = Math.hypot(directions[3 * v]!, directions[3 * v + 1]!, directions[3 * v + 2]!) || 1;
    const height = heightAt(map, uvs[2 * v]!, uvs[2 * v + 1]!) / length;
    for (let k = 0; k < 3; k++) positions[3 * v + k]! += height * directions[3 * v + k]!;
  }
  const parts = mesh.parts.map((part) => ({
    ...part,
    firstIndex: 4 * part.firstIndex,
    indexCount: 4 * part.indexCount,
  }));
  return { positions, normals: vertexNormals(positions, indices), uvs, indices, parts, parents };
}

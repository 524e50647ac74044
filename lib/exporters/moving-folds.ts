/**
 * Folds that belong to the fitted expression, out of the normal map and into the morph targets, so that they fade as the
 * targets' weights are taken back. A mesh carries no more than what is wider than its edges: finer folds stay in the map.
 */
import { drawn, ExpressionFolds, heightAt } from '../folds.js';
import { gaussian } from '../gaussian.js';
import type { GlbHead } from './glb-head.js';

/** What vertices can carry: heights smoothed by this; texels of a map of 1024. */
const CARRIED_TEXELS = 4;
/** Weights below are taken for this, so that a target at 1 has not many times the folds of the photo. */
const LEAST_WEIGHT = 0.5;
const WORN = 0.05;

export interface MovingFolds {
  /** The map without what the targets carry; `[size][size]`, mm. */
  map: { data: Float32Array; size: number };
  /** What weight 1 of a target adds, by its name; `[vertices][3]`, mm. */
  offsets: ReadonlyMap<string, Float32Array>;
}

/** @param chosen indices of the expressions that become morph targets */
export function movingFolds(
  { mesh, model, coefficients, displacementMap: map }: GlbHead,
  chosen: readonly number[],
): MovingFolds | undefined {
  const worn = coefficients.expression as Readonly<Record<string, number>>;
  const names = chosen.map((k) => model.expression.names[k] as string).filter((name) => (worn[name] ?? 0) > WORN);
  if (!map || names.length === 0) return undefined;
  const folds = new ExpressionFolds(mesh, model, worn, map);
  const left = folds.kept(Object.fromEntries(Object.entries(worn).filter(([name]) => !names.includes(name))));
  // A target's part of what goes is told by how far it moves the place.
  const parts = names.map((name) => folds.moves(name).map((mm) => worn[name]! * mm));
  const sums = left.map((_, v) => parts.reduce((sum, part) => sum + part[v]!, 0));
  const carried = left.map((kept, v) => {
    const share = names.reduce((sum, name, i) => sum + parts[i]![v]! * Math.min(1, worn[name]! / LEAST_WEIGHT), 0);
    return sums[v]! > 1e-4 ? ((1 - kept) * share) / sums[v]! : 0;
  });
  if (!carried.some((share) => share > 0.02)) return undefined;
  const { size } = map;
  const shares = drawn(mesh, carried, size);
  const shape = { columns: size, rows: size, channels: 1 };
  const wide = gaussian(
    shares.map((share, i) => share * map.data[i]!),
    shape,
    (CARRIED_TEXELS * size) / 1024,
  );
  const offsets = new Map<string, Float32Array>();
  for (const [i, name] of names.entries()) {
    const out = new Float32Array(mesh.positions.length);
    const weight = worn[name]!;
    for (let v = 0; v < carried.length; v++) {
      if (!(carried[v]! > 0)) continue;
      const part = (parts[i]![v]! * Math.min(1, weight / LEAST_WEIGHT)) / weight;
      const total = (carried[v]! * sums[v]!) / (1 - left[v]!);
      const height = (heightAt({ data: wide, size }, mesh.uvs[2 * v]!, mesh.uvs[2 * v + 1]!) * part) / total;
      for (let k = 0; k < 3; k++) out[3 * v + k] = height * mesh.normals[3 * v + k]!;
    }
    offsets.set(name, out);
  }
  return { map: { data: map.data.map((height, i) => height - wide[i]!), size }, offsets };
}

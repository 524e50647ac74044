// Whole fits on the CPU against those on the GPU: how far the two meshes are apart on the face.
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as hrn from '../../lib/index.js';
import { packageRoot } from '../../lib/native/load.js';
import type { Reconstruction } from '../../lib/result.js';

/** Mean distance on the face that CPU and GPU may differ by. */
export const LIMIT_MM = 0.05;
const SAMPLE_SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

export interface Parity {
  name: string;
  /** Over the vertices that the deformation map may move. */
  meanMm: number;
  maxMm: number;
  cpuMs: number;
  gpuMs: number;
}

/** Distance of corresponding vertices, over those of the face. */
export function difference(a: Reconstruction, b: Reconstruction): { meanMm: number; maxMm: number } {
  return faceDistance(a.model.deformable, a.mesh.positions, b.mesh.positions);
}

/** The same of positions `[vertices][3]`. */
export function faceDistance(
  deformable: Float32Array,
  p: Float32Array,
  q: Float32Array,
): { meanMm: number; maxMm: number } {
  let [sum, count, maxMm] = [0, 0, 0];
  for (let v = 0; v < deformable.length; v++) {
    if (deformable[v]! < 0.5) continue;
    const distance = Math.hypot(...[0, 1, 2].map((axis) => p[3 * v + axis]! - q[3 * v + axis]!));
    sum += distance;
    count++;
    maxMm = Math.max(maxMm, distance);
  }
  return { meanMm: sum / count, maxMm };
}

/**
 * Inputs by name, each loaded when its turn comes: the photos named, else examples/, ../shared/photos (HRN_SHARED may name
 * the folder) and a few synthetic portraits.
 */
export function inputs(photos: readonly string[] = []): [name: string, load: () => Promise<hrn.ImageInput>][] {
  const files = photos.length > 0 ? photos : defaultPhotos();
  const named = files.map((file): [string, () => Promise<hrn.ImageInput>] => [basename(file), async () => file]);
  if (photos.length > 0) return named;
  return [
    ...named,
    ...SAMPLE_SEEDS.map((seed): [string, () => Promise<hrn.ImageInput>] => [
      `sample ${seed}`,
      async () => (await hrn.sample({ seed })).image as hrn.RawImage,
    ]),
  ];
}

function defaultPhotos(): string[] {
  const shared = join(process.env.HRN_SHARED ?? join(packageRoot, '..', 'shared'), 'photos');
  const names = existsSync(shared) ? readdirSync(shared).filter((name) => /\.(png|jpg)$/.test(name)) : [];
  return [join(packageRoot, 'examples', 'astronaut.png'), ...names.sort().map((name) => join(shared, name))];
}

/** Fits one photo on both devices. */
export async function compare(
  instance: hrn.Hrn,
  name: string,
  image: hrn.ImageInput,
  options: hrn.FitOptions = {},
): Promise<Parity> {
  const timed = async (device: 'cpu' | 'cuda') => {
    const start = performance.now();
    const face = await instance.fit(image, { ...options, device });
    return { face, ms: performance.now() - start };
  };
  const [cpu, gpu] = [await timed('cpu'), await timed('cuda')];
  return { name, ...difference(cpu.face, gpu.face), cpuMs: cpu.ms, gpuMs: gpu.ms };
}

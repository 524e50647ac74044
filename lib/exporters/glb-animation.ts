import type { GlbContainer } from './glb-container.js';
import type { HeadMotion } from './motion.js';

/** What of the scene moves. */
export interface Moving {
  /** The nodes of meshes with the morph targets. */
  meshes: readonly number[];
  /** Index of each morph target's expression in the model, in the order of the file. */
  targets: readonly number[];
  /** The node that carries the head, and where it lies at rest, mm in the head frame. */
  head: number;
  rest: readonly [number, number, number];
}

/** The glTF animation of a motion: weights, and rotation and translation of the node that carries the head. */
export function animationOf(container: GlbContainer, motion: HeadMotion, moving: Moving, unitsPerMm: number): object {
  const { timesSeconds, weights, rotations, translations } = motion;
  const frames = timesSeconds.length;
  const expressions = weights.length / frames;
  const input = container.times(timesSeconds);
  const channels: object[] = [];
  const samplers: object[] = [];
  const add = (node: number, path: string, output: number) => {
    channels.push({ sampler: samplers.length, target: { node, path } });
    samplers.push({ input, output, interpolation: 'LINEAR' });
  };
  if (moving.targets.length > 0) {
    const chosen = new Float32Array(frames * moving.targets.length);
    for (let i = 0; i < frames; i++)
      for (const [k, target] of moving.targets.entries())
        chosen[i * moving.targets.length + k] = weights[i * expressions + target] as number;
    const output = container.keys(chosen, 'SCALAR');
    for (const mesh of moving.meshes) add(mesh, 'weights', output);
  }
  add(moving.head, 'rotation', container.keys(rotations, 'VEC4'));
  const placed = new Float32Array(3 * frames);
  for (let i = 0; i < frames; i++) {
    const turned = rotate(rotations.subarray(4 * i, 4 * i + 4), moving.rest);
    for (let k = 0; k < 3; k++)
      placed[3 * i + k] = unitsPerMm * ((translations[3 * i + k] as number) + (turned[k] as number));
  }
  add(moving.head, 'translation', container.keys(placed, 'VEC3'));
  return { name: 'track', channels, samplers };
}

function rotate(q: Float32Array, [x, y, z]: readonly [number, number, number]): [number, number, number] {
  const [qx, qy, qz, qw] = q as unknown as [number, number, number, number];
  // v + 2 q x (q x v + w v)
  const [cx, cy, cz] = [qy * z - qz * y + qw * x, qz * x - qx * z + qw * y, qx * y - qy * x + qw * z];
  return [x + 2 * (qy * cz - qz * cy), y + 2 * (qz * cx - qx * cz), z + 2 * (qx * cy - qy * cx)];
}

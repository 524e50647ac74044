/** The nodes of a GLB: meshes, joints, and where the eyes look. */
import type { Gaze, gazeOf } from '../gaze.js';
import type { GlbContainer } from './glb-container.js';
import { METRES_PER_MM } from './glb-head.js';
import { JOINTS, type Skeleton } from './skeleton.js';

/** x, y, z, w: turns the z axis to a line of sight. */
function gazeRotation({ yaw, pitch }: Gaze): number[] {
  const [y, x] = [yaw, -pitch].map((degrees) => (degrees * Math.PI) / 360) as [number, number];
  return [Math.cos(y) * Math.sin(x), Math.sin(y) * Math.cos(x), -Math.sin(y) * Math.sin(x), Math.cos(y) * Math.cos(x)];
}

/** Column-major, of a joint with this rotation at this place. */
function inverseBind([x, y, z, w]: readonly number[], place: readonly number[]): number[] {
  const [a, b, c, d] = [x as number, y as number, z as number, w as number];
  // Rows of the rotation are columns of its inverse.
  const rows = [
    [1 - 2 * (b * b + c * c), 2 * (a * b - c * d), 2 * (a * c + b * d)],
    [2 * (a * b + c * d), 1 - 2 * (a * a + c * c), 2 * (b * c - a * d)],
    [2 * (a * c - b * d), 2 * (b * c + a * d), 1 - 2 * (a * a + b * b)],
  ];
  const back = [0, 1, 2].map((k) => -rows.reduce((sum, row, i) => sum + (row[k] as number) * (place[i] as number), 0));
  return [...rows.flatMap((row) => [...row, 0]), ...back, 1];
}

const GAZE_NODES = { leftEye: 'leftGaze', rightEye: 'rightGaze' } as const;

/**
 * The scene's nodes, the head's mesh first; with a skeleton its joints follow, unrotated, then where each eye looks, then
 * the other meshes.
 */
export function nodesOf(
  container: GlbContainer,
  skeleton: Skeleton | undefined,
  gaze: ReturnType<typeof gazeOf>,
  meshes: readonly string[],
): object {
  const others = meshes.slice(1).map((name, i) => ({ name, mesh: i + 1, ...(skeleton && { skin: 0 }) }));
  if (!skeleton) {
    const nodes = [{ name: 'head', mesh: 0 }, ...others];
    return { scenes: [{ name: 'scene', nodes: nodes.map((_, i) => i) }], nodes };
  }
  const index = (name: string | undefined) => 1 + JOINTS.findIndex((joint) => joint.name === name);
  const gazes = Object.entries(GAZE_NODES).flatMap(([joint, name]) => {
    const own = gaze?.[joint === 'leftEye' ? 'left' : 'right'];
    return own ? [{ joint: joint as keyof typeof GAZE_NODES, name, rotation: gazeRotation(own) }] : [];
  });
  const inverses = new Float32Array(16 * (JOINTS.length + gazes.length));
  const joints = JOINTS.map(({ name, parent }, i) => {
    const metres = skeleton.places[name].map((mm) => mm * METRES_PER_MM);
    inverses.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, ...metres.map((value) => -value), 1], 16 * i);
    const from = parent ? skeleton.places[parent] : [0, 0, 0];
    const translation = metres.map((value, k) => value - (from[k] as number) * METRES_PER_MM);
    const children = [
      ...JOINTS.filter((joint) => joint.parent === name).map((joint) => index(joint.name)),
      ...gazes.flatMap(({ joint }, g) => (joint === name ? [1 + JOINTS.length + g] : [])),
    ];
    return { name, translation, ...(children.length > 0 && { children }) };
  });
  const root = index(JOINTS[0].name);
  gazes.forEach(({ joint, rotation }, g) => {
    const place = skeleton.places[joint].map((mm) => mm * METRES_PER_MM);
    inverses.set(inverseBind(rotation, place), 16 * (JOINTS.length + g));
  });
  return {
    scenes: [{ name: 'scene', nodes: [0, root, ...others.map((_, i) => 1 + JOINTS.length + gazes.length + i)] }],
    nodes: [
      { name: 'head', mesh: 0, skin: 0 },
      ...joints,
      ...gazes.map(({ name, rotation }) => ({ name, rotation })),
      ...others,
    ],
    skins: [
      {
        name: 'head',
        skeleton: root,
        // Where the eyes look moves no vertex; as joints those nodes are part of the skeleton to every reader.
        joints: [...JOINTS.map(({ name }) => index(name)), ...gazes.map((_, g) => 1 + JOINTS.length + g)],
        inverseBindMatrices: container.matrices(inverses),
      },
    ],
  };
}

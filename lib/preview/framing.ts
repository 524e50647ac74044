import { REGION_NAMES } from '../morphable-model.js';
import type { Camera, Pose, ReconstructionData } from '../result-data.js';

/** An axis-aligned square of the picture plane, pixels of the input. */
export interface Square {
  x: number;
  y: number;
  size: number;
}

/** Space around the head, as a share of its extent. */
const MARGIN = 0.08;

const NECK = REGION_NAMES.indexOf('neck');

/** Bounding box of the projections of the vertices that `wanted` accepts. */
function bounds(positions: Float32Array, projection: readonly number[], wanted: (vertex: number) => boolean) {
  const [a, b, c, d, e, f, g, h, i, j, k, l] = projection as [
    ...[number, number, number, number],
    ...[number, number, number, number],
    ...[number, number, number, number],
  ];
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let vertex = 0; 3 * vertex < positions.length; vertex++) {
    if (!wanted(vertex)) continue;
    const x = positions[3 * vertex] as number;
    const y = positions[3 * vertex + 1] as number;
    const z = positions[3 * vertex + 2] as number;
    const depth = i * x + j * y + k * z + l;
    const u = (a * x + b * y + c * z + d) / depth;
    const v = (e * x + f * y + g * z + h) / depth;
    left = Math.min(left, u);
    right = Math.max(right, u);
    top = Math.min(top, v);
    bottom = Math.max(bottom, v);
  }
  return { left, top, right, bottom };
}

function squareAround({ left, top, right, bottom }: ReturnType<typeof bounds>): Square {
  const size = Math.max(right - left, bottom - top) * (1 + 2 * MARGIN);
  return { x: (left + right - size) / 2, y: (top + bottom - size) / 2, size };
}

/** The part of the photo to show: head and ears without the neck, and nothing beyond the photo's edges. */
export function photoSquare({ mesh, model, camera, input }: ReconstructionData): Square {
  const square = squareAround(bounds(mesh.positions, camera.projection, (vertex) => model.regions[vertex] !== NECK));
  const size = Math.min(square.size, input.width, input.height);
  const clamp = (start: number, extent: number) =>
    Math.min(Math.max(start + (square.size - size) / 2, 0), extent - size);
  return { x: clamp(square.x, input.width), y: clamp(square.y, input.height), size };
}

/** Row-major K [R | t]. */
function projectionOf(pose: Pose, { focalLengthPx, principalPointPx }: Camera): number[] {
  const rows = [0, 1, 2].map((row) => [...pose.rotation.slice(3 * row, 3 * row + 3), pose.translation[row] as number]);
  const [x, y, z] = rows as [number[], number[], number[]];
  const pixel = (row: number[], centre: number) =>
    row.map((value, i) => focalLengthPx * value + centre * (z[i] as number));
  return [...pixel(x, principalPointPx[0]), ...pixel(y, principalPointPx[1]), ...z];
}

/** The square that holds the whole head and its hair when it stands in this pose. */
export function headSquare({ mesh, hair, camera }: ReconstructionData, pose: Pose): Square {
  const projection = projectionOf(pose, camera);
  const head = bounds(mesh.positions, projection, () => true);
  if (!hair) return squareAround(head);
  const around = bounds(hair.positions, projection, () => true);
  return squareAround({
    left: Math.min(head.left, around.left),
    top: Math.min(head.top, around.top),
    right: Math.max(head.right, around.right),
    bottom: Math.max(head.bottom, around.bottom),
  });
}

/**
 * The pose turned about the vertical axis through the head, towards the other side of the camera: the half of the
 * face that the photo shows best comes into view, not the one it hides.
 */
export function turned(pose: Pose, degrees: number, centre: readonly [number, number, number]): Pose {
  const r = pose.rotation as [number, number, number, number, number, number, number, number, number];
  // The camera-frame x of the head's forward axis: positive when the face looks to the right of the picture.
  const angle = ((r[2] > 0 ? -degrees : degrees) * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  // R * Ry(angle): the head turns about its own y axis.
  const rotation = [0, 1, 2].flatMap((row) => {
    const [x, y, z] = r.slice(3 * row, 3 * row + 3) as [number, number, number];
    return [x * cos - z * sin, y, x * sin + z * cos];
  });
  // Keeps the centre where it was: t' = t + (R - R') centre.
  const translation = pose.translation.map((t, row) => {
    const shift = centre.map((c, k) => ((r[3 * row + k] as number) - (rotation[3 * row + k] as number)) * c);
    return t + shift.reduce((sum, value) => sum + value, 0);
  }) as [number, number, number];
  return { rotation, translation };
}

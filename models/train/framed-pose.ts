/** The true pose as the face's own frame sees it, which is what can be told from a crop without knowing the lens. */
import type { SampleCamera } from '../../lib/sample/camera.js';
import type { Region } from '../../lib/stages/photo.js';

/**
 * @returns the head's x and z axes in a camera that looks at the middle of the region and is level with it (6 values),
 * then the logarithm of the distance from the camera to the head's origin in millimetres
 */
export function framedPose(
  { rotation: r, translation: t, focalLengthPx, principalPointPx }: SampleCamera,
  region: Region,
): number[] {
  const forward = unit([
    (region.x - principalPointPx[0]) / focalLengthPx,
    (region.y - principalPointPx[1]) / focalLengthPx,
    1,
  ]);
  // The region's horizontal, made square to the line of sight.
  const level = [Math.cos(region.angle), Math.sin(region.angle), 0];
  const along = dot(level, forward);
  const right = unit(level.map((x, k) => x - along * forward[k]!));
  const down = [
    forward[1]! * right[2]! - forward[2]! * right[1]!,
    forward[2]! * right[0]! - forward[0]! * right[2]!,
    forward[0]! * right[1]! - forward[1]! * right[0]!,
  ];
  const column = (k: number): number[] => [r[k]!, r[3 + k]!, r[6 + k]!];
  const seen = (axis: number[]): number[] => [dot(right, axis), dot(down, axis), dot(forward, axis)];
  return [...seen(column(0)), ...seen(column(2)), Math.log(Math.hypot(...t))];
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
}

function unit(a: readonly number[]): number[] {
  const length = Math.hypot(...a);
  return a.map((x) => x / length);
}

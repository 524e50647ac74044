/**
 * `K [R | t]`, row-major 3x4: head frame in mm to pixels.
 *
 * @param rotation row-major 3x3, head frame to camera frame
 * @param translation mm
 * @param centrePx where the lens's axis meets the picture
 */
export function projectionMatrix(
  rotation: readonly number[],
  translation: readonly number[],
  focalPx: number,
  centrePx: readonly [number, number],
): number[] {
  const row = (k: number) => [rotation[3 * k]!, rotation[3 * k + 1]!, rotation[3 * k + 2]!, translation[k]!];
  const depth = row(2);
  const along = (axis: 0 | 1) => row(axis).map((value, k) => focalPx * value + centrePx[axis] * depth[k]!);
  return [...along(0), ...along(1), ...depth];
}

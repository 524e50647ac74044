/** x, y, z, w of a row-major rotation. */
export function quaternionOf(r: ArrayLike<number>): [number, number, number, number] {
  const at = (i: number, j: number) => r[3 * i + j]!;
  const trace = at(0, 0) + at(1, 1) + at(2, 2);
  if (trace > 0) {
    const s = 2 * Math.sqrt(1 + trace);
    return [(at(2, 1) - at(1, 2)) / s, (at(0, 2) - at(2, 0)) / s, (at(1, 0) - at(0, 1)) / s, s / 4];
  }
  const i = at(0, 0) >= at(1, 1) && at(0, 0) >= at(2, 2) ? 0 : at(1, 1) >= at(2, 2) ? 1 : 2;
  const [j, k] = [(i + 1) % 3, (i + 2) % 3];
  const s = 2 * Math.sqrt(Math.max(0, 1 + at(i, i) - at(j, j) - at(k, k)));
  const q: [number, number, number, number] = [0, 0, 0, (at(k, j) - at(j, k)) / s];
  q[i] = s / 4;
  q[j] = (at(j, i) + at(i, j)) / s;
  q[k] = (at(k, i) + at(i, k)) / s;
  return q;
}

export function rotationOf(qx: number, qy: number, qz: number, qw: number): Float64Array {
  const length = Math.hypot(qx, qy, qz, qw);
  const [x, y, z, w] = [qx / length, qy / length, qz / length, qw / length];
  return Float64Array.of(
    1 - 2 * (y * y + z * z),
    2 * (x * y - z * w),
    2 * (x * z + y * w),
    2 * (x * y + z * w),
    1 - 2 * (x * x + z * z),
    2 * (y * z - x * w),
    2 * (x * z - y * w),
    2 * (y * z + x * w),
    1 - 2 * (x * x + y * y),
  );
}

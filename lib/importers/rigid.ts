/** x maps to rotation x + translation; row-major, proper. */
export interface Rigid {
  rotation: Float64Array;
  translation: Float64Array;
}

export const IDENTITY_POSE: Rigid = {
  rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
  translation: new Float64Array(3),
};

/** `[n][3]`, moved. */
export function moved(points: ArrayLike<number>, { rotation: r, translation: t }: Rigid): Float32Array {
  const out = new Float32Array(points.length);
  for (let i = 0; i < out.length; i += 3) {
    const [x, y, z] = [points[i]!, points[i + 1]!, points[i + 2]!];
    out[i] = r[0]! * x + r[1]! * y + r[2]! * z + t[0]!;
    out[i + 1] = r[3]! * x + r[4]! * y + r[5]! * z + t[1]!;
    out[i + 2] = r[6]! * x + r[7]! * y + r[8]! * z + t[2]!;
  }
  return out;
}

/** First one, then the other. */
export function composed(first: Rigid, then: Rigid): Rigid {
  const rotation = new Float64Array(9);
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++)
      for (let k = 0; k < 3; k++) rotation[3 * i + j]! += then.rotation[3 * i + k]! * first.rotation[3 * k + j]!;
  const translation = Float64Array.from(then.translation);
  for (let i = 0; i < 3; i++)
    for (let k = 0; k < 3; k++) translation[i]! += then.rotation[3 * i + k]! * first.translation[k]!;
  return { rotation, translation };
}

/** Rotation by a vector (axis times angle), then a shift. */
export function fromVector([a, b, c]: ArrayLike<number> & Iterable<number>, translation: ArrayLike<number>): Rigid {
  const [x, y, z] = [a ?? 0, b ?? 0, c ?? 0];
  const angle = Math.hypot(x, y, z);
  const s = angle > 1e-9 ? Math.sin(angle) / angle : 1;
  const k = angle > 1e-9 ? (1 - Math.cos(angle)) / (angle * angle) : 0.5;
  const rotation = Float64Array.of(
    1 - k * (y * y + z * z),
    k * x * y - s * z,
    k * x * z + s * y,
    k * x * y + s * z,
    1 - k * (x * x + z * z),
    k * y * z - s * x,
    k * x * z - s * y,
    k * y * z + s * x,
    1 - k * (x * x + y * y),
  );
  return { rotation, translation: Float64Array.from(translation) };
}

/**
 * The rigid motion, and the size, that bring `from` nearest to `to` (least squares; `[n][3]` both): the motion is the
 * best one without a change of size.
 */
export function bestRigid(from: ArrayLike<number>, to: ArrayLike<number>): Rigid & { scale: number } {
  const n = from.length / 3;
  const middle = (points: ArrayLike<number>) => {
    const sum = [0, 0, 0];
    for (let i = 0; i < points.length; i++) sum[i % 3]! += points[i]! / n;
    return sum as [number, number, number];
  };
  const [a, b] = [middle(from), middle(to)];
  let pose: Rigid = {
    rotation: IDENTITY_POSE.rotation,
    translation: Float64Array.of(b[0] - a[0], b[1] - a[1], b[2] - a[2]),
  };
  // A few Gauss-Newton steps about the middle: turns between models are small, larger ones converge all the same.
  for (let step = 0; step < 30; step++) {
    const current = moved(from, pose);
    const h = new Float64Array(9);
    const g = new Float64Array(3);
    for (let i = 0; i < 3 * n; i += 3) {
      const [x, y, z] = [current[i]! - b[0], current[i + 1]! - b[1], current[i + 2]! - b[2]];
      const [u, v, w] = [to[i]! - b[0], to[i + 1]! - b[1], to[i + 2]! - b[2]];
      g[0]! += y * w - z * v;
      g[1]! += z * u - x * w;
      g[2]! += x * v - y * u;
      h[0]! += y * y + z * z;
      h[1]! -= x * y;
      h[2]! -= x * z;
      h[4]! += x * x + z * z;
      h[5]! -= y * z;
      h[8]! += x * x + y * y;
    }
    const turn = solve3(h[0]!, h[1]!, h[2]!, h[4]!, h[5]!, h[8]!, g);
    const { rotation } = fromVector(turn, [0, 0, 0]);
    const about: Rigid = { rotation, translation: new Float64Array(3) };
    const shift = moved(b, about);
    about.translation.set([b[0] - shift[0]!, b[1] - shift[1]!, b[2] - shift[2]!]);
    pose = composed(pose, about);
    if (Math.hypot(...turn) < 1e-9) break;
  }
  const current = moved(from, pose);
  let [sizes, along] = [0, 0];
  for (let i = 0; i < current.length; i++) {
    const c = current[i]! - b[(i % 3) as 0 | 1 | 2];
    sizes += c * c;
    along += c * (to[i]! - b[(i % 3) as 0 | 1 | 2]);
  }
  return { ...pose, scale: sizes > 0 ? along / sizes : 1 };
}

function solve3(
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
  g: Float64Array,
): [number, number, number] {
  const [x, y, z] = g as unknown as [number, number, number];
  const [m0, m1, m2] = [d * f - e * e, c * e - b * f, b * e - c * d];
  const det = a * m0 + b * m1 + c * m2 || 1;
  return [
    (m0 * x + m1 * y + m2 * z) / det,
    (m1 * x + (a * f - c * c) * y + (b * c - a * e) * z) / det,
    (m2 * x + (b * c - a * e) * y + (a * d - b * b) * z) / det,
  ];
}

/** Least-squares alignment of point sets: `p ~ scale * rotation * q + translation`. */

/** Similarity transform; `scale` is 1 for a rigid one. */
export interface Similarity {
  scale: number;
  /** Row-major 3x3. */
  rotation: number[];
  translation: [number, number, number];
}

type Points = Float32Array | Float64Array;

/**
 * The similarity (or rigid) transform that best maps `from` to `to` in the least-squares sense (Horn, 1987: the
 * rotation is the largest eigenvector of a 4x4 matrix).
 *
 * @param from `[n][3]`
 * @param to `[n][3]`
 * @param withScale false keeps scale at 1
 */
export function alignPoints(from: Points, to: Points, withScale: boolean): Similarity {
  const n = from.length / 3;
  if (n < 3 || to.length !== from.length) throw new RangeError('alignPoints: at least three pairs of points');
  const cf = centroid(from);
  const ct = centroid(to);
  // h[i][j] = sum over pairs of from_i * to_j, both centred.
  const h = new Float64Array(9);
  let spreadFrom = 0;
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < 3; i++) {
      const f = from[3 * k + i]! - cf[i]!;
      spreadFrom += f * f;
      for (let j = 0; j < 3; j++) h[3 * i + j]! += f * (to[3 * k + j]! - ct[j]!);
    }
  }
  const [xx, xy, xz, yx, yy, yz, zx, zy, zz] = h;
  const q = largestEigenvector4([
    [xx! + yy! + zz!, yz! - zy!, zx! - xz!, xy! - yx!],
    [yz! - zy!, xx! - yy! - zz!, xy! + yx!, zx! + xz!],
    [zx! - xz!, xy! + yx!, yy! - xx! - zz!, yz! + zy!],
    [xy! - yx!, zx! + xz!, yz! + zy!, zz! - xx! - yy!],
  ]);
  const rotation = quaternionToMatrix(q);
  let scale = 1;
  if (withScale) {
    let overlap = 0;
    for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) overlap += rotation[3 * j + i]! * h[3 * i + j]!;
    scale = overlap / spreadFrom;
  }
  const r = rotate(rotation, cf[0], cf[1], cf[2]);
  return {
    scale,
    rotation,
    translation: [ct[0] - scale * r[0], ct[1] - scale * r[1], ct[2] - scale * r[2]],
  };
}

/** `scale * rotation * p + translation` of every point of `[n][3]`. */
export function applySimilarity(t: Similarity, points: Points): Float64Array {
  const out = new Float64Array(points.length);
  for (let i = 0; i < points.length; i += 3) {
    const r = rotate(t.rotation, points[i]!, points[i + 1]!, points[i + 2]!);
    for (let k = 0; k < 3; k++) out[i + k] = t.scale * r[k]! + t.translation[k]!;
  }
  return out;
}

/** The transform that undoes `t`. */
export function invertSimilarity(t: Similarity): Similarity {
  const [a, b, c, d, e, f, g, h, i] = t.rotation;
  const rotation = [a, d, g, b, e, h, c, f, i] as number[];
  const scale = 1 / t.scale;
  const r = rotate(rotation, ...t.translation);
  return { scale, rotation, translation: [-scale * r[0], -scale * r[1], -scale * r[2]] };
}

export function rotate(m: readonly number[], x: number, y: number, z: number): [number, number, number] {
  return [m[0]! * x + m[1]! * y + m[2]! * z, m[3]! * x + m[4]! * y + m[5]! * z, m[6]! * x + m[7]! * y + m[8]! * z];
}

function centroid(points: Points): [number, number, number] {
  const c: [number, number, number] = [0, 0, 0];
  for (let i = 0; i < points.length; i++) c[i % 3]! += points[i]!;
  const n = points.length / 3;
  return [c[0] / n, c[1] / n, c[2] / n];
}

function quaternionToMatrix([w, x, y, z]: number[]): number[] {
  return [
    1 - 2 * (y! * y! + z! * z!),
    2 * (x! * y! - w! * z!),
    2 * (x! * z! + w! * y!),
    2 * (x! * y! + w! * z!),
    1 - 2 * (x! * x! + z! * z!),
    2 * (y! * z! - w! * x!),
    2 * (x! * z! - w! * y!),
    2 * (y! * z! + w! * x!),
    1 - 2 * (x! * x! + y! * y!),
  ];
}

/** Unit eigenvector of the largest eigenvalue of a symmetric 4x4 matrix (cyclic Jacobi rotations). */
function largestEigenvector4(a: number[][]): number[] {
  const v: number[][] = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    let diagonal = 0;
    for (let i = 0; i < 4; i++) {
      diagonal += a[i]![i]! ** 2;
      for (let j = i + 1; j < 4; j++) off += a[i]![j]! ** 2;
    }
    if (off <= 1e-30 * diagonal) break;
    for (let p = 0; p < 3; p++) {
      for (let q = p + 1; q < 4; q++) {
        if (a[p]![q]! === 0) continue;
        const theta = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < 4; k++) {
          const kp = a[k]![p]!;
          a[k]![p]! = c * kp! - s * a[k]![q]!;
          a[k]![q]! = s * kp! + c * a[k]![q]!;
        }
        for (let k = 0; k < 4; k++) {
          const pk = a[p]![k]!;
          a[p]![k]! = c * pk! - s * a[q]![k]!;
          a[q]![k]! = s * pk! + c * a[q]![k]!;
          const vk = v[k]![p]!;
          v[k]![p]! = c * vk! - s * v[k]![q]!;
          v[k]![q]! = s * vk! + c * v[k]![q]!;
        }
      }
    }
  }
  let best = 0;
  for (let i = 1; i < 4; i++) if (a[i]![i]! > a[best]![best]!) best = i;
  return v.map((row) => row[best]!);
}

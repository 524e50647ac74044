/**
 * Removes jitter without lag: each value is replaced by that of the parabola which fits its neighbourhood, the frames
 * before and after alike. Neighbours that differ by more than noise does, as in a blink or at a cut, lose their weight, so
 * that quick motion keeps its height and its time.
 *
 * Savitzky and Golay 1964, with the weights of a bilateral filter (Tomasi and Manduchi 1998).
 */

/** Frames on either side. */
export const REACH = 4;

/**
 * @param series `[frames][values]`; undefined where there is nothing: no neighbourhood reaches across
 * @param noise deviation that jitter has, per value
 * @returns the value at `at`, smoothed
 */
export function smoothed(series: readonly (Float64Array | undefined)[], at: number, noise: Float64Array): Float64Array {
  const own = series[at]!;
  const [first, last] = [reach(series, at, -1), reach(series, at, 1)];
  return own.map((value, k) => {
    // Normal equations of a parabola around `at`; its constant is what is asked for.
    const sums = new Float64Array(5);
    const right = new Float64Array(3);
    for (let i = first; i <= last; i++) {
      const x = i - at;
      const y = series[i]![k]!;
      const apart = (y - value) / (4 * noise[k]!);
      const weight = Math.exp(-0.5 * apart * apart) * (1 - (x / (REACH + 1)) ** 2);
      for (let p = 0; p < 5; p++) sums[p]! += weight * x ** p;
      for (let p = 0; p < 3; p++) right[p]! += weight * y * x ** p;
    }
    return constantOf(sums, right, value);
  });
}

function reach(series: readonly (Float64Array | undefined)[], at: number, step: number): number {
  let i = at;
  while (Math.abs(i + step - at) <= REACH && series[i + step]) i += step;
  return i;
}

/** Solves for the parabola's constant by Cramer's rule; a neighbourhood of one or two frames has none. */
function constantOf(s: Float64Array, r: Float64Array, otherwise: number): number {
  const [a, b, c, d, e] = s as unknown as [number, number, number, number, number];
  const [x, y, z] = r as unknown as [number, number, number];
  const determinant = a * (c * e - d * d) - b * (b * e - c * d) + c * (b * d - c * c);
  if (!(Math.abs(determinant) > 1e-9 * a * c * e)) return otherwise;
  return (x * (c * e - d * d) - b * (y * e - z * d) + c * (y * d - z * c)) / determinant;
}

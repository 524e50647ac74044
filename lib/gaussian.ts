/** `values` `[rows][columns][channels]` smoothed by a Gaussian of `sigma` cells; beyond the borders lie the values there. */
export function gaussian(
  values: Float32Array,
  { columns, rows, channels }: { columns: number; rows: number; channels: number },
  sigma: number,
): Float32Array<ArrayBuffer> {
  const reach = Math.ceil(3 * sigma);
  const kernel = Array.from({ length: reach + 1 }, (_, d) => Math.exp(-0.5 * (d / sigma) ** 2));
  const total = kernel.reduce((sum, w, d) => sum + (d === 0 ? w : 2 * w), 0);
  const pass = (from: Float32Array, count: number, step: number, lines: number, lineStep: number) => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < lines; line++) {
      for (let i = 0; i < count; i++) {
        for (let k = 0; k < channels; k++) {
          const o = line * lineStep + k;
          let sum = kernel[0]! * from[o + i * step]!;
          for (let d = 1; d <= reach; d++) {
            const [low, high] = [Math.max(0, i - d), Math.min(count - 1, i + d)];
            sum += kernel[d]! * (from[o + low * step]! + from[o + high * step]!);
          }
          to[o + i * step] = sum / total;
        }
      }
    }
    return to;
  };
  const row = columns * channels;
  return pass(pass(values, columns, channels, rows, row), rows, row, columns, channels);
}

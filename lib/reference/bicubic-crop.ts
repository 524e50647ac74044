import type { DecodedImage } from '../image.js';
import type { WorkSlices } from '../importers/work-slices.js';
import type { Alignment } from './align.js';

/** Pillow's: half the kernel's width in the larger of both pixels, and the fixed point of its weights. */
const SUPPORT = 2;
const BITS = 22;

/** Pixels that one pixel is made of. */
interface Taps {
  first: number;
  weights: Float64Array;
}

/**
 * The photo scaled to the alignment's size and cut out, to the last bit as Pillow's bicubic resize does it, which widens its
 * kernel where it makes smaller and rounds to whole steps between its passes: `[side][side][3]`, in steps of 1/255; black
 * outside the photo.
 */
export async function bicubicCrop(
  { data, width, height, channels }: Pick<DecodedImage, 'data' | 'width' | 'height' | 'channels'>,
  at: Alignment,
  work: WorkSlices,
): Promise<Float32Array> {
  const { side, left, top } = at;
  const columns = taps(width, at.width, left, side);
  const rows = taps(height, at.height, top, side);
  const seen = rows.filter((row) => row !== undefined);
  const first = Math.min(...seen.map((row) => row.first));
  const last = Math.max(...seen.map((row) => row.first + row.weights.length));
  const out = new Float32Array(3 * side * side);
  if (seen.length === 0) return out;
  const narrow = new Uint8Array(3 * side * (last - first));
  for (let y = first; y < last; y++) {
    await work.pause();
    for (const [x, column] of columns.entries()) {
      if (!column) continue;
      for (let k = 0; k < 3; k++)
        narrow[3 * ((y - first) * side + x) + k] = weighed(
          data,
          (y * width + column.first) * channels + k,
          channels,
          column.weights,
        );
    }
  }
  for (const [y, row] of rows.entries()) {
    if (!row) continue;
    await work.pause();
    for (let i = 0; i < 3 * side; i++)
      out[3 * side * y + i] = weighed(narrow, 3 * side * (row.first - first) + i, 3 * side, row.weights) / 255;
  }
  return out;
}

function weighed(data: Uint8Array, from: number, step: number, weights: Float64Array): number {
  let sum = 2 ** (BITS - 1);
  for (let i = 0; i < weights.length; i++) sum += weights[i]! * data[from + i * step]!;
  return Math.min(255, Math.max(0, Math.floor(sum / 2 ** BITS)));
}

/** For `count` pixels from `start` on of a line of `from` pixels scaled to `to`; undefined outside. */
function taps(from: number, to: number, start: number, count: number): (Taps | undefined)[] {
  const scale = from / to;
  const filterScale = Math.max(scale, 1);
  const support = SUPPORT * filterScale;
  return Array.from({ length: count }, (_, i) => {
    const pixel = start + i;
    if (pixel < 0 || pixel >= to) return undefined;
    const centre = (pixel + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const last = Math.min(from, Math.trunc(centre + support + 0.5));
    const weights = Float64Array.from({ length: last - first }, (_, x) =>
      cubic((x + first - centre + 0.5) / filterScale),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((w) => Math.trunc((w / sum) * 2 ** BITS + (w < 0 ? -0.5 : 0.5))) };
  });
}

/** Keys's kernel with a = -0.5. */
function cubic(x: number): number {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

import type { DecodedImage } from '../image.js';
import type { WorkSlices } from '../importers/work-slices.js';

type Pixels = Pick<DecodedImage, 'data' | 'width' | 'height' | 'channels'>;

/** The reference makes photos with a longer side than this smaller. */
const LARGE_PX = 2000;
const SMALLER_PX = 1500;

/**
 * A large photo with a longer side of 1,500 pixels, as OpenCV's cubic resize makes it (some versions of it one step of
 * 255 apart), which looks at four pixels a
 * direction however much it shrinks; other photos as they are.
 */
export async function smallerPhoto(image: Pixels, work: WorkSlices): Promise<Pixels> {
  const { data, width, height, channels } = image;
  if (width <= LARGE_PX && height <= LARGE_PX) return image;
  const scale = SMALLER_PX / Math.max(width, height);
  const to = {
    width: height > width ? Math.trunc(width * scale) : SMALLER_PX,
    height: height > width ? SMALLER_PX : Math.trunc(height * scale),
  };
  const columns = taps(width, to.width);
  const rows = taps(height, to.height);
  const out = new Uint8Array(3 * to.width * to.height);
  const lines = new Map<number, Float64Array>();
  const line = (y: number): Float64Array => {
    const kept = lines.get(y) ?? narrowed(data, y * width * channels, channels, columns);
    lines.set(y, kept);
    return kept;
  };
  for (const [y, { places, weights }] of rows.entries()) {
    await work.pause();
    for (const known of lines.keys()) if (known < places[0]!) lines.delete(known);
    const four = Array.from(places, line);
    for (let i = 0; i < 3 * to.width; i++) {
      let sum = 0.5;
      for (let k = 0; k < 4; k++) sum += weights[k]! * four[k]![i]!;
      out[3 * to.width * y + i] = Math.min(255, Math.max(0, Math.floor(sum)));
    }
  }
  return { data: out, ...to, channels: 3 };
}

function narrowed(data: Uint8Array, from: number, channels: number, columns: readonly Taps[]): Float64Array {
  const out = new Float64Array(3 * columns.length);
  for (const [x, { places, weights }] of columns.entries())
    for (let k = 0; k < 3; k++) {
      let sum = 0;
      for (let j = 0; j < 4; j++) sum += weights[j]! * data[from + places[j]! * channels + k]!;
      out[3 * x + k] = sum;
    }
  return out;
}

/** Four pixels and their weights. */
interface Taps {
  places: Int32Array;
  weights: Float64Array;
}

function taps(from: number, to: number): Taps[] {
  const A = -0.75;
  return Array.from({ length: to }, (_, i) => {
    const place = (i + 0.5) * (from / to) - 0.5;
    const first = Math.floor(place);
    const x = place - first;
    const shares = [
      ((A * (x + 1) - 5 * A) * (x + 1) + 8 * A) * (x + 1) - 4 * A,
      ((A + 2) * x - (A + 3)) * x * x + 1,
      ((A + 2) * (1 - x) - (A + 3)) * (1 - x) * (1 - x) + 1,
    ];
    shares.push(1 - shares[0]! - shares[1]! - shares[2]!);
    return {
      places: Int32Array.from({ length: 4 }, (_, k) => Math.min(from - 1, Math.max(0, first - 1 + k))),
      weights: Float64Array.from(shares),
    };
  });
}

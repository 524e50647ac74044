/** Faces that are nearly black, or of nearly one grey: their contrast is raised before anything looks at them. */
import { loadSharp } from '../image/sharp.js';
import type { Box, Raster } from '../result-data.js';

/** What was done to a photo: `gain * (value - black)`, values of 0 to 255. */
export interface Exposure {
  gain: number;
  black: number;
  /** Luma below which all but a fiftieth of the face lies, before. */
  brightest: number;
}

type Pixels = Pick<Raster, 'data' | 'width' | 'height' | 'channels'>;

/**
 * Luma between the second and the 98th percentile of a face's box. Of 200 faces in public photos, old and dark ones among
 * them, the least had 97, of 225 in generated pictures that nobody darkened 55. Of 14 in darkened ones (`npm run bench:robust`)
 * with 8 to 45 the pose was off by 1.5 degrees and the width by 1.6 %, with contrast raised by 1.1 and 1.2 %.
 */
const LEAST_CONTRAST = 50;
/** What differs by less is noise. */
const NO_CONTRAST = 5;
const QUANTILE = 0.02;
/** To this value the brightest of a face is raised, and below its darkest so much of its contrast is left. */
const BRIGHT = 200;
const ROOM = 0.1;
/** Pixels are looked at in rows and columns of so many. */
const SAMPLES = 48;

/** What makes the box's contrast a usual one; undefined where it is, or where there is none. */
export function exposureOf({ data, width, height, channels }: Pixels, box: Box): Exposure | undefined {
  const histogram = new Uint32Array(256);
  let count = 0;
  for (let row = 0; row < SAMPLES; row++) {
    const y = Math.floor(box.y + ((row + 0.5) * box.height) / SAMPLES);
    if (!(y >= 0 && y < height)) continue;
    for (let column = 0; column < SAMPLES; column++) {
      const x = Math.floor(box.x + ((column + 0.5) * box.width) / SAMPLES);
      if (!(x >= 0 && x < width)) continue;
      const at = channels * (y * width + x);
      const luma = Math.round(0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!);
      histogram[luma] = histogram[luma]! + 1;
      count++;
    }
  }
  if (count === 0) return undefined;
  const quantile = (share: number) => {
    let left = share * (count - 1);
    return histogram.findIndex((pixels) => {
      left -= pixels;
      return left < 0;
    });
  };
  const [darkest, brightest] = [quantile(QUANTILE), quantile(1 - QUANTILE)];
  const contrast = brightest - darkest;
  if (contrast >= LEAST_CONTRAST || contrast < NO_CONTRAST) return undefined;
  const black = Math.max(0, darkest - ROOM * contrast);
  return { gain: BRIGHT / (brightest - black), black, brightest };
}

/** A copy of the picture, off the event loop. */
export async function raised({ data, width, height, channels }: Pixels, { gain, black }: Exposure): Promise<Raster> {
  const sharp = await loadSharp();
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const pixels = await sharp(bytes, { raw: { width, height, channels }, limitInputPixels: false })
    .linear(gain, -gain * black)
    .raw({ depth: 'uchar' })
    .toBuffer();
  return { data: new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength), width, height, channels };
}

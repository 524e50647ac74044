import { HrnError } from '../errors.js';

export interface PixelLimits {
  /** Width times height at most. */
  maxPixels: number;
  /** Either side at most. */
  maxSide: number;
}

/** Below this nothing can be detected: the detector's own input has 128. */
const MIN_SIDE = 32;

/** Throws HrnError IMAGE_TOO_LARGE or IMAGE_TOO_SMALL. */
export function checkSize(name: string, width: number, height: number, { maxPixels, maxSide }: PixelLimits): void {
  const details = { width, height, maxPixels, maxSide, minSide: MIN_SIDE };
  if (width > maxSide || height > maxSide) {
    const advice = 'scale it down or raise option maxSide';
    throw new HrnError('IMAGE_TOO_LARGE', `${name} is ${width} x ${height}; a side may have ${maxSide}; ${advice}`, {
      details,
    });
  }
  if (width * height > maxPixels) {
    const advice = 'scale it down or raise option maxPixels';
    throw new HrnError('IMAGE_TOO_LARGE', `${name} is ${width} x ${height}, over ${maxPixels} pixels; ${advice}`, {
      details,
    });
  }
  if (width < MIN_SIDE || height < MIN_SIDE) {
    const advice = `use an image of at least ${MIN_SIDE} x ${MIN_SIDE}`;
    throw new HrnError('IMAGE_TOO_SMALL', `${name} is ${width} x ${height}; ${advice}`, { details });
  }
}

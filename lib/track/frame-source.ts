import type { Raster } from '../result-data.js';

/** One frame of a video: 8-bit sRGB pixels, rows from the top, upright. */
export interface VideoFrame extends Raster {
  /** From 0. */
  index: number;
  timeSeconds: number;
}

/** Frames that can be read from the start more than once, or only once. */
export interface FrameSource {
  /** For messages. */
  name: string;
  /** How many there will be, where that is known. */
  expected?: number | undefined;
  /** Once: what was read is gone, as with a camera. */
  again: boolean;
  frames(signal: AbortSignal | undefined): AsyncIterable<VideoFrame>;
}

import { setImmediate } from 'node:timers/promises';
import { types } from 'node:util';
import { describe } from '../describe.js';
import { HrnError } from '../errors.js';
import type { Raster } from '../result-data.js';
import { checkSize, type PixelLimits } from './limits.js';

/**
 * Decoded pixels, rows from the top, channels interleaved, sRGB-encoded.
 *
 * The range follows the array's type: 0..255 for bytes, 0..65535 for Uint16Array, 0..1 for Float32Array.
 * Channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha (straight, not premultiplied; laid on white).
 */
export interface RawImage {
  data: Uint8Array | Uint8ClampedArray | Uint16Array | Float32Array;
  width: number;
  height: number;
  channels: 1 | 2 | 3 | 4;
}

/** Pixels converted between two turns of the event loop: a few milliseconds. */
const SLICE = 500_000;
/** Rounding of another program's 0..1 floats, not a mistake. */
const FLOAT_SLACK = 1e-3;

/** To 8-bit RGB. Throws HrnError INVALID_IMAGE, IMAGE_TOO_LARGE or IMAGE_TOO_SMALL. */
export async function decodeRaw(
  image: RawImage,
  limits: PixelLimits,
  signal: AbortSignal | undefined,
): Promise<Raster & { channels: 3 }> {
  const { data, width, height, channels } = image;
  const scale = 255 / whiteOf(data);
  for (const [name, value] of Object.entries({ width, height })) {
    if (!Number.isInteger(value) || value < 1) throw invalid(`a positive whole number for ${name}`, value);
  }
  if (![1, 2, 3, 4].includes(channels)) throw invalid('1, 2, 3 or 4 for channels', channels);
  checkSize('the raw image', width, height, limits);
  const pixels = width * height;
  if (data.length !== pixels * channels) {
    throw invalid(`${pixels * channels} values for ${width} x ${height} x ${channels}`, data.length);
  }

  const rgb = new Uint8Array(3 * pixels);
  for (let from = 0; from < pixels; from += SLICE) {
    if (from > 0) await setImmediate();
    signal?.throwIfAborted();
    const to = Math.min(pixels, from + SLICE);
    if (types.isFloat32Array(data)) checkFloats(data, from * channels, to * channels);
    convert(data, scale, channels, rgb, from, to);
  }
  return { data: rgb, width, height, channels: 3 };
}

/** The value that stands for full intensity. */
function whiteOf(data: unknown): number {
  if (types.isUint8Array(data) || types.isUint8ClampedArray(data)) return 255;
  if (types.isUint16Array(data)) return 65535;
  if (types.isFloat32Array(data)) return 1;
  throw invalid('a Uint8Array, Uint8ClampedArray, Uint16Array or Float32Array for data', data);
}

function checkFloats(data: Float32Array, from: number, to: number): void {
  for (let i = from; i < to; ++i) {
    const value = data[i]!;
    // Written so that NaN fails.
    if (!(value >= -FLOAT_SLACK && value <= 1 + FLOAT_SLACK)) {
      throw invalid(`numbers from 0 to 1 in a Float32Array`, `${value} at ${i}`);
    }
  }
}

function convert(
  data: RawImage['data'],
  scale: number,
  channels: number,
  rgb: Uint8Array,
  from: number,
  to: number,
): void {
  const hasAlpha = channels === 2 || channels === 4;
  const green = channels > 2 ? 1 : 0;
  const blue = channels > 2 ? 2 : 0;
  for (let i = from; i < to; ++i) {
    const at = i * channels;
    const alpha = hasAlpha ? clamp(data[at + channels - 1]! * scale) / 255 : 1;
    const white = 255 * (1 - alpha);
    rgb[3 * i] = clamp(data[at]! * scale * alpha + white) + 0.5;
    rgb[3 * i + 1] = clamp(data[at + green]! * scale * alpha + white) + 0.5;
    rgb[3 * i + 2] = clamp(data[at + blue]! * scale * alpha + white) + 0.5;
  }
}

function clamp(value: number): number {
  return Math.min(255, Math.max(0, value));
}

function invalid(expected: string, got: unknown): HrnError {
  return new HrnError(
    'INVALID_IMAGE',
    `expected ${expected} of the raw image, got ${typeof got === 'string' ? got : describe(got)}`,
  );
}

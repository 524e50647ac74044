import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { describe } from './describe.js';
import { HrnError } from './errors.js';
import { focalLengthFromExif } from './image/exif.js';
import { decodeHeic } from './image/heic.js';
import { checkSize, type PixelLimits } from './image/limits.js';
import { decodeRaw, type RawImage } from './image/raw.js';
import { loadSharp } from './image/sharp.js';
import type { Raster } from './result-data.js';

export type { RawImage } from './image/raw.js';

/**
 * A photo: the path of a file, its file: URL, the bytes of a JPEG, PNG, WebP, AVIF, HEIC, GIF or TIFF, or
 * raw pixels.
 *
 * Decoding applies the EXIF orientation, converts any colour space and depth to 8-bit sRGB, takes the first frame of an
 * animation and lays transparent images on white.
 */
export type ImageInput = string | URL | Uint8Array | RawImage;

/** The decoded photo; every pixel coordinate of a result refers to it. */
export interface DecodedImage extends Raster {
  channels: 3;
  /** From EXIF, in pixels of this raster; undefined where EXIF does not say or cannot be trusted. */
  focalLengthPx: number | undefined;
}

/** A file above this is refused unread: even uncompressed 16-bit RGBA of the default pixel limit is smaller. */
const MAX_FILE_BYTES = 512 * 1024 * 1024;

const FORMATS: readonly string[] = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif'];

/**
 * Decodes off the event loop.
 *
 * @throws HrnError FILE_NOT_FOUND, IS_DIRECTORY, FILE_UNREADABLE, IMAGE_EMPTY, NOT_AN_IMAGE, IMAGE_TRUNCATED,
 * IMAGE_TOO_LARGE, IMAGE_TOO_SMALL, INVALID_IMAGE
 */
export async function decodeImage(
  image: ImageInput,
  { signal, ...limits }: PixelLimits & { signal?: AbortSignal | undefined },
): Promise<DecodedImage> {
  signal?.throwIfAborted();
  if (isRaw(image)) return { ...(await decodeRaw(image, limits, signal)), focalLengthPx: undefined };
  const name = nameOf(image);
  // A copy of the caller's bytes: they may change while the decoder reads them on another thread.
  const bytes = types.isUint8Array(image) ? Buffer.from(image) : await readBytes(pathOf(image), signal);
  if (bytes.length === 0) throw new HrnError('IMAGE_EMPTY', `${name} holds zero bytes; get the file again`);
  const decoded = await decodeBytes(bytes, name, limits, signal);
  signal?.throwIfAborted();
  return decoded;
}

function isRaw(image: ImageInput): image is RawImage {
  if (typeof image === 'string' || image instanceof URL || types.isUint8Array(image)) return false;
  if (typeof image === 'object' && image !== null && 'data' in image) return true;
  throw new HrnError(
    'INVALID_IMAGE',
    `expected a path, file: URL, Buffer, Uint8Array or { data, width, height, channels } for the image, got ${describe(image)}`,
  );
}

function nameOf(image: string | URL | Uint8Array): string {
  return types.isUint8Array(image) ? 'the image buffer' : String(image);
}

function pathOf(image: string | URL): string {
  if (typeof image === 'string') {
    if (/^https?:\/\//i.test(image)) {
      throw new HrnError('INVALID_IMAGE', `${image} is a web address; fetch it and pass the bytes`);
    }
    if (image.includes('\0')) throw new HrnError('INVALID_IMAGE', 'the path contains a zero character');
    return image;
  }
  try {
    return fileURLToPath(image);
  } catch (cause) {
    throw new HrnError('INVALID_IMAGE', `expected a file: URL of a local file, got ${image.href}`, { cause });
  }
}

async function readBytes(path: string, signal: AbortSignal | undefined): Promise<Buffer> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) {
      throw new HrnError('IS_DIRECTORY', `${path} is a directory; name an image file in it`);
    }
    if (!info.isFile()) {
      throw new HrnError('FILE_UNREADABLE', `${path} is not a regular file; read it yourself and pass the bytes`);
    }
    if (info.size > MAX_FILE_BYTES) {
      throw new HrnError('IMAGE_TOO_LARGE', `${path} has ${info.size} bytes; at most ${MAX_FILE_BYTES} are read`);
    }
    return await readFile(path, { signal });
  } catch (cause) {
    if (cause instanceof HrnError) throw cause;
    signal?.throwIfAborted();
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new HrnError('FILE_NOT_FOUND', `there is no file ${path}; check the path`, { cause });
    }
    throw new HrnError('FILE_UNREADABLE', `${path} cannot be read (${code ?? cause})`, { cause });
  }
}

async function decodeBytes(
  bytes: Buffer,
  name: string,
  limits: PixelLimits,
  signal: AbortSignal | undefined,
): Promise<DecodedImage> {
  // Loaded here, on first use, because it takes most of the package's import time.
  const sharp = await loadSharp();
  let header: import('sharp').Metadata;
  try {
    header = await sharp(bytes, { limitInputPixels: false, failOn: 'error' }).metadata();
  } catch (cause) {
    if (/labq/.test(String(cause))) throw notAnImage(name, 'TIFF of CIE Lab colours', cause);
    if (looksLikeImage(bytes)) throw truncated(name, cause);
    throw notAnImage(name, 'no known image signature', cause);
  }
  if (!FORMATS.includes(header.format ?? '')) throw notAnImage(name, `${header.format}`, undefined);
  if (/^lab/.test(header.space ?? '')) throw notAnImage(name, `${header.format} of CIE Lab colours`, undefined);
  if (header.depth === 'float' || header.depth === 'double') {
    throw notAnImage(name, `${header.format} of floating-point numbers, whose range is not known`, undefined);
  }
  checkSize(name, header.width, header.pageHeight ?? header.height, limits);
  const focalLengthPx = focalLengthFromExif(header.exif, header.width, header.height);
  try {
    if (header.compression === 'hevc') return { ...(await decodeHeic(name, bytes, header.icc, signal)), focalLengthPx };
    const { data, info } = await sharp(bytes, { limitInputPixels: limits.maxPixels, failOn: 'error' })
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return {
      data: info.channels === 3 ? asBytes(data) : toRgb(data, info.width * info.height, info.channels),
      width: info.width,
      height: info.height,
      channels: 3,
      focalLengthPx,
    };
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause instanceof HrnError ? cause : truncated(name, cause);
  }
}

/** sharp leaves greyscale as one channel, and 8-bit grey needs no more than repeating. */
function toRgb(data: Buffer, pixels: number, channels: number): Uint8Array {
  const rgb = new Uint8Array(3 * pixels);
  for (let i = 0; i < pixels; ++i) rgb.fill(data[i * channels]!, 3 * i, 3 * i + 3);
  return rgb;
}

function asBytes(data: Buffer): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.length);
}

function truncated(name: string, cause: unknown): HrnError {
  const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
  return new HrnError('IMAGE_TRUNCATED', `${name} is cut off or damaged (${reason}); get the file again`, { cause });
}

function notAnImage(name: string, found: string, cause: unknown): HrnError {
  return new HrnError(
    'NOT_AN_IMAGE',
    `${name} is not an image that hrn reads (${found}); convert it to JPEG, PNG, WebP, AVIF, HEIC, GIF or TIFF of 8 or 16 bits in sRGB`,
    cause === undefined ? {} : { cause },
  );
}

/** First bytes of the formats read: tells a damaged image from something else. */
function looksLikeImage(bytes: Buffer): boolean {
  const starts = (...signature: number[]) => signature.every((byte, i) => bytes[i] === byte);
  const ascii = (from: number, to: number) => bytes.toString('latin1', from, to);
  return (
    starts(0xff, 0xd8, 0xff) ||
    starts(0x89, 0x50, 0x4e, 0x47) ||
    ascii(0, 4) === 'GIF8' ||
    (ascii(0, 4) === 'RIFF' && ascii(8, 12) === 'WEBP') ||
    starts(0x49, 0x49, 0x2a, 0x00) ||
    starts(0x4d, 0x4d, 0x00, 0x2a) ||
    /^ftyp(avif|avis|heic|heix|mif1|msf1)/.test(ascii(4, 12))
  );
}

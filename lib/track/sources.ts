import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HrnError } from '../errors.js';
import type { PixelLimits } from '../image/limits.js';
import { decodeImage, type RawImage } from '../image.js';
import { invalid } from '../options.js';
import { openVideo } from './ffmpeg.js';
import type { FrameSource, VideoFrame } from './frame-source.js';

/** A raw frame of a camera or a decoder; without a time it follows the one before by 1 / fps. */
export interface RawFrame extends RawImage {
  timeSeconds?: number | undefined;
}

/**
 * A video file, a folder of frames, a pattern of file names (`frames/*.png`; * and ? in the last part), or frames as they
 * come.
 */
export type VideoInput = string | URL | AsyncIterable<RawFrame>;

const IMAGE = /\.(jpe?g|png|webp|avif|tiff?|gif|heic)$/i;

/**
 * @param fps of a folder's frames, and of raw frames without times
 * @throws HrnError FILE_NOT_FOUND, FFMPEG_MISSING, INVALID_OPTION
 */
export async function openFrames(video: VideoInput, fps: number, limits: PixelLimits): Promise<FrameSource> {
  if (typeof video === 'object' && video !== null && Symbol.asyncIterator in video) {
    return { name: 'the frames', again: false, frames: () => rawFrames(video, fps, limits) };
  }
  if (typeof video !== 'string' && !(video instanceof URL))
    throw invalid('a path, a file: URL or an async iterable of frames', 'video', video);
  const path = typeof video === 'string' ? video : fileURLToPath(video);
  if (/[*?]/.test(basename(path))) return files(path, await matching(path), fps, limits);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return openVideo(path);
  const names = (await readdir(path)).filter((name) => IMAGE.test(name));
  return files(
    path,
    names.map((name) => join(path, name)),
    fps,
    limits,
  );
}

async function matching(pattern: string): Promise<string[]> {
  const folder = dirname(pattern);
  const escaped = basename(pattern).replace(/[.+^${}()|[\]\\]/g, '\\$&');
  const expression = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => expression.test(name)).map((name) => join(folder, name));
}

/** In the order that people count: 2 before 10. */
function files(name: string, paths: string[], fps: number, limits: PixelLimits): FrameSource {
  if (paths.length === 0)
    throw new HrnError('FILE_NOT_FOUND', `${name} holds no frames (JPEG, PNG, ...); check the path`);
  const { compare } = new Intl.Collator('en', { numeric: true });
  const sorted = paths.toSorted(compare);
  async function* frames(signal: AbortSignal | undefined): AsyncGenerator<VideoFrame, void> {
    for (const [index, path] of sorted.entries()) {
      const { data, width, height, channels } = await decodeImage(path, { ...limits, signal });
      yield { data, width, height, channels, index, timeSeconds: index / fps };
    }
  }
  return { name, expected: sorted.length, again: true, frames };
}

async function* rawFrames(
  frames: AsyncIterable<RawFrame>,
  fps: number,
  limits: PixelLimits,
): AsyncGenerator<VideoFrame, void> {
  let index = 0;
  for await (const { timeSeconds, ...image } of frames) {
    const { data, width, height, channels } = await decodeImage(image, limits);
    yield { data, width, height, channels, index, timeSeconds: timeSeconds ?? index / fps };
    index++;
  }
}

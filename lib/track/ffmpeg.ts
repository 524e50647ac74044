/** Videos through the system's ffmpeg: it decodes, turns phone videos upright, and tells the time of every frame. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { HrnError } from '../errors.js';
import type { FrameSource, VideoFrame } from './frame-source.js';

/** Lines of ffmpeg's own words that are kept for a message. */
const KEPT_LINES = 12;
/** What it says of a file that breaks off, with exit code 0 for some containers (Matroska). */
const BREAKS_OFF = /ended prematurely|partial file|truncat/i;

/** A video file. @throws HrnError FILE_NOT_FOUND, FFMPEG_MISSING */
export async function openVideo(path: string): Promise<FrameSource> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new HrnError('FILE_NOT_FOUND', `there is no file ${path}; check the path`);
  return { name: path, again: true, expected: await frameCount(path), frames: (signal) => readVideo(path, signal) };
}

/**
 * Frames as they are decoded; ffmpeg waits while nobody asks for one.
 *
 * @throws HrnError VIDEO_UNREADABLE, after the frames before the break
 */
async function* readVideo(path: string, signal: AbortSignal | undefined): AsyncGenerator<VideoFrame, void> {
  signal?.throwIfAborted();
  // Errors end the stream, frames keep their own times, and each brings its size: P6, width, height, 255, pixels.
  const child = start([
    ...['-nostdin', '-hide_banner', '-nostats', '-xerror', '-err_detect', 'explode', '-i', path],
    ...['-map', '0:v:0', '-fps_mode', 'passthrough', '-vf', 'showinfo', '-f', 'image2pipe', '-c:v', 'ppm', 'pipe:1'],
  ]);
  const told = new Told(child.stderr);
  const ended = exitOf(child);
  const stop = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', stop, { once: true });
  let index = 0;
  try {
    for await (const picture of pictures(child.stdout)) {
      yield { ...picture, index, timeSeconds: await told.time(index) };
      index++;
    }
    signal?.throwIfAborted();
    const code = await ended;
    if (code !== 0 || told.brokeOff) {
      throw new HrnError(
        'VIDEO_UNREADABLE',
        `ffmpeg stopped reading ${path} after ${index} frames: ${told.reason()}; get the file again, or convert it`,
        { details: { frames: index, exitCode: code } },
      );
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
  }
}

type Ffmpeg = ChildProcessByStdio<Writable, Readable, Readable>;

export function start(args: readonly string[]): Ffmpeg {
  return spawn('ffmpeg', args, { stdio: ['pipe', 'pipe', 'pipe'] });
}

/** @throws HrnError FFMPEG_MISSING */
export function exitOf(child: Ffmpeg): Promise<number> {
  const exit = new Promise<number>((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) => reject(missing(cause)));
    child.once('close', (code) => resolve(code ?? -1));
  });
  // It is awaited late, or not at all where the reader goes away first.
  exit.catch(() => {});
  return exit;
}

function missing(cause: NodeJS.ErrnoException): HrnError {
  const why =
    cause.code === 'ENOENT' ? 'ffmpeg was not found on the PATH' : `ffmpeg could not be run: ${cause.message}`;
  const advice = 'install it (on Debian: apt-get install ffmpeg), or pass a folder of frames or an iterable of pixels';
  return new HrnError('FFMPEG_MISSING', `${why}; ${advice}`, { cause });
}

/** What ffmpeg says on its way: times of frames, and why it stops. */
class Told {
  readonly #times: number[] = [];
  readonly #lines: string[] = [];
  /** The file is shorter than it says. */
  brokeOff = false;
  #rest = '';
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(stream: Readable) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => this.#read(text));
    stream.on('close', () => {
      this.#ended = true;
      this.#wake?.();
    });
  }

  /** Of a frame, seconds from the first one. */
  async time(index: number): Promise<number> {
    while (this.#times.length <= index && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const [first = 0] = this.#times;
    return (this.#times[index] ?? this.#times.at(-1) ?? 0) - first;
  }

  reason(): string {
    return this.#lines.slice(-3).join(' | ') || 'it gave no reason';
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const time = /\bpts_time:\s*(-?[\d.]+)/.exec(line)?.[1];
      if (time !== undefined) this.#times.push(Number(time));
      else if (!line.includes('Parsed_showinfo') && line.trim() !== '') this.#lines.push(line.trim());
      if (BREAKS_OFF.test(line)) this.brokeOff = true;
    }
    this.#lines.splice(0, this.#lines.length - KEPT_LINES);
    this.#wake?.();
  }
}

/** Binary PPM pictures back to back. */
export async function* pictures(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<Omit<VideoFrame, 'index' | 'timeSeconds'>> {
  let header = '';
  let picture: { data: Uint8Array; width: number; height: number; channels: 3 } | undefined;
  let filled = 0;
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length; ) {
      if (picture) {
        const part = chunk.subarray(at, at + picture.data.length - filled);
        picture.data.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled === picture.data.length) {
          yield picture;
          [picture, header, filled] = [undefined, '', 0];
        }
        continue;
      }
      header += String.fromCharCode(chunk[at++]!);
      const size = /^P6\s+(\d+)\s+(\d+)\s+255\s$/.exec(header);
      if (!size) {
        if (header.length > 64) throw new HrnError('INTERNAL', 'ffmpeg sent something that is no PPM picture');
        continue;
      }
      const [width, height] = [Number(size[1]), Number(size[2])];
      picture = { data: new Uint8Array(3 * width * height), width, height, channels: 3 };
    }
  }
}

/** From the container's duration and rate: about so many. */
async function frameCount(path: string): Promise<number | undefined> {
  const child = start(['-nostdin', '-hide_banner', '-i', path]);
  let text = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (more: string) => {
    text += more;
  });
  child.stdout.resume();
  await exitOf(child);
  const duration = /Duration: (\d+):(\d+):([\d.]+)/.exec(text);
  const rate = /([\d.]+) fps/.exec(text)?.[1];
  if (!duration || !rate) return undefined;
  const seconds = 3600 * Number(duration[1]) + 60 * Number(duration[2]) + Number(duration[3]);
  return Math.max(1, Math.round(seconds * Number(rate)));
}

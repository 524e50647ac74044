/** A video of the input beside the tracked head, for a look at both. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { HrnError } from '../errors.js';
import type { NativeContext } from '../native/binding.js';
import { addWorn, type OwnOffsets, ownOffsets } from '../own-expressions.js';
import { render } from '../render.js';
import type { Raster } from '../result-data.js';
import { Photo } from '../stages/photo.js';
import type { Animation } from './animation.js';
import { exitOf, start } from './ffmpeg.js';
import type { TrackedFrame } from './frame.js';
import type { FrameSource } from './frame-source.js';

/** Of the preview; widths are even, as the codec wants. */
const HEIGHT = 480;
const BACKGROUND = [0.16, 0.17, 0.19, 1] as const;

/**
 * @param source the video that was tracked, from its start
 * @throws HrnError FFMPEG_MISSING, OUTPUT_NOT_WRITABLE
 */
export async function writePreview(
  context: NativeContext,
  animation: Animation,
  source: FrameSource,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { frames } = animation;
  const unfinished = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.mp4`);
  const head = new MovingHead(context, animation, signal);
  let encoder: ReturnType<typeof start> | undefined;
  let ended: Promise<number> | undefined;
  try {
    for await (const picture of source.frames(signal)) {
      const frame = frames[picture.index];
      if (!frame) break;
      signal?.throwIfAborted();
      const width = 2 * Math.round((HEIGHT * picture.width) / picture.height / 2);
      if (!encoder) {
        encoder = start(encoding(2 * width, rateOf(frames), unfinished));
        ended = exitOf(encoder);
        encoder.stdin.on('error', () => {});
        encoder.stdout.resume();
        encoder.stderr.resume();
      }
      const left = await scaled(context, picture, width, signal);
      const right = await head.draw(frame, HEIGHT / picture.height, width);
      if (!encoder.stdin.write(beside(left, right, width))) await Promise.race([once(encoder.stdin, 'drain'), ended]);
    }
    encoder?.stdin.end();
    const code = await ended;
    if (code !== 0) throw new HrnError('OUTPUT_NOT_WRITABLE', `ffmpeg could not write ${path} (exit code ${code})`);
    await rename(unfinished, path);
  } finally {
    encoder?.kill('SIGKILL');
    await rm(unfinished, { force: true });
  }
}

function encoding(width: number, fps: number, path: string): string[] {
  return [
    ...['-hide_banner', '-loglevel', 'error', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${width}x${HEIGHT}`],
    ...['-r', fps.toFixed(4), '-i', 'pipe:0', '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '22'],
    ...['-pix_fmt', 'yuv420p', '-movflags', '+faststart', '-y', path],
  ];
}

/** Mean frames a second. */
function rateOf(frames: readonly TrackedFrame[]): number {
  const seconds = (frames.at(-1)?.timeSeconds ?? 0) - (frames[0]?.timeSeconds ?? 0);
  return seconds > 0 ? Math.min(120, Math.max(1, (frames.length - 1) / seconds)) : 25;
}

async function scaled(
  context: NativeContext,
  picture: Raster,
  width: number,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const photo = new Photo(context, picture);
  try {
    const matrix = [picture.width / width, 0, 0, 0, picture.height / HEIGHT, 0] as const;
    return await photo.crop({ matrix, width, height: HEIGHT, low: 0, high: 255, border: 'replicate' }, signal);
  } finally {
    photo.dispose();
  }
}

/** The head as the camera of a frame sees it. */
class MovingHead {
  readonly #neutral: Float32Array;
  readonly #own: OwnOffsets;

  constructor(
    private readonly context: NativeContext,
    private readonly animation: Animation,
    private readonly signal: AbortSignal | undefined,
  ) {
    const { mesh, model, coefficients } = animation.person;
    this.#neutral = mesh.positions.slice();
    this.#own = ownOffsets(model, coefficients.expression, coefficients.fittedExpression);
    addWorn(this.#neutral, model, this.#own, coefficients.expression, -1);
  }

  async draw({ status, expression, pose, camera }: TrackedFrame, scale: number, width: number): Promise<Raster> {
    const { mesh, model, texture } = this.animation.person;
    if (status === 'lost') {
      const grey = BACKGROUND.map((value) => Math.round(255 * value));
      const data = Uint8Array.from({ length: 4 * width * HEIGHT }, (_, i) => grey[i % 4]!);
      return { data, width, height: HEIGHT, channels: 4 };
    }
    const positions = this.#neutral.slice();
    addWorn(positions, model, this.#own, expression, 1);
    await yieldToEventLoop();
    const [cx, cy] = camera.principalPointPx;
    const lens = {
      focalLengthPx: camera.focalLengthPx * scale,
      principalPointPx: [cx * scale, cy * scale] as [number, number],
    };
    return render(
      this.context,
      { positions, indices: mesh.indices, uvs: mesh.uvs },
      { pose, camera: lens, width, height: HEIGHT, supersampling: 2 },
      { texture, light: 'none', background: BACKGROUND },
      { signal: this.signal },
    );
  }
}

function beside(left: Float32Array, right: Raster, width: number): Uint8Array {
  const out = new Uint8Array(6 * width * HEIGHT);
  const { data, channels } = right;
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < width; x++) {
      const [from, to] = [y * width + x, 3 * (2 * y * width + x)];
      for (let k = 0; k < 3; k++) {
        out[to + k] = left[3 * from + k]!;
        out[to + 3 * width + k] = data[channels * from + k]!;
      }
    }
  }
  return out;
}

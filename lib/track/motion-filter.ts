import type { PhotometricFit } from '../native/refine.js';
import type { VideoFrame } from './frame-source.js';
import { quaternionOf, rotationOf } from './rotation.js';
import { REACH, smoothed } from './smooth.js';
import type { Sighting } from './tracker.js';

type FrameTime = Omit<VideoFrame, 'data'>;

/** A frame on its way out. */
export interface Motion {
  frame: FrameTime;
  /** The frame's own, or the last one before it; undefined before the first. */
  sighting: Sighting | undefined;
  isSeen: boolean;
}

/**
 * Deviations of jitter: expression weights; parts of the rotation's quaternion; mm across and along the line of sight.
 * Measured on still faces, rounded up.
 */
const NOISE = { expression: 0.02, rotation: 0.0015, across: 0.25, along: 2.5 } as const;

/** Holds frames back until those after them are known, and smooths them. */
export class MotionFilter {
  readonly #waiting: { frame: FrameTime; sighting: Sighting | undefined; values: Float64Array | undefined }[] = [];
  #next = 0;
  #last: Sighting | undefined;
  readonly #smooth: boolean;

  constructor(smooth: boolean) {
    this.#smooth = smooth;
  }

  /** @returns the frames that are ready now */
  take(frame: FrameTime, sighting: Sighting | undefined): Motion[] {
    // A cut has no neighbours before it.
    if (sighting?.cut && this.#waiting.length > 0) {
      const ready = this.end();
      this.#push(frame, sighting);
      return ready;
    }
    this.#push(frame, sighting);
    return this.#ready(this.#smooth ? this.#waiting.length - REACH : this.#waiting.length);
  }

  end(): Motion[] {
    const ready = this.#ready(this.#waiting.length);
    this.#waiting.length = 0;
    this.#next = 0;
    return ready;
  }

  #push(frame: FrameTime, sighting: Sighting | undefined): void {
    this.#waiting.push({ frame, sighting, values: sighting && valuesOf(sighting.fit, this.#waiting.at(-1)?.values) });
  }

  #ready(end: number): Motion[] {
    const ready: Motion[] = [];
    for (; this.#next < end; this.#next++) {
      const { frame, sighting } = this.#waiting[this.#next]!;
      if (sighting) this.#last = this.#smooth ? this.#smoothed(this.#next, sighting) : sighting;
      ready.push({ frame, sighting: this.#last, isSeen: sighting !== undefined });
    }
    // Only the neighbours of what is still to come are kept.
    const gone = Math.max(0, this.#next - REACH);
    this.#waiting.splice(0, gone);
    this.#next -= gone;
    return ready;
  }

  #smoothed(at: number, sighting: Sighting): Sighting {
    const series = this.#waiting.map(({ values }) => values);
    const { fit } = sighting;
    const noise = noiseOf(fit.expression.length);
    return { ...sighting, fit: withValues(fit, smoothed(series, at, noise)) };
  }
}

/** Expression, quaternion, translation; the quaternion on the side of the one before. */
function valuesOf(fit: PhotometricFit, before: Float64Array | undefined): Float64Array {
  const turn = quaternionOf(fit.rotation);
  const at = fit.expression.length;
  const along = before ? turn.reduce((sum, value, k) => sum + value * before[at + k]!, 0) : 1;
  return Float64Array.from([
    ...fit.expression,
    ...turn.map((value) => (along < 0 ? -value : value)),
    ...fit.translation,
  ]);
}

function noiseOf(expressions: number): Float64Array {
  const { expression, rotation, across, along } = NOISE;
  return Float64Array.from([
    ...new Array<number>(expressions).fill(expression),
    ...new Array<number>(4).fill(rotation),
    across,
    across,
    along,
  ]);
}

function withValues(fit: PhotometricFit, values: Float64Array): PhotometricFit {
  const at = fit.expression.length;
  const [x, y, z, w] = values.subarray(at, at + 4) as unknown as [number, number, number, number];
  return {
    ...fit,
    // A parabola may leave the range by a little.
    expression: values
      .slice(0, at)
      .map((value, k) => (fit.expression[k]! >= 0 ? Math.min(1, Math.max(0, value)) : value)),
    rotation: rotationOf(x, y, z, w),
    translation: values.slice(at + 4),
  };
}

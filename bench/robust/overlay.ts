/** A layer over a photo: colours, how much they hide, and the shadow that they cast. */
import type { Raster } from '../../lib/result.js';

export type Point = readonly [x: number, y: number];

/** A point of a rounded thing: pixels, and its normal to the right, down and towards the camera. */
export interface SurfacePoint {
  x: number;
  y: number;
  nx: number;
  ny: number;
  nz: number;
}

export class Overlay {
  readonly width: number;
  readonly height: number;
  readonly #photo: Raster;
  readonly #alpha: Float32Array;
  readonly #rgb: Float32Array;

  constructor(photo: Raster) {
    this.#photo = photo;
    this.width = photo.width;
    this.height = photo.height;
    this.#alpha = new Float32Array(photo.width * photo.height);
    this.#rgb = new Float32Array(3 * photo.width * photo.height);
  }

  /** What `of` gives for a pixel's middle lies over what is there; `alpha` may be over 1: pixels from the edge. */
  fill(
    of: (x: number, y: number) => { alpha: number; colour: readonly number[] } | undefined,
    [left, top, right, bottom]: readonly number[] = [0, 0, this.width, this.height],
  ): void {
    for (let y = Math.max(0, Math.floor(top!)); y < Math.min(this.height, bottom!); y++) {
      for (let x = Math.max(0, Math.floor(left!)); x < Math.min(this.width, right!); x++) {
        const put = of(x + 0.5, y + 0.5);
        if (!put || put.alpha <= 0) continue;
        const at = y * this.width + x;
        const weight = Math.min(1, put.alpha);
        const before = this.#alpha[at]!;
        const after = weight + before * (1 - weight);
        for (let k = 0; k < 3; k++) {
          const under = this.#rgb[3 * at + k]! * before * (1 - weight);
          this.#rgb[3 * at + k] = (put.colour[k]! * weight + under) / after;
        }
        this.#alpha[at] = after;
      }
    }
  }

  /** A rod with round ends whose radius goes from `r0` to `r1`. */
  capsule(a: Point, b: Point, r0: number, r1: number, colour: (at: SurfacePoint) => readonly number[]): void {
    const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    const squared = dx * dx + dy * dy;
    const reach = Math.max(r0, r1) + 1;
    const box = [
      Math.min(a[0], b[0]) - reach,
      Math.min(a[1], b[1]) - reach,
      Math.max(a[0], b[0]) + reach,
      Math.max(a[1], b[1]) + reach,
    ];
    this.fill((x, y) => {
      const t = squared > 0 ? Math.min(1, Math.max(0, ((x - a[0]) * dx + (y - a[1]) * dy) / squared)) : 0;
      const [ex, ey] = [x - a[0] - t * dx, y - a[1] - t * dy];
      const radius = r0 + t * (r1 - r0);
      const distance = Math.hypot(ex, ey);
      if (distance > radius + 0.5) return undefined;
      const [nx, ny] = [ex / radius, ey / radius];
      const nz = Math.sqrt(Math.max(0, 1 - nx * nx - ny * ny));
      return { alpha: radius - distance + 0.5, colour: colour({ x, y, nx, ny, nz }) };
    }, box);
  }

  alphaAt(x: number, y: number): number {
    const [u, v] = [Math.floor(x), Math.floor(y)];
    return u >= 0 && v >= 0 && u < this.width && v < this.height ? this.#alpha[v * this.width + u]! : 0;
  }

  /** Darkens the photo beside the layer, `reach` pixels soft and moved by `offset`: only what is bare. */
  shadow(strength: number, reach: number, [ox, oy]: Point): (x: number, y: number) => number {
    const blurred = boxBlurred(boxBlurred(this.#alpha, this.width, this.height, reach), this.width, this.height, reach);
    return (x, y) => {
      const [u, v] = [Math.round(x - ox), Math.round(y - oy)];
      if (u < 0 || v < 0 || u >= this.width || v >= this.height) return 1;
      return 1 - strength * blurred[v * this.width + u]!;
    };
  }

  /** The photo with the layer over it, whose edges are as soft as a lens makes them. */
  over(shade: (x: number, y: number) => number = () => 1): Raster {
    const { data, channels } = this.#photo;
    const out = Uint8Array.from(data);
    const soft = (values: Float32Array) => boxBlurred(values, this.width, this.height, 1);
    const alpha = soft(this.#alpha);
    const planes = [0, 1, 2].map((k) => soft(this.#alpha.map((value, at) => value * this.#rgb[3 * at + k]!)));
    for (let at = 0; at < alpha.length; at++) {
      const light = alpha[at]! < 1 ? shade(at % this.width, Math.floor(at / this.width)) : 1;
      for (let k = 0; k < 3; k++) {
        const bare = data[channels * at + k]! * light * (1 - alpha[at]!);
        out[channels * at + k] = Math.min(255, Math.max(0, Math.round(bare + planes[k]![at]!)));
      }
    }
    return { ...this.#photo, data: out };
  }
}

function boxBlurred(values: Float32Array, width: number, height: number, reach: number): Float32Array {
  const half = Math.max(1, Math.round(reach));
  const pass = (from: Float32Array, lines: number, length: number, stride: number, step: number): Float32Array => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < lines; line++) {
      let sum = 0;
      const at = (i: number) => from[line * stride + i * step]!;
      for (let i = 0; i < Math.min(half, length); i++) sum += at(i);
      for (let i = 0; i < length; i++) {
        if (i + half < length) sum += at(i + half);
        if (i - half - 1 >= 0) sum -= at(i - half - 1);
        to[line * stride + i * step] = sum / (2 * half + 1);
      }
    }
    return to;
  };
  return pass(pass(values, height, width, width, 1), width, height, 1, width);
}

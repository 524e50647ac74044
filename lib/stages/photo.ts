import type { CropSpec, NativeContext, NativeImage } from '../native/binding.js';
import type { Affine } from '../native/face-view.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { Raster } from '../result-data.js';

/** The input photo in native memory; the stages cut what they need out of it. */
export class Photo {
  readonly width: number;
  readonly height: number;
  readonly pixels: NativeImage;
  readonly context: NativeContext;

  /** Reads the raster's pixels where they lie: leave them alone until dispose() and the end of what runs on them. */
  constructor(context: NativeContext, raster: Raster) {
    this.width = raster.width;
    this.height = raster.height;
    this.pixels = new (native().Image)(raster);
    this.context = context;
  }

  /** `[height][width][3]`; a strong downscale is averaged first, so it does not alias. */
  crop(spec: CropSpec, signal?: AbortSignal): Promise<Float32Array> {
    return runJob(() => native().cropImage(this.context, this.pixels, spec), { signal });
  }

  dispose(): void {
    this.pixels.dispose();
  }
}

/** A turned square of the photo. */
export interface Region {
  /** Centre, pixels of the photo. */
  x: number;
  y: number;
  /** Side, pixels of the photo. */
  size: number;
  /** Clockwise in the image (y points down), radians. */
  angle: number;
}

/** Pixels of the region, resampled to `side` x `side`, to pixels of the photo. */
export function regionToPhoto({ x, y, size, angle }: Region, side: number): Affine {
  const cos = (Math.cos(angle) * size) / side;
  const sin = (Math.sin(angle) * size) / side;
  const half = side / 2;
  return [cos, -sin, x - (cos - sin) * half, sin, cos, y - (sin + cos) * half];
}

/** The same crop with its left and right exchanged. */
export function mirrored([a, b, c, d, e, f]: Affine, width: number): Affine {
  return [-a, b, c + a * width, -d, e, f + d * width];
}

export function transform([a, b, c, d, e, f]: Affine, x: number, y: number): [number, number] {
  return [a * x + b * y + c, d * x + e * y + f];
}

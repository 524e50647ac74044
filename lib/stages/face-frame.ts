/** The face in its own frame, upright and of one size: what a coefficient network is shown. */
import type { DenseLandmarks } from './landmarks.js';
import { type Photo, type Region, regionToPhoto } from './photo.js';

/** Values per landmark: x and y from the middle of the region, right and down, and z, in sides of the region; presence. */
export const FRAMED_VALUES = 4;
/** Side of the crop that the embedded network takes, pixels. */
export const FACE_CROP_PX = 112;
/** What the crop shows of the region, which leaves more room around the face than its outline needs. */
const CROP_SHARE = 0.85;

/** `[478][4]`: the landmarks in the frame of their region. */
export function framedLandmarks({ pixels, depth, presence, region }: DenseLandmarks): Float32Array {
  const { x: cx, y: cy, size, angle } = region;
  const [cos, sin] = [Math.cos(angle) / size, Math.sin(angle) / size];
  const out = new Float32Array(FRAMED_VALUES * depth.length);
  for (let i = 0; i < depth.length; i++) {
    const [dx, dy] = [pixels[2 * i]! - cx, pixels[2 * i + 1]! - cy];
    const at = FRAMED_VALUES * i;
    out[at] = cos * dx + sin * dy;
    out[at + 1] = cos * dy - sin * dx;
    out[at + 2] = depth[i]! / size;
    out[at + 3] = presence;
  }
  return out;
}

/** `[side][side][3]`, sRGB-encoded 0..1. */
export function faceCrop(photo: Photo, region: Region, side: number, signal?: AbortSignal): Promise<Float32Array> {
  const shown = { ...region, size: CROP_SHARE * region.size };
  return photo.crop(
    {
      matrix: regionToPhoto(shown, side),
      width: side,
      height: side,
      low: 0,
      high: 1,
      border: 'replicate',
    },
    signal,
  );
}

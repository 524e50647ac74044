import type { HeadModel } from '../head-model.js';
import type { NativeContext } from '../native/binding.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { NativeEyeSight } from '../native/refine.js';
import type { FacePixels } from './face-pixels.js';
import { faceView } from './face-view.js';
import type { DenseLandmarks } from './landmarks.js';
import { IMAGE_LEFT_IRIS, IMAGE_RIGHT_IRIS, LEFT_LIDS, RIGHT_LIDS } from './mesh-points.js';
import type { Photo } from './photo.js';
import type { RefinedHead } from './refine.js';
import { upperLids } from './upper-lids.js';

/** One texture over the UV layout, and the normals of the final mesh. */
export interface Texture {
  /** `[size][size][3]`, sRGB, rows from v = 0. */
  rgb: Uint8Array;
  /** The same without light, where it was asked for. */
  albedo?: Uint8Array;
  /** `[vertices][3]`, unit. */
  normals: Float32Array;
}

/** What of a texture is to be made. */
export interface TextureWish {
  /** Texels a side. */
  size: number;
  /** Whether it is wanted without light as well. */
  albedo: boolean;
}

export async function recoverTexture(
  context: NativeContext,
  head: HeadModel,
  photo: Photo,
  { positions, camera, albedo, lighting }: RefinedHead,
  told: Float64Array,
  landmarks: DenseLandmarks,
  { person, dense }: FacePixels,
  { size, albedo: wantsAlbedo }: TextureWish,
  signal: AbortSignal | undefined,
): Promise<Texture> {
  // Not filled with zeros, which would take milliseconds here: the job writes all of it.
  const room = () => new Uint8Array(Buffer.allocUnsafeSlow(3 * size * size).buffer);
  const rgb = room();
  const albedoRgb = wantsAlbedo ? room() : undefined;
  const face = faceView(person, landmarks);
  const eyes = { left: eyeSight(landmarks, 'left'), right: eyeSight(landmarks, 'right') };
  const lids = upperLids(head.morphable);
  const problem = {
    positions,
    camera,
    albedo,
    lighting,
    ...(lids && { lids }),
    worn: told,
    size,
    rgb,
    ...(albedoRgb && { albedoRgb }),
    face,
    dense,
    eyes,
  };
  const normals = await runJob(() => native().recoverTexture(context, head.native, photo.pixels, problem), { signal });
  return { rgb, ...(albedoRgb && { albedo: albedoRgb }), normals };
}

/** Where the photo shows one of the subject's eyes. */
function eyeSight({ pixels, eyes }: DenseLandmarks, side: 'left' | 'right'): NativeEyeSight {
  const points = (of: readonly number[]) => Float32Array.from(of.flatMap((i) => [pixels[2 * i]!, pixels[2 * i + 1]!]));
  return {
    lids: points(side === 'left' ? LEFT_LIDS : RIGHT_LIDS),
    iris: points(side === 'left' ? IMAGE_RIGHT_IRIS : IMAGE_LEFT_IRIS),
    shut: eyes[side].shut,
  };
}

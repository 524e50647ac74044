import type { HeadModel } from '../head-model.js';
import type { NativeContext } from '../native/binding.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import { faceView } from './face-view.js';
import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import type { Photo } from './photo.js';
import type { RefinedHead } from './refine.js';

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
  landmarks: DenseLandmarks,
  person: PersonMask,
  { size, albedo: wantsAlbedo }: TextureWish,
  signal: AbortSignal | undefined,
): Promise<Texture> {
  // Not filled with zeros, which would take milliseconds here: the job writes all of it.
  const room = () => new Uint8Array(Buffer.allocUnsafeSlow(3 * size * size).buffer);
  const rgb = room();
  const albedoRgb = wantsAlbedo ? room() : undefined;
  const face = faceView(person, landmarks);
  const problem = { positions, camera, albedo, lighting, size, rgb, ...(albedoRgb && { albedoRgb }), face };
  const normals = await runJob(() => native().recoverTexture(context, head.native, photo.pixels, problem), { signal });
  return { rgb, ...(albedoRgb && { albedo: albedoRgb }), normals };
}

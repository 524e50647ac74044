/** One texture from all photos, which are decoded again one after the other. */
import type { Resources } from '../fit.js';
import { decodeImage } from '../image.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { ResolvedFitViewsOptions } from '../options.js';
import { raised } from '../stages/exposure.js';
import { faceView } from '../stages/face-view.js';
import { Photo } from '../stages/photo.js';
import type { RefinedHead } from '../stages/refine.js';
import { upperLids } from '../stages/upper-lids.js';
import type { JointFit } from './present.js';
import type { View } from './view.js';

/** @param reference the view whose light the texture has */
export async function blendTexture(
  { context, head }: Resources,
  views: readonly View[],
  refined: readonly RefinedHead[],
  reference: number,
  options: ResolvedFitViewsOptions,
  onProgress: (done: number, total: number) => void,
): Promise<JointFit['texture']> {
  const { textureSize: size, signal } = options;
  const order = [reference, ...[...views.keys()].filter((i) => i !== reference)];
  const sharpest = Math.max(...views.map(({ sharpness }) => sharpness));
  const lids = upperLids(head.morphable);
  const blend = new (native().TextureBlend)(head.native);
  const decode = (i: number | undefined) => {
    const decoding = i === undefined ? undefined : decodeImage(views[i]!.image, options);
    decoding?.catch(() => {}); // told where it is waited for
    return decoding;
  };
  let decoding = decode(order[0]);
  for (const [done, i] of order.entries()) {
    onProgress(done, order.length);
    const { landmarks, person, dense, sharpness, face } = views[i]!;
    const { positions, camera, albedo, lighting } = refined[i]!;
    const decoded = (await decoding)!;
    const photo = new Photo(context, face.exposure ? await raised(decoded, face.exposure) : decoded);
    // The next one is decoded while this one is laid over the head.
    decoding = decode(order[done + 1]);
    try {
      const of = { face: faceView(person, landmarks), dense, ...(lids && { lids }) };
      const problem = { positions, camera, albedo, lighting, size, ...of };
      await runJob(() => blend.add(context, photo.pixels, problem, sharpness / sharpest), { signal });
    } finally {
      photo.dispose();
    }
  }
  // Not filled with zeros, which would take milliseconds here: the job writes all of it.
  const rgb = new Uint8Array(Buffer.allocUnsafeSlow(3 * size * size).buffer);
  const inOrder = await runJob(() => blend.finish(context, rgb), { signal });
  onProgress(order.length, order.length);
  return { rgb, shares: views.map((_, i) => inOrder[order.indexOf(i)]!) };
}

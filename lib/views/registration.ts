/** Where several photos of a person show the same skin: what their textures say of the head. */
import type { HeadModel } from '../head-model.js';
import type { NativeContext } from '../native/binding.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { PhotometricFit, SeenPoints } from '../native/refine.js';
import type { View } from './view.js';

/**
 * The points that at least two of the photos show, the same for each: see native/fit/views/registration.
 *
 * @param positions `[vertices][3]`, mm, of the head as fitted to each
 */
export function seenPoints(
  context: NativeContext,
  head: HeadModel,
  views: readonly View[],
  fitted: readonly PhotometricFit[],
  positions: readonly Float32Array[],
  signal: AbortSignal | undefined,
): Promise<SeenPoints[]> {
  const registered = views.map(({ close, principalPx }, i) => {
    const { rotation, translation, focalPx, lighting } = fitted[i]!;
    const camera = { rotation, translation, focalPx, principalPx: Float64Array.from(principalPx) };
    return { level: close, camera, positions: positions[i]!, lighting };
  });
  return runJob(() => native().registerViews(context, head.native, registered), { signal });
}

/** Points that are believed by so much more or less. */
export function weighed(points: SeenPoints, weight: number, robustScale?: number): SeenPoints {
  const information = points.information.map((value) => weight * value);
  return { ...points, information, ...(robustScale === undefined ? {} : { robustScale }) };
}

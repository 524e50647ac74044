/** Where several photos of a person show the same skin: what their textures say of the head. */
import type { HeadModel } from '../head-model.js';
import type { NativeContext } from '../native/binding.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { PhotometricFit, SeenPoints } from '../native/refine.js';
import { degreesBetween } from '../stages/seen-pose.js';
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

/**
 * Photos from nearly one side tell no depth by their parallax that highlights, shading and an unknown lens do not drown: the
 * heads of the two halves of a video with turns within 30 degrees are 0.4 mm apart without it, and 0.9 mm with half of it.
 */
const LEAST_SPREAD_DEGREES = 30;
const FULL_SPREAD_DEGREES = 40;

/** How far the points are believed, 0 to 1, by how far the heads in the photos are turned against each other. */
export function depthShare(fitted: readonly Pick<PhotometricFit, 'rotation'>[]): number {
  let spread = 0;
  for (const [i, one] of fitted.entries())
    for (const other of fitted.slice(i + 1)) spread = Math.max(spread, degreesBetween(one.rotation, other.rotation));
  const share = (spread - LEAST_SPREAD_DEGREES) / (FULL_SPREAD_DEGREES - LEAST_SPREAD_DEGREES);
  return Math.min(1, Math.max(0, share));
}

/** Points that are believed by so much more or less. */
export function weighed(points: SeenPoints, weight: number, robustScale?: number): SeenPoints {
  const information = points.information.map((value) => weight * value);
  return { ...points, information, ...(robustScale === undefined ? {} : { robustScale }) };
}

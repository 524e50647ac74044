/** Several photos of one person, through all stages: their order is here. */
import { setMaxListeners } from 'node:events';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { HrnError } from '../errors.js';
import type { Resources } from '../fit.js';
import type { ImageInput } from '../image.js';
import type { ResolvedFitViewsOptions } from '../options.js';
import type { DetectedFace } from '../stages/detected-face.js';
import { expressionWeights } from '../stages/expression-weights.js';
import { jointMetricScale } from '../stages/iris-scale.js';
import type { RefinedHead } from '../stages/refine.js';
import { settleMouth } from '../stages/settle-mouth.js';
import { fitThoseThatAgree } from './agree.js';
import { refineJointly } from './joint.js';
import { type JointFit, type NumberedView, present } from './present.js';
import { ViewsProgress } from './progress.js';
import type { LeftOutView, ViewsReconstruction } from './result.js';
import { blendTexture } from './texture.js';
import { isNoView, lookAt, type View } from './view.js';

/** So many photos are looked at side by side: the networks of one run while another is decoded. */
const AT_ONCE = 2;

export async function fitViews(
  resources: Resources,
  images: readonly ImageInput[],
  asked: ResolvedFitViewsOptions,
): Promise<ViewsReconstruction> {
  const options = { ...asked, signal: manyListeners(asked.signal) };
  const progress = new ViewsProgress(options.onProgress);
  const timingsMs: Record<string, number> = {};
  const { views, leftOut } = await timed(timingsMs, 'views', () => lookAtAll(resources, images, options, progress));
  return fitAndPresent(resources, views, leftOut, options, progress, timingsMs);
}

/** The joint fit itself, for those who go on with it. `faces`: which one of each image. */
export async function fitPerson(
  resources: Resources,
  images: readonly ImageInput[],
  faces: readonly DetectedFace[],
  asked: ResolvedFitViewsOptions,
): Promise<{ fit: JointFit; face: ViewsReconstruction }> {
  const options = { ...asked, signal: manyListeners(asked.signal) };
  const progress = new ViewsProgress(options.onProgress);
  const timingsMs: Record<string, number> = {};
  const { views, leftOut } = await timed(timingsMs, 'views', () =>
    lookAtAll(resources, images, options, progress, faces),
  );
  const fit = await fitTogether(resources, views, leftOut, options, progress, timingsMs);
  return { fit, face: await presentChosen(resources, fit, options) };
}

async function fitAndPresent(...args: Parameters<typeof fitTogether>): Promise<ViewsReconstruction> {
  const [resources, , , options] = args;
  return presentChosen(resources, await fitTogether(...args), options);
}

function presentChosen(
  resources: Resources,
  fit: JointFit,
  options: ResolvedFitViewsOptions,
): Promise<ViewsReconstruction> {
  const chosen = chooseView(fit.views, fit.refined, options.view);
  return present(resources, fit, chosen, options, async (image) => {
    const index = fit.views.length + fit.leftOut.length;
    const views = [...fit.views, { index, view: await lookAt(resources, image, options) }];
    const more = await fitTogether(resources, views, fit.leftOut, options, new ViewsProgress(undefined), {});
    const refused = more.leftOut.find((one) => one.index === index);
    if (refused) throw new HrnError(refused.code, refused.message, { details: { index } });
    return presentChosen(resources, more, options);
  });
}

/** The same signal for jobs of several photos at a time, of which Node would warn as a leak. */
function manyListeners(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (!signal) return undefined;
  const own = AbortSignal.any([signal]);
  setMaxListeners(0, own);
  return own;
}

async function timed<T>(timingsMs: Record<string, number>, name: string, run: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await run();
  timingsMs[name] = (timingsMs[name] ?? 0) + performance.now() - start;
  return result;
}

async function lookAtAll(
  resources: Resources,
  images: readonly ImageInput[],
  options: ResolvedFitViewsOptions,
  progress: ViewsProgress,
  faces: readonly DetectedFace[] = [],
): Promise<{ views: NumberedView[]; leftOut: LeftOutView[] }> {
  const found: (View | HrnError)[] = [];
  let [next, done] = [0, 0];
  progress.report('views', 0, images.length);
  const work = async () => {
    while (next < images.length) {
      const index = next++;
      try {
        found[index] = await lookAt(resources, images[index]!, options, faces[index]);
      } catch (error) {
        if (!isNoView(error)) throw error;
        found[index] = error;
      }
      progress.report('views', ++done, images.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const views: NumberedView[] = [];
  const leftOut: LeftOutView[] = [];
  for (const [index, one] of found.entries()) {
    if (one instanceof HrnError) leftOut.push({ index, code: one.code, message: one.message });
    else views.push({ index, view: one });
  }
  return { views, leftOut };
}

/** What follows once all photos have been looked at. */
async function fitTogether(
  resources: Resources,
  given: readonly NumberedView[],
  unseen: readonly LeftOutView[],
  options: ResolvedFitViewsOptions,
  progress: ViewsProgress,
  timingsMs: Record<string, number>,
): Promise<JointFit> {
  const { context, head } = resources;
  const { signal, detail } = options;
  if (given.length < 2) {
    const reasons = unseen.map(({ index, code }) => `image ${index}: ${code}`).join(', ');
    throw new HrnError(
      'TOO_FEW_VIEWS',
      `expected at least 2 photos that show one person's face, got ${given.length} of ${given.length + unseen.length} (${reasons}); give more photos of the person`,
      { details: { leftOut: unseen } },
    );
  }
  const oneCamera = options.oneCamera ?? isOneCamera(given.map(({ view }) => view));
  const agreed = await timed(timingsMs, 'coarse', () =>
    fitThoseThatAgree(context, head, given, oneCamera, { signal, onProgress: progress.of('coarse') }),
  );
  const { views: numbered, coarse } = agreed;
  const views = numbered.map(({ view }) => view);
  const fitted = await timed(timingsMs, 'refine', () =>
    refineJointly(context, head, views, coarse, oneCamera, detail, { signal, onProgress: progress.of('refine') }),
  );
  const refined: RefinedHead[] = [];
  const told: Float64Array[] = [];
  for (const [i, one] of fitted.entries()) {
    const { landmarks, mouth } = views[i]!;
    told.push(expressionWeights(head.morphable, one.expression, landmarks.eyes, one.positions, mouth));
    refined.push(settleMouth(head.morphable, one, told[i]!));
    await yieldToEventLoop();
  }
  const scale = jointMetricScale(
    views.map(({ landmarks, rims }, i) => ({ landmarks, rims, camera: refined[i]!.camera })),
  );
  const chosen = chooseView(numbered, refined, options.view);
  const texture = await timed(timingsMs, 'texture', () =>
    blendTexture(resources, views, refined, chosen, options, progress.of('texture')),
  );
  const leftOut = [...unseen, ...agreed.leftOut].sort((a, b) => a.index - b.index);
  return { views: numbered, leftOut, coarse, refined, told, scale, texture, timingsMs };
}

/** Whether EXIF and sizes say that all photos are of one camera. */
function isOneCamera(views: readonly View[]): boolean {
  const [first] = views;
  return views.every(
    ({ width, height, focal }) =>
      width === first!.width && height === first!.height && focal.source === 'exif' && focal.px === first!.focal.px,
  );
}

/** The view that was asked for, else the one whose head is turned least. */
function chooseView(
  numbered: readonly NumberedView[],
  heads: readonly RefinedHead[],
  asked: number | undefined,
): number {
  const place = numbered.findIndex(({ index }) => index === asked);
  if (place >= 0) return place;
  // Third row, third column: the head's forward axis along the camera's, -1 when it faces the camera.
  const facing = heads.map(({ camera }) => -camera.rotation[8]!);
  return facing.indexOf(Math.max(...facing));
}

import { HrnError } from '../errors.js';
import type { Resources } from '../fit.js';
import { decodeImage, type ImageInput } from '../image.js';
import type { CoarseFit } from '../native/coarse.js';
import type { ResolvedFitViewsOptions } from '../options.js';
import { assemble, betweenEyes, fitQuality, placedCamera } from '../stages/assemble.js';
import { jointMetricScale } from '../stages/iris-scale.js';
import { REGRESSOR_FILE } from '../stages/networks.js';
import { Photo } from '../stages/photo.js';
import type { RefinedHead } from '../stages/refine.js';
import { EMBEDDED_REGRESSOR } from '../stages/regress.js';
import { recoverTexture } from '../stages/texture.js';
import { faceWarnings } from '../stages/warnings.js';
import { fitJointCoarse, refineJointly } from './joint.js';
import { ViewsProgress } from './progress.js';
import { type LeftOutView, ViewsReconstruction } from './result.js';
import { isNoView, lookAt, type View } from './view.js';

/** So many photos are looked at side by side: the networks of one run while another is decoded. */
const AT_ONCE = 2;

interface NumberedView {
  index: number;
  view: View;
}

/** Several photos of one person, through all stages. */
export async function fitViews(
  resources: Resources,
  images: readonly ImageInput[],
  options: ResolvedFitViewsOptions,
): Promise<ViewsReconstruction> {
  const progress = new ViewsProgress(options.onProgress);
  const timingsMs: Record<string, number> = {};
  const { views, leftOut } = await timed(timingsMs, 'views', () => lookAtAll(resources, images, options, progress));
  return fitTogether(resources, views, leftOut, options, progress, timingsMs);
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
): Promise<{ views: NumberedView[]; leftOut: LeftOutView[] }> {
  const found: (View | HrnError)[] = [];
  let [next, done] = [0, 0];
  progress.report('views', 0, images.length);
  const work = async () => {
    while (next < images.length) {
      const index = next++;
      try {
        found[index] = await lookAt(resources, images[index]!, options);
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
  numbered: readonly NumberedView[],
  leftOut: readonly LeftOutView[],
  options: ResolvedFitViewsOptions,
  progress: ViewsProgress,
  timingsMs: Record<string, number>,
): Promise<ViewsReconstruction> {
  const { context, networks, head, regressor, device } = resources;
  const { signal, detail } = options;
  const given = numbered.length + leftOut.length;
  if (numbered.length < 2) {
    throw new HrnError(
      'TOO_FEW_VIEWS',
      `expected at least 2 photos that show the person's face, got ${numbered.length} of ${given}: ${leftOut
        .map(({ index, code }) => `image ${index} ${code}`)
        .join(', ')}`,
      { details: { leftOut } },
    );
  }
  const views = numbered.map(({ view }) => view);
  const oneCamera = isOneCamera(views);
  const coarse: CoarseFit[] = await timed(timingsMs, 'coarse', () =>
    fitJointCoarse(context, head, views, oneCamera, { signal, onProgress: progress.of('coarse') }),
  );
  const refined: RefinedHead[] = await timed(timingsMs, 'refine', () =>
    refineJointly(context, head, views, coarse, oneCamera, detail, { signal, onProgress: progress.of('refine') }),
  );
  const scale = jointMetricScale(views.map(({ landmarks }, i) => ({ landmarks, camera: refined[i]!.camera })));
  const chosen = chooseView(numbered, refined, options.view);
  const { view, index } = numbered[chosen]!;
  const { texture, input } = await timed(timingsMs, 'texture', async () => {
    progress.report('texture', 0, 1);
    const decoded = await decodeImage(view.image, options);
    const photo = new Photo(context, decoded);
    try {
      const { landmarks, person } = view;
      const one = await recoverTexture(
        context,
        head,
        photo,
        refined[chosen]!,
        landmarks,
        person,
        options.textureSize,
        signal,
      );
      return { texture: one, input: decoded };
    } finally {
      photo.dispose();
    }
  });
  progress.report('texture', 1, 1);
  const origin = betweenEyes(head.morphable, refined[chosen]!.positions);
  const stage = (i: number) => ({ problem: views[i]!.coarse.problem, fit: coarse[i]! });
  const result = assemble({
    head: head.morphable,
    landmarks: view.landmarks,
    coarse: stage(chosen),
    refined: refined[chosen]!,
    texture,
    scale,
    focal: view.focal,
    principalPx: view.principalPx,
    origin,
  });
  const { names } = head.morphable.expression;
  return new ViewsReconstruction(
    {
      ...result,
      view: chosen,
      views: numbered.map(({ index: number, view: one }, i) => {
        const { pose, projection } = placedCamera(refined[i]!.camera, origin, scale.factor, one.principalPx);
        return {
          index: number,
          width: one.width,
          height: one.height,
          face: { box: one.face.box, score: one.face.score, presence: one.landmarks.presence },
          pose,
          camera: {
            projection,
            focalLengthPx: refined[i]!.camera.focalPx,
            principalPointPx: [...one.principalPx] as [number, number],
            focalLengthSource: one.focal.source,
          },
          expression: Object.fromEntries(names.map((name, k) => [name, refined[i]!.expression[k]!])),
          lighting: Float32Array.from(refined[i]!.lighting),
          quality: fitQuality(head.morphable, one.landmarks, stage(i), refined[i]!),
          textureShare: number === index ? 1 : 0,
        };
      }),
      leftOut,
      timingsMs,
      warnings: faceWarnings({
        photo: view,
        face: view.face,
        landmarks: view.landmarks,
        person: view.person,
        quality: result.quality,
      }),
      face: { index: 0, box: view.face.box, score: view.face.score, presence: view.landmarks.presence },
      device,
      inference: networks.device,
      input: { data: input.data, width: input.width, height: input.height, channels: input.channels },
      model: head.morphable,
      models: head.records.filter(({ name }) => name !== REGRESSOR_FILE || regressor === EMBEDDED_REGRESSOR),
    },
    async (image) => {
      const more = await lookAt(resources, image, options);
      const all = [...numbered, { index: given, view: more }];
      return fitTogether(resources, all, leftOut, options, new ViewsProgress(options.onProgress), {});
    },
  );
}

/** Whether sizes and focal lengths say that all photos are of one camera: unlike ones are never of one. */
function isOneCamera(views: readonly View[]): boolean {
  const [first] = views;
  const alike = views.every(({ width, height }) => width === first!.width && height === first!.height);
  return alike && views.every(({ focal }) => focal.source === 'exif' && focal.px === first!.focal.px);
}

/** The view that was asked for, else the one whose head is turned least. */
function chooseView(
  numbered: readonly NumberedView[],
  heads: readonly RefinedHead[],
  asked: number | undefined,
): number {
  if (asked !== undefined) {
    const place = numbered.findIndex(({ index }) => index === asked);
    if (place >= 0) return place;
  }
  // Third row, third column: the head's forward axis along the camera's, -1 when it faces the camera.
  const facing = heads.map(({ camera }) => -camera.rotation[8]!);
  return facing.indexOf(Math.max(...facing));
}

import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { HeadModel } from './head-model.js';
import type { DecodedImage } from './image.js';
import { Begun } from './native/begun.js';
import type { NativeContext } from './native/binding.js';
import { invalid, type ResolvedFitOptions } from './options.js';
import type { ProgressReporter, Stage } from './progress.js';
import type { Reference } from './reference/reference.js';
import { Reconstruction } from './result.js';
import { animalLook } from './stages/animal.js';
import { assemble, betweenEyes, requireLikeness, withTexture } from './stages/assemble.js';
import { fitFromStarts } from './stages/coarse-starts.js';
import { requireCredible } from './stages/credible.js';
import type { DenseFace } from './stages/dense.js';
import { fitDetail } from './stages/detail.js';
import type { DetectedFace } from './stages/detected-face.js';
import { type FacePixels, seeFacePixels } from './stages/face-pixels.js';
import { measureFineDetail } from './stages/fine-detail.js';
import { seeHair, shapeHair } from './stages/hair.js';
import { headTurn, requireFacing, requireFollowed } from './stages/head-turn.js';
import { metricScale } from './stages/iris-scale.js';
import { landmarksInFrame } from './stages/landmarks.js';
import { seeMouth } from './stages/mouth-state.js';
import { type FaceNetworks, REGRESSOR_FILE } from './stages/networks.js';
import type { Photo } from './stages/photo.js';
import { observe, refine } from './stages/refine.js';
import { EMBEDDED_REGRESSOR, type RegressorInput, regress } from './stages/regress.js';
import { poseDifference } from './stages/seen-pose.js';
import { EYES, seenLips, seenSkin } from './stages/seen-skin.js';
import { settleEyes } from './stages/settle-eyes.js';
import { settleMouth } from './stages/settle-mouth.js';
import { recoverTexture } from './stages/texture.js';
import { faceWarnings } from './stages/warnings.js';

/** What every fit of one `create()` shares. */
export interface Resources {
  context: NativeContext;
  networks: FaceNetworks;
  head: HeadModel;
  /** Absent: fits do without the coefficient network. */
  regressor: RegressorInput | undefined;
  device: string;
  /** Present: faces are fitted by the reference's own method. */
  reference: Reference | undefined;
}

/** One face of one photo, through all stages: the order is here and nowhere else. */
export async function fitFace(
  resources: Resources,
  image: DecodedImage,
  photo: Photo,
  face: DetectedFace & { index: number },
  options: ResolvedFitOptions,
  progress: ProgressReporter,
  timingsMs: Record<string, number>,
): Promise<Reconstruction> {
  const { context, networks, head, regressor, device, reference } = resources;
  if (reference && options.hair) throw invalid('false or nothing with the reference', 'hair', options.hair);
  if (reference) return reference.fit(resources, image, photo, face, options, progress, timingsMs);
  const { signal } = options;
  const stage = async <T>(name: Stage, run: (report: (done: number, total: number) => void) => Promise<T>) => {
    signal?.throwIfAborted();
    progress.report(name, 0, 1);
    const start = performance.now();
    const result = await run(progress.of(name));
    signal?.throwIfAborted();
    timingsMs[name] = performance.now() - start;
    progress.report(name, 1, 1);
    signal?.throwIfAborted();
    return result;
  };
  // Stages that do not need each other run side by side. They are still waited for, and fail, in their order.
  await using begun = new Begun();
  let looking: Promise<FacePixels> | undefined;
  let seeingHair: Promise<DenseFace> | undefined;
  const landmarks = await stage('landmarks', async () => {
    const region = face.framed;
    looking = begun.add(seeFacePixels(networks, photo, { region }, signal));
    if (options.hair) seeingHair = begun.add(seeHair(networks, photo, { region }, signal));
    return landmarksInFrame(networks, photo, region, signal);
  });
  const estimating = regressor
    ? begun.add(regress(networks, regressor, head.morphable, photo, landmarks, signal))
    : Promise.resolve(undefined);
  const seeingMouth = begun.add(seeMouth(networks, photo, landmarks, signal));
  let onCoarseProgress: ((done: number, total: number) => void) | undefined;
  const lens = {
    givenPx: options.focalLengthPx,
    exifPx: image.focalLengthPx,
    width: image.width,
    height: image.height,
  };
  const fittingCoarse = begun.add(
    estimating.then((estimate) => {
      const onProgress = (done: number, total: number) => onCoarseProgress?.(done, total);
      return fitFromStarts(context, head, landmarks, estimate, lens, { signal, onProgress });
    }),
  );
  const observing = begun.add(
    looking!.then((pixels) => observe(context, head, photo, landmarks, pixels, options.detail, signal)),
  );
  const pixels = await stage('mask', () => looking!);
  const measuringDetail = begun.add(measureFineDetail(pixels.person, signal));
  const turnDegrees = headTurn(landmarks, pixels.dense);
  requireFacing(turnDegrees);
  const { dense } = pixels;
  const animal = animalLook(dense, landmarks, head.morphable, turnDegrees, face.presenceLogit);
  const [skin, eyeSkin] = [seenSkin(dense, landmarks), seenSkin(dense, landmarks, EYES)];
  requireCredible(face, skin, eyeSkin, seenLips(dense, landmarks), animal);
  if (regressor) await stage('regress', () => estimating);
  const { focal, principalPx, coarse } = await stage('coarse', (onProgress) => {
    onCoarseProgress = onProgress;
    return fittingCoarse;
  });
  const fitted = await stage('refine', async (onProgress) =>
    refine(context, head, coarse, await observing, pixels.dense, options.detail, { signal, onProgress }),
  );
  requireLikeness(head, landmarks, coarse, fitted, principalPx);
  const difference = poseDifference(pixels.dense, fitted.camera);
  requireFollowed(turnDegrees, difference);
  const mouth = await seeingMouth;
  const { head: withEyes, told } = settleEyes(head.morphable, fitted, landmarks, mouth);
  await yieldToEventLoop();
  const refined = settleMouth(head.morphable, withEyes, told);
  await yieldToEventLoop();
  const { displacementSize: size, highTriangles: triangles } = options;
  const detail =
    options.detail === 'high'
      ? await stage('detail', (onProgress) =>
          fitDetail(context, head, photo, refined, landmarks, pixels, { size, triangles }, { signal, onProgress }),
        )
      : undefined;
  const scale = metricScale(landmarks, refined.camera);
  const texturing = begun.add(
    stage('texture', () =>
      recoverTexture(
        context,
        head,
        photo,
        refined,
        told,
        landmarks,
        pixels,
        { size: options.textureSize, albedo: options.texture !== 'photo' },
        signal,
      ),
    ),
  );
  const growing =
    seeingHair &&
    begun.add(
      seeingHair.then((wide) => {
        const frame = { origin: betweenEyes(head.morphable, refined.positions), factor: scale.factor };
        return shapeHair(context, head, photo, refined, landmarks, pixels, wide, frame, signal);
      }),
    );
  // What needs no texture is put together while it is painted.
  const unpainted = assemble({
    head: head.morphable,
    landmarks,
    told,
    coarse,
    refined,
    detail,
    scale,
    focal,
    principalPx,
  });
  const warnings = faceWarnings({
    photo,
    face,
    landmarks,
    turnDegrees,
    person: pixels.person,
    fineDetail: await measuringDetail,
    dense: pixels.dense,
    model: head.morphable,
    quality: unpainted.quality,
    poseDifference: difference,
  });
  const painted = withTexture(unpainted, await texturing);
  const hair = await growing;
  return new Reconstruction({
    ...painted,
    ...(hair && { hair }),
    timingsMs,
    face: { index: face.index, box: face.box, score: face.score, presence: landmarks.presence },
    warnings,
    device,
    inference: networks.device,
    input: { data: image.data, width: image.width, height: image.height, channels: image.channels },
    model: head.morphable,
    models: head.records.filter(({ name }) => name !== REGRESSOR_FILE || regressor === EMBEDDED_REGRESSOR),
  });
}

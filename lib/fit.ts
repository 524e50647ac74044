import type { HeadModel } from './head-model.js';
import type { DecodedImage } from './image.js';
import type { NativeContext } from './native/binding.js';
import type { ResolvedFitOptions } from './options.js';
import type { ProgressReporter, Stage } from './progress.js';
import { Reconstruction } from './result.js';
import { assemble } from './stages/assemble.js';
import { fitCoarse } from './stages/coarse.js';
import type { DetectedFace } from './stages/detected-face.js';
import { focalLengthPrior } from './stages/focal-length.js';
import { metricScale } from './stages/iris-scale.js';
import { frameFace, landmarksInFrame } from './stages/landmarks.js';
import { findPersonMask, type PersonMask } from './stages/mask.js';
import { type FaceNetworks, REGRESSOR_FILE } from './stages/networks.js';
import type { Photo } from './stages/photo.js';
import { refine } from './stages/refine.js';
import { EMBEDDED_REGRESSOR, type RegressorInput, regress } from './stages/regress.js';
import { recoverTexture } from './stages/texture.js';

/** What every fit of one `create()` shares. */
export interface Resources {
  context: NativeContext;
  networks: FaceNetworks;
  head: HeadModel;
  /** Absent: fits do without the coefficient network. */
  regressor: RegressorInput | undefined;
  device: string;
}

/** One face of one photo, through all stages: the order is here and nowhere else. */
export async function fitFace(
  { context, networks, head, regressor, device }: Resources,
  image: DecodedImage,
  photo: Photo,
  face: DetectedFace,
  options: ResolvedFitOptions,
  progress: ProgressReporter,
  timingsMs: Record<string, number>,
): Promise<Reconstruction> {
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
  let findingPerson: Promise<PersonMask> | undefined;
  const landmarks = await stage('landmarks', async () => {
    const region = await frameFace(networks, photo, face.region, signal);
    findingPerson = findPersonMask(networks, photo, { region }, signal);
    findingPerson.catch(() => {});
    return landmarksInFrame(networks, photo, region, signal);
  });
  const principalPx = [image.width / 2, image.height / 2] as const;
  const estimating = regressor
    ? regress(networks, regressor, head.morphable, photo, landmarks, signal)
    : Promise.resolve(undefined);
  let onCoarseProgress: ((done: number, total: number) => void) | undefined;
  const fittingCoarse = estimating.then(async (estimate) => {
    const focal = focalLengthPrior(landmarks, options.focalLengthPx, image.focalLengthPx, estimate);
    const onProgress = (done: number, total: number) => onCoarseProgress?.(done, total);
    return {
      focal,
      coarse: await fitCoarse(context, head, landmarks, estimate, focal, principalPx, { signal, onProgress }),
    };
  });
  fittingCoarse.catch(() => {});
  const person = await stage('mask', () => findingPerson!);
  if (regressor) await stage('regress', () => estimating);
  const { focal, coarse } = await stage('coarse', (onProgress) => {
    onCoarseProgress = onProgress;
    return fittingCoarse;
  });
  const refined = await stage('refine', (onProgress) =>
    refine(context, head, photo, landmarks, person, coarse, options.detail, { signal, onProgress }),
  );
  const scale = metricScale(landmarks, refined.camera);
  const texture = await stage('texture', () =>
    recoverTexture(context, head, photo, refined, landmarks, person, options.textureSize, signal),
  );
  const result = assemble({ head: head.morphable, landmarks, coarse, refined, texture, scale, focal, principalPx });
  return new Reconstruction({
    ...result,
    timingsMs,
    face: { box: face.box, score: face.score, presence: landmarks.presence },
    device,
    inference: networks.device,
    input: { data: image.data, width: image.width, height: image.height, channels: image.channels },
    model: head.morphable,
    models: head.records.filter(({ name }) => name !== REGRESSOR_FILE || regressor === EMBEDDED_REGRESSOR),
  });
}

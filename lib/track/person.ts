/** First pass: who is in the video, from a few well-chosen frames of each. */
import { HrnError, type HrnErrorCode } from '../errors.js';
import type { Resources } from '../fit.js';
import type { HeadModel } from '../head-model.js';
import { openLining, upBy } from '../lip-lining.js';
import { noiseOfPerson } from '../models/landmark-noise.js';
import type { MorphableModel } from '../morphable-model.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { ResolvedFitViewsOptions } from '../options.js';
import { addBasis } from '../sample/random-head.js';
import { betweenEyes, type HeadOrigin } from '../stages/assemble.js';
import { detectFaces } from '../stages/detect.js';
import { LEAST_FACE_PX } from '../stages/detected-face.js';
import type { DenseLandmarks } from '../stages/landmarks.js';
import { LEFT_EYE_OUTER, RIGHT_EYE_OUTER } from '../stages/mesh-points.js';
import { Photo } from '../stages/photo.js';
import type { RefinedHead } from '../stages/refine.js';
import { faceSharpness } from '../stages/sharpness.js';
import { fitPerson } from '../views/fit-views.js';
import type { ViewsReconstruction } from '../views/result.js';
import { ownColours } from './appearance.js';
import { Cast, type CastMember, type SeenFace } from './cast.js';
import type { FrameSource, VideoFrame } from './frame-source.js';
import type { Looks } from './likeness.js';
import { looksOf, visibleLandmarks } from './look.js';

/** Frames that are looked at for it, evenly over the video; of a source that is read once, the first ones. */
const LOOKED_AT = 40;
const FIRST_FRAMES = 24;
/** Why no head can be made of somebody's frames. */
const NO_HEAD: readonly HrnErrorCode[] = ['TOO_FEW_VIEWS', 'VIEWS_DISAGREE', 'FIT_FAILED'];

/** Whom the second pass follows. */
export interface Person {
  face: ViewsReconstruction;
  /** The head model of this person alone: expressions, but neither identity nor albedo to be found. */
  head: HeadModel;
  /** Of all frames, pixels. */
  focalPx: number;
  principalPx: readonly [number, number];
  /** To the frame of `face.mesh`: its origin in the fitted head, mm, and its size. */
  origin: HeadOrigin;
  factor: number;
  looks: Looks;
}

/**
 * The `most` people who are seen most, those first.
 *
 * @throws HrnError NO_FACE where no frame shows a face well enough, and what fitViews() throws where nobody can be fitted
 */
export async function findPeople(
  resources: Resources,
  source: FrameSource,
  frames: AsyncIterator<VideoFrame> | undefined,
  options: ResolvedFitViewsOptions,
  most: number,
  onLooked: (done: number, total: number) => void,
): Promise<{ people: Person[]; pending: VideoFrame[] }> {
  const { members, pending } = await castOf(resources, source, frames, options, most > 1, onLooked);
  const people: Person[] = [];
  let failure: unknown;
  for (const member of members) {
    if (people.length === most) break;
    try {
      people.push(await personOf(resources, member, options));
    } catch (error) {
      // The next one takes the place of somebody of whom no head can be made.
      if (!(error instanceof HrnError && NO_HEAD.includes(error.code))) throw error;
      failure ??= error;
    }
  }
  if (people.length === 0) throw failure;
  return { people, pending };
}

async function personOf(resources: Resources, { best, looks }: CastMember, options: ResolvedFitViewsOptions) {
  // Two photos at least go into a joint fit; a still face may come in one place only.
  const chosen = best.length === 1 ? [best[0]!, best[0]!] : best;
  const { fit, face } = await fitPerson(
    resources,
    chosen.map(({ frame }) => frame),
    chosen.map((seen) => seen.face),
    { ...options, oneCamera: true },
  );
  const place = face.view;
  const refined = fit.refined[place]!;
  const head = await personalHead(resources.head, refined, fit.texture.rgb);
  return {
    face,
    head,
    looks,
    focalPx: refined.camera.focalPx,
    principalPx: fit.views[place]!.view.principalPx,
    origin: betweenEyes(head.morphable, head.morphable.mean),
    factor: fit.scale.factor,
  };
}

/** The model with the person's neutral head as its mean, in their colours: what is left to find are expressions. */
async function personalHead(
  { morphable, noise, records }: HeadModel,
  refined: RefinedHead,
  texture: Uint8Array,
): Promise<HeadModel> {
  const { positions, identity, expression, albedo } = refined;
  const mean = positions.slice();
  const worn = new Float32Array(mean.length);
  addBasis(worn, morphable.expression, expression);
  openLining(morphable, worn, upBy(morphable.expression, expression, morphable.vertexCount));
  for (let i = 0; i < mean.length; i++) mean[i]! -= worn[i]!;
  const colours = morphable.albedo.mean.slice();
  addBasis(colours, morphable.albedo, Float32Array.from(albedo));
  const none = { count: 0, halfs: new Uint16Array() };
  const personal: MorphableModel = {
    ...morphable,
    mean,
    identity: { ...morphable.identity, ...none },
    albedo: { ...morphable.albedo, ...none, mean: await ownColours(morphable, colours, refined, texture) },
    kinship: undefined,
  };
  const built = await runJob(() => native().buildModel(personal));
  return { morphable: personal, native: built, records, ...(noise ? { noise: noiseOfPerson(noise, identity) } : {}) };
}

/** The people in the frames that are looked at, those who are seen most first. */
async function castOf(
  resources: Resources,
  source: FrameSource,
  frames: AsyncIterator<VideoFrame> | undefined,
  options: ResolvedFitViewsOptions,
  everybody: boolean,
  onLooked: (done: number, total: number) => void,
): Promise<{ members: CastMember[]; pending: VideoFrame[] }> {
  const { signal } = options;
  const pending: VideoFrame[] = [];
  const cast = new Cast();
  const expected = source.expected ?? LOOKED_AT;
  const step = frames ? 1 : Math.max(1, Math.floor(expected / LOOKED_AT));
  const total = frames ? FIRST_FRAMES : expected;
  const look = async (frame: VideoFrame) => {
    signal?.throwIfAborted();
    cast.add(await facesIn(resources, frame, options, everybody));
    onLooked(Math.min(frame.index + 1, total), total);
  };
  if (frames) {
    while (pending.length < FIRST_FRAMES) {
      const { value, done } = await frames.next();
      if (done) break;
      pending.push(value);
      await look(value);
    }
  } else {
    try {
      for await (const frame of source.frames(signal)) if (frame.index % step === 0) await look(frame);
    } catch (error) {
      // A video that breaks off still shows who is in it; the second pass tells of the break.
      if (!(error instanceof HrnError && error.code === 'VIDEO_UNREADABLE' && cast.members().length > 0)) throw error;
    }
  }
  const members = cast.members();
  if (members.length === 0) {
    throw new HrnError('NO_FACE', `no frame of ${source.name} shows a face well enough; use a video of a larger face`);
  }
  return { members, pending };
}

/** The largest face of a frame, or every one, as far as it is seen well. */
async function facesIn(
  { context, networks, head, regressor }: Resources,
  frame: VideoFrame,
  { signal, minFacePx }: ResolvedFitViewsOptions,
  everybody: boolean,
): Promise<SeenFace[]> {
  const photo = new Photo(context, frame);
  try {
    const found = await detectFaces(networks, photo, { all: everybody, onlyLargest: !everybody, minFacePx, signal });
    const seen: SeenFace[] = [];
    for (const face of everybody ? found : found.slice(0, 1)) {
      if (Math.max(face.box.width, face.box.height) < (minFacePx ?? LEAST_FACE_PX)) continue;
      const landmarks = await visibleLandmarks(networks, photo, face.framed, signal);
      if (!landmarks) continue;
      const looks = await looksOf({ networks, head, regressor }, photo, landmarks, signal);
      const sharp = await faceSharpness(photo, landmarks, signal);
      const score = (sharp * Math.sqrt(landmarks.region.size)) / (1 + unrest(landmarks));
      seen.push({ frame, face, landmarks, looks, score });
    }
    return seen;
  } finally {
    photo.dispose();
  }
}

/** How far the mouth is open and the eyes are shut, in widths of the eyes' distance. */
function unrest({ pixels }: DenseLandmarks): number {
  const between = (a: number, b: number) =>
    Math.hypot(pixels[2 * a]! - pixels[2 * b]!, pixels[2 * a + 1]! - pixels[2 * b + 1]!);
  const eyes = between(LEFT_EYE_OUTER, RIGHT_EYE_OUTER);
  // Inner lips' middle; the lids' middles, open by about a tenth of that distance.
  const mouth = between(13, 14) / eyes;
  const lids = Math.min(between(159, 145), between(386, 374)) / eyes;
  return 4 * mouth + 10 * Math.max(0, 0.07 - lids);
}

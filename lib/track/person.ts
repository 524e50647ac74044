/** First pass: who is in the video, from a few well-chosen frames. */
import { HrnError } from '../errors.js';
import type { Resources } from '../fit.js';
import type { HeadModel } from '../head-model.js';
import { noiseOfPerson } from '../models/landmark-noise.js';
import type { MorphableModel } from '../morphable-model.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { ResolvedFitViewsOptions } from '../options.js';
import { addBasis } from '../sample/random-head.js';
import { betweenEyes, type HeadOrigin } from '../stages/assemble.js';
import { detectFaces } from '../stages/detect.js';
import { type DenseLandmarks, landmarksInFrame, yawOf } from '../stages/landmarks.js';
import { LEFT_EYE_OUTER, RIGHT_EYE_OUTER } from '../stages/mesh-points.js';
import { Photo } from '../stages/photo.js';
import type { RefinedHead } from '../stages/refine.js';
import { faceSharpness } from '../stages/sharpness.js';
import { fitPerson } from '../views/fit-views.js';
import type { ViewsReconstruction } from '../views/result.js';
import type { FrameSource, VideoFrame } from './frame-source.js';

/** Frames that are looked at for it, evenly over the video; of a source that is read once, the first ones. */
const LOOKED_AT = 40;
const FIRST_FRAMES = 24;
/** Turns of the head between which a best frame is kept, degrees. */
const TURNS = [-90, -28, -12, 12, 28, 90] as const;
/** From the front there may be two. */
const FRONTAL = 2;

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
  /** Frames that were read for it and are still to be tracked: of a source that is read once. */
  pending: VideoFrame[];
}

interface Candidate {
  frame: VideoFrame;
  landmarks: DenseLandmarks;
  score: number;
}

/** @throws HrnError NO_FACE where no frame shows a face well enough */
export async function findPerson(
  resources: Resources,
  source: FrameSource,
  frames: AsyncIterator<VideoFrame> | undefined,
  options: ResolvedFitViewsOptions,
  onLooked: (done: number, total: number) => void,
): Promise<Person> {
  const { candidates, pending } = await chooseFrames(resources, source, frames, options, onLooked);
  const chosen = candidates.map(({ frame }) => frame);
  // Two photos at least go into a joint fit; a still face may come in one place only.
  if (chosen.length === 1) chosen.push(chosen[0]!);
  const { fit, face } = await fitPerson(resources, chosen, { ...options, oneCamera: true });
  const place = face.view;
  const refined = fit.refined[place]!;
  const head = await personalHead(resources.head, refined);
  return {
    face,
    head,
    focalPx: refined.camera.focalPx,
    principalPx: fit.views[place]!.view.principalPx,
    origin: betweenEyes(head.morphable, head.morphable.mean),
    factor: fit.scale.factor,
    pending,
  };
}

/** The model with the person's neutral head as its mean: what is left to find are expressions. */
async function personalHead(
  { morphable, noise, records }: HeadModel,
  { positions, identity, expression, albedo }: Pick<RefinedHead, 'positions' | 'identity' | 'expression' | 'albedo'>,
): Promise<HeadModel> {
  const mean = positions.slice();
  addBasis(
    mean,
    morphable.expression,
    Float32Array.from(expression, (weight) => -weight),
  );
  const colours = morphable.albedo.mean.slice();
  addBasis(colours, morphable.albedo, Float32Array.from(albedo));
  const none = { count: 0, halfs: new Uint16Array() };
  const personal: MorphableModel = {
    ...morphable,
    mean,
    identity: { ...morphable.identity, ...none },
    albedo: { ...morphable.albedo, ...none, mean: colours },
  };
  const built = await runJob(() => native().buildModel(personal));
  return { morphable: personal, native: built, records, ...(noise ? { noise: noiseOfPerson(noise, identity) } : {}) };
}

/** The best frame for each turn of the head: sharp, large, with a face at rest. */
async function chooseFrames(
  resources: Resources,
  source: FrameSource,
  frames: AsyncIterator<VideoFrame> | undefined,
  options: ResolvedFitViewsOptions,
  onLooked: (done: number, total: number) => void,
): Promise<{ candidates: Candidate[]; pending: VideoFrame[] }> {
  const { signal } = options;
  const pending: VideoFrame[] = [];
  const kept: Candidate[][] = TURNS.slice(1).map(() => []);
  const expected = source.expected ?? LOOKED_AT;
  const step = frames ? 1 : Math.max(1, Math.floor(expected / LOOKED_AT));
  const total = frames ? FIRST_FRAMES : expected;
  const look = async (frame: VideoFrame) => {
    signal?.throwIfAborted();
    const candidate = await judge(resources, frame, options);
    if (candidate) {
      const yaw = yawOf(candidate.landmarks);
      const bin = TURNS.findLastIndex((from, i) => i < kept.length && yaw >= from);
      const best = kept[Math.max(0, bin)]!;
      best.push(candidate);
      best.sort((a, b) => b.score - a.score);
      best.splice(bin === Math.floor(kept.length / 2) ? FRONTAL : 1);
    }
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
      if (!(error instanceof HrnError && error.code === 'VIDEO_UNREADABLE' && kept.some((best) => best.length > 0)))
        throw error;
    }
  }
  const candidates = kept.flat().sort((a, b) => a.frame.index - b.frame.index);
  if (candidates.length === 0) {
    throw new HrnError('NO_FACE', `no frame of ${source.name} shows a face well enough; use a video of a larger face`);
  }
  return { candidates, pending };
}

async function judge(
  { context, networks }: Resources,
  frame: VideoFrame,
  { signal, minFacePx }: ResolvedFitViewsOptions,
): Promise<Candidate | undefined> {
  const photo = new Photo(context, frame);
  try {
    const [face] = await detectFaces(networks, photo, { minFacePx, signal });
    if (!face || Math.max(face.box.width, face.box.height) < minFacePx) return undefined;
    const landmarks = await landmarksInFrame(networks, photo, face.framed, signal);
    const sharp = await faceSharpness(photo, landmarks, signal);
    return { frame, landmarks, score: (sharp * Math.sqrt(landmarks.region.size)) / (1 + unrest(landmarks)) };
  } catch (error) {
    if (error instanceof HrnError && ['FACE_NOT_VISIBLE', 'FIT_FAILED'].includes(error.code)) return undefined;
    throw error;
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

/** A video to the heads of people and their motion: who they are first, then frame after frame. */
import type { Resources } from '../fit.js';
import type { ResolvedTrackOptions } from '../options.js';
import { placedCamera } from '../stages/assemble.js';
import type { ViewsReconstruction } from '../views/result.js';
import { Crowd } from './crowd.js';
import type { TrackedFrame } from './frame.js';
import type { VideoFrame } from './frame-source.js';
import { MotionFilter } from './motion-filter.js';
import { findPeople, type Person } from './person.js';
import { openFrames, type VideoInput } from './sources.js';
import type { Sighting } from './tracker.js';

/**
 * Frames as they are tracked; end the loop early and the video is closed. Every person has every frame, in their order;
 * those of different people may come some frames apart.
 */
export interface TrackedPerson {
  /** 0: who is seen most, and so on. */
  track: number;
  /** The same for every frame of a track. */
  person: ViewsReconstruction;
  frame: TrackedFrame;
}

export async function* trackFrames(
  resources: Resources,
  video: VideoInput,
  { views, fps, smooth, people: most, onProgress }: ResolvedTrackOptions,
): AsyncGenerator<TrackedPerson, void> {
  const { signal } = views;
  const source = await openFrames(video, fps, views);
  const once = source.again ? undefined : source.frames(signal)[Symbol.asyncIterator]();
  try {
    onProgress?.({ stage: 'person', done: 0, total: source.expected });
    const { people, pending } = await findPeople(resources, source, once, views, most, (done, total) =>
      onProgress?.({ stage: 'person', done, total }),
    );
    const crowd = new Crowd(resources, people, views.minFacePx, signal);
    const filters = people.map(() => new MotionFilter(smooth));
    const frames = once ? rest(pending, once) : source.frames(signal);
    let done = 0;
    const finished = (track: number, motion: ReturnType<MotionFilter['take']>) =>
      motion.map((one) => {
        if (track === 0) onProgress?.({ stage: 'frames', done: ++done, total: source.expected });
        const person = people[track]!;
        return { track, person: person.face, frame: toFrame(person, one.frame, one.sighting, one.isSeen) };
      });
    const ended = () => filters.flatMap((filter, track) => finished(track, filter.end()));
    try {
      for await (const frame of frames) {
        signal?.throwIfAborted();
        const { data: _, ...told } = frame;
        const seen = await crowd.see(frame);
        for (const [track, filter] of filters.entries()) yield* finished(track, filter.take(told, seen[track]));
      }
    } catch (error) {
      // What was seen before a break is told before the break is.
      if (!signal?.aborted) yield* ended();
      throw error;
    }
    yield* ended();
  } finally {
    await once?.return?.();
  }
}

async function* rest(
  pending: readonly VideoFrame[],
  frames: AsyncIterator<VideoFrame>,
): AsyncGenerator<VideoFrame, void> {
  yield* pending;
  for (let next = await frames.next(); !next.done; next = await frames.next()) yield next.value;
}

function toFrame(
  { head, origin, factor, principalPx }: Person,
  { index, timeSeconds }: Pick<VideoFrame, 'index' | 'timeSeconds'>,
  sighting: Sighting | undefined,
  isSeen: boolean,
): TrackedFrame {
  const { names } = head.morphable.expression;
  const lens = { principalPointPx: [...principalPx] as [number, number] };
  if (!sighting) {
    return {
      index,
      timeSeconds,
      status: 'lost',
      cut: false,
      expression: Object.fromEntries(names.map((name) => [name, 0])),
      pose: { rotation: [1, 0, 0, 0, -1, 0, 0, 0, -1], translation: [0, 0, 1000] },
      camera: { focalLengthPx: 0, ...lens },
      lighting: new Float32Array(27),
      quality: { landmarkErrorPercent: 0, presence: 0, sharpness: 0 },
    };
  }
  const { fit, landmarkErrorPercent, presence, sharpness, cut } = sighting;
  const camera = { ...fit, principalPx: Float64Array.from(principalPx) };
  return {
    index,
    timeSeconds,
    status: isSeen ? 'tracked' : 'lost',
    cut,
    expression: Object.fromEntries(names.map((name, k) => [name, fit.expression[k]!])),
    pose: placedCamera(camera, origin, factor, principalPx).pose,
    camera: { focalLengthPx: fit.focalPx, ...lens },
    lighting: Float32Array.from(fit.lighting),
    quality: isSeen
      ? { landmarkErrorPercent, presence, sharpness }
      : { landmarkErrorPercent: 0, presence: 0, sharpness: 0 },
  };
}

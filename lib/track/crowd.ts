/** Second pass: who of the people is where in each frame. */
import type { Resources } from '../fit.js';
import { detectFaces } from '../stages/detect.js';
import type { DenseLandmarks } from '../stages/landmarks.js';
import { regionAround } from '../stages/landmarks.js';
import { Photo } from '../stages/photo.js';
import type { VideoFrame } from './frame-source.js';
import { FOUND_AGAIN, likeness, matched } from './likeness.js';
import { looksOf, visibleLandmarks } from './look.js';
import type { Person } from './person.js';
import { isNear } from './place.js';
import { SceneCuts } from './scene-cut.js';
import { type Sighting, Tracker } from './tracker.js';

/** While others are seen, somebody who is not is looked for in one of so many frames: detection costs as much as a fit. */
const LOOKED_FOR_EVERY = 3;

export class Crowd {
  readonly #trackers: Tracker[];
  readonly #cuts = new SceneCuts();

  constructor(
    private readonly resources: Resources,
    people: readonly Person[],
    private readonly minFacePx: number | undefined,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.#trackers = people.map((person) => new Tracker(resources, person, signal));
  }

  /** In the order of the people; undefined for one who is not seen. */
  async see(frame: VideoFrame): Promise<(Sighting | undefined)[]> {
    const photo = new Photo(this.resources.context, frame);
    try {
      if (await this.#cuts.isCut(photo, this.signal)) for (const tracker of this.#trackers) tracker.forget();
      const found = await this.#followed(photo);
      const seen: (Sighting | undefined)[] = [];
      for (const [i, tracker] of this.#trackers.entries()) {
        const landmarks = found[i];
        seen[i] = landmarks && (await tracker.follow(photo, landmarks));
        if (!seen[i]) tracker.forget();
      }
      const isAnyone = seen.some((sighting) => sighting !== undefined);
      if (seen.includes(undefined) && (!isAnyone || frame.index % LOOKED_FOR_EVERY === 0)) {
        const anew = await this.#foundAnew(photo, seen);
        for (const [i, landmarks] of anew) seen[i] = await this.#trackers[i]!.follow(photo, landmarks);
      }
      return seen;
    } finally {
      photo.dispose();
    }
  }

  /** The face of each person where it was a frame ago. Of two who would have the same, the one who is more like it has it. */
  async #followed(photo: Photo): Promise<(DenseLandmarks | undefined)[]> {
    const found: (DenseLandmarks | undefined)[] = await Promise.all(
      this.#trackers.map(async ({ place }) => {
        if (!place) return undefined;
        const landmarks = await visibleLandmarks(this.resources.networks, photo, place, this.signal);
        return landmarks && isNear(regionAround(landmarks.pixels), place) ? landmarks : undefined;
      }),
    );
    for (const [i, one] of found.entries()) {
      for (let j = 0; j < i; j++) {
        const [mine, other] = [found[i], found[j]];
        if (!one || !mine || !other || !isNear(regionAround(mine.pixels), regionAround(other.pixels))) continue;
        const looks = await looksOf(this.resources, photo, mine, this.signal);
        const like = (k: number) => likeness(looks, this.#trackers[k]!.person.looks);
        found[like(i) > like(j) ? j : i] = undefined;
      }
    }
    return found;
  }

  /** Faces that nobody has yet, for those who are not seen and whom they are like. */
  async #foundAnew(
    photo: Photo,
    seen: readonly (Sighting | undefined)[],
  ): Promise<readonly (readonly [number, DenseLandmarks])[]> {
    const { networks } = this.resources;
    const { signal, minFacePx } = this;
    const taken = seen.flatMap((sighting) => (sighting ? [regionAround(sighting.landmarks.pixels)] : []));
    const free: { landmarks: DenseLandmarks; looks: Float64Array }[] = [];
    for (const { framed } of await detectFaces(networks, photo, {
      all: this.#trackers.length > 1,
      minFacePx,
      signal,
    })) {
      if (taken.some((region) => isNear(framed, region))) continue;
      const landmarks = await visibleLandmarks(networks, photo, framed, signal);
      if (landmarks) free.push({ landmarks, looks: await looksOf(this.resources, photo, landmarks, signal) });
    }
    const pairs = free.flatMap(({ looks }, a) =>
      this.#trackers.flatMap(({ person }, b) => {
        const score = likeness(looks, person.looks);
        return seen[b] || score < FOUND_AGAIN ? [] : [{ a, b, score }];
      }),
    );
    return matched(pairs).map(({ a, b }) => [b, free[a]!.landmarks] as const);
  }
}

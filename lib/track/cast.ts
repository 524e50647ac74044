/** The people of a video and the best frames of each, from faces as they come. */
import type { DetectedFace } from '../stages/detected-face.js';
import { type DenseLandmarks, regionAround, yawOf } from '../stages/landmarks.js';
import type { Region } from '../stages/photo.js';
import type { VideoFrame } from './frame-source.js';
import { addLooks, isSamePerson, type Looks, likeness, matched } from './likeness.js';
import { isNear } from './place.js';

/** A face in a frame that was looked at. */
export interface SeenFace {
  frame: VideoFrame;
  face: DetectedFace;
  landmarks: DenseLandmarks;
  looks: Looks;
  /** How good a photo of the person it is. */
  score: number;
}

/** Somebody who is seen in a video. */
export interface CastMember {
  looks: Looks;
  /** The best frames, by time. */
  best: SeenFace[];
}

/**
 * Turns of the head between which best frames are kept, degrees, and how many: what several err by evens out. Where other
 * turns are not seen, up to so many more are, but all together stay within the sum.
 */
const TURNS = [-90, -28, -12, 12, 28, 90] as const;
const KEPT = [2, 3, 5, 3, 2] as const;
const MORE = 3;
const MOST_FRAMES = KEPT.reduce((sum, count) => sum + count, 0);
/** Neighbouring frames err alike. */
const APART_SECONDS = 0.2;
/** More people than this are not kept apart: those who are seen least are forgotten, their frames take memory. */
const MOST_MEMBERS = 12;

interface Member {
  looks: Looks;
  /** Best ones for each turn. */
  best: SeenFace[][];
  /** Sizes of the face in all frames together, pixels. */
  shown: number;
  frames: Set<number>;
  last: { look: number; region: Region };
}

export class Cast {
  #members: Member[] = [];
  #looks = 0;

  /** All faces of one frame; frames in their order. */
  add(faces: readonly SeenFace[]): void {
    const look = this.#looks++;
    const regions = faces.map(({ landmarks }) => regionAround(landmarks.pixels));
    const pairs = faces.flatMap((face, a) =>
      this.#members.flatMap((member, b) => {
        const alike = likeness(face.looks, member.looks);
        const nearby = member.last.look === look - 1 && isNear(regions[a]!, member.last.region);
        return isSamePerson(alike, nearby) ? [{ a, b, score: alike + (nearby ? 1 : 0) }] : [];
      }),
    );
    const known = new Map(matched(pairs).map(({ a, b }) => [a, this.#members[b]!]));
    for (const [a, face] of faces.entries()) {
      const last = { look, region: regions[a]! };
      const member = known.get(a) ?? this.#newMember(last);
      member.last = last;
      member.looks = addLooks(member.looks, face.looks);
      member.shown += Math.max(face.face.box.width, face.face.box.height);
      member.frames.add(face.frame.index);
      const turn = turnOf(face);
      member.best[turn] = bestOf([...member.best[turn]!, face], turn);
      dropWorst(member.best);
    }
    this.#members.sort((a, b) => b.shown - a.shown);
    this.#members.length = Math.min(this.#members.length, MOST_MEMBERS);
  }

  /** Those who are seen most first. */
  members(): CastMember[] {
    this.#joinAlike();
    return this.#members.map(({ looks, best }) => ({
      looks,
      best: best.flat().sort((a, b) => a.frame.index - b.frame.index),
    }));
  }

  #newMember(last: Member['last']): Member {
    const best = TURNS.slice(1).map(() => []);
    const member: Member = { looks: new Float64Array(), best, shown: 0, frames: new Set(), last };
    this.#members.push(member);
    return member;
  }

  /** What a few frames could not tell, all of them may: the most alike first, never two who were seen together. */
  #joinAlike(): void {
    for (;;) {
      const pairs = this.#members.flatMap((one, a) =>
        this.#members.slice(0, a).flatMap((other, b) => {
          const score = likeness(one.looks, other.looks);
          const together = [...one.frames].some((frame) => other.frames.has(frame));
          return !together && isSamePerson(score, false) ? [{ a, b, score }] : [];
        }),
      );
      const [pair] = matched(pairs);
      if (!pair) break;
      const [gone] = this.#members.splice(pair.a, 1) as [Member];
      const kept = this.#members[pair.b]!;
      kept.looks = addLooks(kept.looks, gone.looks);
      kept.shown += gone.shown;
      for (const frame of gone.frames) kept.frames.add(frame);
      kept.best = kept.best.map((best, turn) => bestOf([...best, ...gone.best[turn]!], turn));
      dropWorst(kept.best);
    }
    this.#members.sort((a, b) => b.shown - a.shown);
  }
}

function turnOf({ landmarks }: SeenFace): number {
  const yaw = yawOf(landmarks);
  return Math.max(
    0,
    TURNS.slice(0, -1).findLastIndex((from) => yaw >= from),
  );
}

function bestOf(faces: SeenFace[], turn: number): SeenFace[] {
  const best: SeenFace[] = [];
  for (const face of faces.toSorted((a, b) => b.score - a.score)) {
    const apart = best.every(({ frame }) => Math.abs(frame.timeSeconds - face.frame.timeSeconds) >= APART_SECONDS);
    if (apart && best.length < KEPT[turn]! + MORE) best.push(face);
  }
  return best;
}

/** Of turns that have more than their own number, until all together are few enough. Each turn's are in order. */
function dropWorst(best: SeenFace[][]): void {
  for (let count = best.flat().length; count > MOST_FRAMES; count--) {
    const over = best.filter((faces, turn) => faces.length > KEPT[turn]!);
    const worst = over.reduce((a, b) => (b.at(-1)!.score < a.at(-1)!.score ? b : a));
    worst.pop();
  }
}

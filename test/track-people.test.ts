/** Several people in a video: who is who beside each other, after cuts and after an absence. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scene } from '../bench/accuracy/track-scene.js';
import { create, type Hrn } from '../lib/hrn.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import type { DetectedFace } from '../lib/stages/detected-face.js';
import { Animation } from '../lib/track/animation.js';
import { Cast } from '../lib/track/cast.js';
import { isSamePerson, likeness, matched } from '../lib/track/likeness.js';
import type { RawFrame } from '../lib/track/sources.js';
import type { TrackedPerson } from '../lib/track/track.js';

const SIZE = 256;
const SEEDS = [5, 11] as const;
/** Both; the first alone; a cut to the second, who stands where the first stood; both with their places exchanged. */
const SCRIPT = ['01', '01', '01', '0-', '0-', '1-', '1-', '10', '10', '10'];

describe('people of a video', () => {
  let hrn: Hrn;
  let tracks: TrackedPerson[][];

  beforeAll(async () => {
    hrn = await create({ device: 'cpu', threads: 2 });
    const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
    const people: Uint8Array[][] = [];
    for (const seed of SEEDS) {
      const pictures: Uint8Array[] = [];
      for await (const { image } of scene(model, seed, SCRIPT.length, SIZE)) pictures.push(image.data as Uint8Array);
      people.push(pictures);
    }
    async function* frames(): AsyncGenerator<RawFrame> {
      for (const [i, places] of SCRIPT.entries()) {
        const sides = [...places].map((who) => people[Number(who)]?.[i]);
        yield { data: beside(sides[0], sides[1]), width: 2 * SIZE, height: SIZE, channels: 3 };
      }
    }
    tracks = [[], []];
    for await (const one of hrn.track(frames(), { textureSize: 256, people: 2, minFacePx: 60 }))
      tracks[one.track]!.push(one);
  }, 90_000);
  afterAll(() => hrn.dispose());

  it('have a track each, with every frame', () => {
    for (const track of tracks) {
      expect(track.map(({ frame }) => frame.index)).toEqual(SCRIPT.map((_, i) => i));
      expect(new Set(track.map(({ person }) => person)).size).toBe(1);
    }
    expect(tracks[0]![0]!.person).not.toBe(tracks[1]![0]!.person);
  });

  it('are found where they are, and told to be lost where they are not', () => {
    const first = placesOf(tracks[0]!)[0] === 'left' ? 0 : 1;
    for (const [who, track] of [tracks[first]!, tracks[1 - first]!].entries()) {
      const places = SCRIPT.map((both) => ['left', 'right'][both.indexOf(String(who))] ?? 'lost');
      const found = placesOf(track);
      // While others are seen somebody may be found two frames late.
      for (const [i, place] of found.entries()) if (place !== 'lost') expect(place, `${who} in ${i}`).toBe(places[i]);
      expect(found.filter((place) => place !== 'lost').length, found.join(' ')).toBeGreaterThanOrEqual(
        places.filter((place) => place !== 'lost').length - 2,
      );
    }
  });

  it('are no animation of one person, and one each', async () => {
    async function* all() {
      yield* tracks.flat();
    }
    await expect(Animation.of(all())).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect((await Animation.allOf(all())).map(({ frames }) => frames.length)).toEqual([SCRIPT.length, SCRIPT.length]);
  });
});

/** Which half of the picture each frame has the person in. */
function placesOf(track: readonly TrackedPerson[]): string[] {
  return track.map(({ frame: { status, pose, camera } }) => {
    if (status === 'lost') return 'lost';
    const [x, , z] = pose.translation;
    return (camera.focalLengthPx * x) / z + camera.principalPointPx[0] < SIZE ? 'left' : 'right';
  });
}

function beside(left: Uint8Array | undefined, right: Uint8Array | undefined): Uint8Array {
  const out = new Uint8Array(6 * SIZE * SIZE).fill(110);
  for (const [side, picture] of [left, right].entries()) {
    for (let y = 0; picture && y < SIZE; y++)
      out.set(picture.subarray(3 * y * SIZE, 3 * (y + 1) * SIZE), 3 * (2 * y + side) * SIZE);
  }
  return out;
}

describe('the cast', () => {
  const at = (index: number, x: number, looks: number[], score = 1) => ({
    frame: { index, timeSeconds: index, data: new Uint8Array(3), width: 1, height: 1, channels: 3 as const },
    face: { box: { x: 0, y: 0, width: 100, height: 100 } } as DetectedFace,
    landmarks: faceAt(x),
    looks: Float64Array.from(looks),
    score,
  });

  it('knows people by their looks, by their place where looks are unsure, and never joins two who are seen together', () => {
    const cast = new Cast();
    cast.add([at(0, 100, [1, 0, 0]), at(0, 400, [0, 1, 0])]);
    // The first looks otherwise but is where they were; then places are exchanged.
    cast.add([at(1, 102, [0.4, 0, 0.9]), at(1, 401, [0, 1, 0])]);
    cast.add([at(2, 401, [1, 0, 0.3]), at(2, 100, [0, 1, 0.1])]);
    cast.add([at(3, 250, [0, 0.9, 0.1])]);
    cast.add([at(4, 100, [0.99, 0.1, 0]), at(4, 400, [1, 0, 0])]);
    const members = cast.members();
    const frames = members.map(({ looks }) => looks.length);
    expect(frames).toEqual([3, 3, 3]);
    expect(likeness(members[0]!.looks, Float64Array.of(0, 1, 0))).toBeGreaterThan(0.95);
    expect(likeness(members[1]!.looks, Float64Array.of(1, 0, 0))).toBeGreaterThan(0.8);
  });

  it('keeps the best frames of each turn, some time apart', () => {
    const cast = new Cast();
    const scores = [1, 5, 4, 3, 2, 6, 5.5, 1, 1, 1, 0.5, 7, 0.1, 2.5, 0.1, 0.3, 0.1, 0.2, 0.1, 2.2];
    for (const [i, score] of scores.entries()) {
      const seen = at(i, 100, [1, 0], score);
      cast.add([{ ...seen, frame: { ...seen.frame, timeSeconds: i / 8 } }]);
    }
    expect(cast.members()[0]!.best.map(({ frame }) => frame.index)).toEqual([1, 3, 5, 7, 9, 11, 13, 19]);
  });
});

describe('likeness', () => {
  it('is that of directions, and no ground to tell apart without a network', () => {
    expect(likeness(Float64Array.of(1, 1), Float64Array.of(3, 3))).toBeCloseTo(1, 9);
    expect(likeness(Float64Array.of(1, 0), Float64Array.of(0, 2))).toBe(0);
    expect(likeness(new Float64Array(), new Float64Array())).toBe(1);
    expect([isSamePerson(0.3, false), isSamePerson(0.3, true)]).toEqual([false, true]);
  });

  it('gives each the best that is left', () => {
    const pairs = [
      { a: 0, b: 0, score: 0.9 },
      { a: 0, b: 1, score: 0.8 },
      { a: 1, b: 0, score: 0.85 },
      { a: 1, b: 1, score: 0.2 },
    ];
    expect(matched(pairs).map(({ a, b }) => [a, b])).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });
});

/** Landmarks of a face of 100 px that looks to the front. */
function faceAt(x: number) {
  const pixels = Float32Array.from({ length: 2 * 478 }, (_, i) =>
    i % 2 === 0 ? x + 50 * Math.sin(i) : 100 + 50 * Math.cos(3 * i),
  );
  // Outer corners of the eyes, level.
  pixels.set([x - 40, 90], 2 * 33);
  pixels.set([x + 40, 90], 2 * 263);
  return {
    pixels,
    depth: new Float32Array(478),
    presence: 1,
    disagreement: 0,
    region: { x, y: 100, size: 150, angle: 0 },
    eyes: { left: { shut: 0 }, right: { shut: 0 } } as never,
  };
}

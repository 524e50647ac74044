/** The square in which the landmark network is to see a face: where it is, how large, and which way is up. */
import { lookDensely } from './dense.js';
import type { DetectedFace } from './detected-face.js';
import { type DenseLandmarks, landmarksIn, landmarksInFrame, MIN_PRESENCE_LOGIT, regionAround } from './landmarks.js';
import type { FaceNetworks } from './networks.js';
import type { Photo, Region } from './photo.js';
import { seenLips, seenSkin } from './seen-skin.js';

/** A square with what tells that a face is in it, that way up. */
export interface FramedFace {
  region: Region;
  /** Log-odds that the landmark network sees a face there that it can follow. */
  presenceLogit: number;
  /** What squares of one face are compared by: the presence, what the dense network sees, and the detector's word. */
  credit: number;
  /** Nothing speaks for another way up. */
  isUpright: boolean;
  /** Squares of other sizes may show it better. */
  isAstray: boolean;
  /** The dense network sees a bare face there, and lips where they belong. */
  isSeen: boolean;
}

/** Runs that only frame the face: one suffices unless the first square was far off (a face turned in the plane). */
const MAX_FRAMING_RUNS = 3;
/**
 * From these log-odds on a square is right; below, where the dense network sees a bare face in it (see CLEAR); otherwise
 * the face is looked at from all sides: of 91 faces in generated pictures (`npm run bench:robust`,
 * seeds from 200000) squares that were off by more than 40 degrees had up to 22.4.
 */
const SURE_LOGIT = 24;
/**
 * Of 180 squares with so much of the first two none was off by more than 25 degrees; half of the doubtful faces have it at
 * once. Lips that the dense network does not see where the landmarks are (0.7 and more in squares that are right, 0.2 upside
 * down) tell of a face that they cling to wrongly.
 */
const CLEAR = { logit: 14, bare: 0.8, lips: 0.35 } as const;
/** Of 217 faces in photos 186 are seen so bare, nearly all of them with so much of their lips; drawn animals by 0.8 at most. */
const SEEN = { bare: 0.88, lips: 0.4 } as const;
const SIDES = 8;
/** So many of them are looked at more closely. */
const LIKELY_SIDES = 4;
/** Where no side shows more than this at first sight there is no face to turn. */
const LEAST_LOGIT = 0;
/** Squares that fall behind by more than this are not looked at further. */
const BEHIND_LOGIT = 14;
/**
 * Log-odds that a face seen wholly bare is worth. The landmark network puts a face upside down onto a half covered one
 * with as much presence as upright; the dense network saw 0.76 of such at most, and 0.82 and more of bare ones.
 */
const BARE_LOGIT = 30;
/** And the whole of its lips seen as such. */
const LIPS_LOGIT = 27;
/** The detector is right about up and down more often than not, though not of heads on their sides. */
const AGAINST_DETECTOR_LOGIT = 4;
const AGAINST_DETECTOR = (100 * Math.PI) / 180;
/** With less credit than this a face may be any way up: half covered ones framed upside down had up to 27. */
const LEAST_CREDIT = 30;
/** A rival is turned by this much; one that is nearer than that leaves open which way is up. */
const RIVAL = Math.PI / 4;
const RIVAL_MARGIN = 5;
/** Photos are seldom upside down: what stands so in them has to be seen bare, as no face under a mask is. */
const UPSIDE_DOWN = (120 * Math.PI) / 180;

/**
 * Frames a detected face as in the network's training, then finds its landmarks.
 *
 * @throws HrnError FACE_NOT_VISIBLE where the network cannot follow the face: profile, covered, out of the picture
 */
export async function findLandmarks(
  networks: FaceNetworks,
  photo: Photo,
  face: Pick<DetectedFace, 'region'>,
  signal?: AbortSignal,
): Promise<DenseLandmarks> {
  const { region } = await frame(networks, photo, face.region, signal);
  return landmarksInFrame(networks, photo, region, signal);
}

/** The square in which the network was trained to see the face that it sees in the detector's. */
export async function frame(
  networks: FaceNetworks,
  photo: Photo,
  first: Region,
  signal?: AbortSignal,
): Promise<FramedFace> {
  const turned = (side: number): Region => ({ ...first, angle: first.angle + (2 * Math.PI * side) / SIDES });
  const look = (square: Region) => landmarksIn(networks, photo, square, signal);
  const seen = await look(first);
  const asDetected = await settle(first, seen, look);
  const { region, presenceLogit } = asDetected;
  if (presenceLogit >= SURE_LOGIT) {
    return {
      region,
      presenceLogit,
      credit: presenceLogit + BARE_LOGIT + LIPS_LOGIT,
      isUpright: true,
      isAstray: false,
      isSeen: true,
    };
  }
  const weigh = async ({ region, presenceLogit, pixels }: Seen & { region: Region }) => {
    const dense = await lookDensely(networks, photo, { region }, signal);
    const bare = seenSkin(dense, { pixels })?.bare ?? 0;
    const lips = seenLips(dense, { pixels }) ?? 0;
    const isAstray = presenceLogit < MIN_PRESENCE_LOGIT || (bare >= CLEAR.bare && lips < CLEAR.lips);
    const isClear = presenceLogit >= CLEAR.logit && bare >= CLEAR.bare && !isAstray;
    const against = between(region.angle, first.angle) > AGAINST_DETECTOR ? AGAINST_DETECTOR_LOGIT : 0;
    const credit = presenceLogit + BARE_LOGIT * bare + LIPS_LOGIT * lips - against;
    const isSeen = bare >= SEEN.bare && lips >= SEEN.lips;
    return { face: { region, presenceLogit, credit, isUpright: true, isAstray, isSeen }, isClear };
  };
  if (presenceLogit >= CLEAR.logit) {
    const { face, isClear } = await weigh(asDetected);
    if (isClear) return face;
  }
  const others: (Seen & { square: Region })[] = [];
  for (let side = 1; side < SIDES; side++) others.push({ square: turned(side), ...(await look(turned(side))) });
  const squares = [asDetected];
  if (Math.max(asDetected.presenceLogit, ...others.map(({ presenceLogit }) => presenceLogit)) > LEAST_LOGIT) {
    others.sort((a, b) => b.presenceLogit - a.presenceLogit);
    for (const { square, ...firstSeen } of others.slice(0, LIKELY_SIDES))
      squares.push(await settle(square, firstSeen, look));
  }
  squares.sort((a, b) => b.presenceLogit - a.presenceLogit);
  const framed: FramedFace[] = [];
  for (const square of squares) {
    if (square.presenceLogit < squares[0]!.presenceLogit - BEHIND_LOGIT) break;
    if (framed.some(({ region }) => isClose(region, square.region))) continue;
    framed.push((await weigh(square)).face);
  }
  return bestOf(framed);
}

/** The one with the most credit; not surely upright where one that is turned against it comes near, or it stands on its head. */
function bestOf(framed: readonly FramedFace[]): FramedFace {
  const best = framed.reduce((a, b) => (b.credit > a.credit ? b : a));
  const hasRival = framed.some(
    ({ region, credit }) => between(region.angle, best.region.angle) > RIVAL && best.credit - credit < RIVAL_MARGIN,
  );
  const isLikely = best.isSeen || between(best.region.angle, 0) < UPSIDE_DOWN;
  return { ...best, isUpright: best.isUpright && best.credit >= LEAST_CREDIT && !hasRival && isLikely };
}

/**
 * The same from squares of other sizes where none is seen in the first; the best of all.
 *
 * @param scales of the first square
 */
export async function frameInSizes(
  networks: FaceNetworks,
  photo: Photo,
  first: Region,
  scales: readonly number[],
  signal?: AbortSignal,
): Promise<FramedFace> {
  const framed = [await frame(networks, photo, first, signal)];
  for (const scale of scales) {
    if (framed.some(({ isAstray }) => !isAstray)) break;
    framed.push(await frame(networks, photo, { ...first, size: first.size * scale }, signal));
  }
  return bestOf(framed);
}

interface Seen {
  pixels: Float32Array;
  presenceLogit: number;
}

/** Moves the square onto what was seen in it, until it stays; with the points that were last seen. */
async function settle(
  first: Region,
  firstSeen: Seen,
  look: (square: Region) => Promise<Seen>,
): Promise<Seen & { region: Region }> {
  let [before, seen] = [first, firstSeen];
  let region = regionAround(seen.pixels);
  for (let run = 1; run < MAX_FRAMING_RUNS && !isClose(before, region); run++) {
    before = region;
    seen = await look(before);
    region = regionAround(seen.pixels);
  }
  return { region, pixels: seen.pixels, presenceLogit: seen.presenceLogit };
}

/** Whether the second region frames nearly the same. */
function isClose(a: Region, b: Region): boolean {
  const moved = Math.hypot(a.x - b.x, a.y - b.y) / b.size;
  return moved < 0.1 && Math.abs(a.size / b.size - 1) < 0.25 && between(a.angle, b.angle) < 0.2;
}

/** Of angles in radians, 0 to pi. */
function between(a: number, b: number): number {
  return Math.abs(Math.atan2(Math.sin(a - b), Math.cos(a - b)));
}

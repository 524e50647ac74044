import type { Box } from '../result-data.js';
import {
  type BlazeFace,
  type Candidate,
  detectInSquare,
  FULL_RANGE,
  MIN_OVERLAP,
  mergeOverlapping,
  overlap,
  SHORT_RANGE,
  type Square,
} from './blaze-face.js';
import { CERTAIN_SCORE, type DetectedFace } from './detected-face.js';
import { frameInSizes } from './framing.js';
import { MIN_PRESENCE_LOGIT } from './landmarks.js';
import type { FaceNetworks } from './networks.js';
import type { Photo, Region } from './photo.js';

export interface DetectOptions {
  /**
   * Search on for small faces after a large one was found. Without it the tiles are searched only where the whole photo
   * shows no face that is certain and large.
   */
  all?: boolean | undefined;
  /** The largest face alone is asked for: what the short-range network surely sees of it is enough. */
  onlyLargest?: boolean | undefined;
  /** Side of the smallest face that is looked for everywhere, pixels of the photo; default 100: smaller ones take seconds. */
  minFacePx?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** BlazeFace's box begins at the brows; the face goes on above by this share of its height (measured on photos). */
const FOREHEAD = 0.14;
/** The landmark network was trained on crops of this many box sides. */
const REGION_SCALE = 1.5;
/** Log-odds of presence that make up for a lower score. */
const CERTAIN_LOGIT = 15;
/** Beyond these ratios of the landmark network's square to the detector's, the box is the landmark network's. */
const SAME_SIZE = [0.7, 1.4] as const;
/** The landmark network's square against a box's side, with forehead (the usual ratio, on photos). */
const FRAME_SCALE = 1.6;
/** Tried where the landmark network sees no face in the detector's square: boxes are at times that much off. */
const OTHER_SIZES = [1 / 1.5, 1.4];
/** A face that fills the photo, or that its border cuts, is found on a canvas this many times as large. */
const WIDER = 1.5;
/** Faces of which less than this share of the box lies in the photo come after the others. */
const WHOLE_SHARE = 0.8;
/** From this share of the photo's longer side on, a face that is found leaves no larger one to be found in tiles or at full range. */
const LARGE_SHARE = 0.18;
/** Smallest share of a square's side at which the networks together found nearly every face (npm run bench:robust). */
const MIN_SHARE = 0.14;
/** Smaller ones that are found in a tile are better seen in a smaller tile. */
const LEAST_SHARE = 0.06;
/** Below the network's input there is nothing more to see, pixels. */
const MIN_TILE_SIDE = 192;
/** Tiles overlap by this share of their side, more than the faces looked for in them. */
const TILE_OVERLAP = 0.25;
/** The detectors see upright heads: a photo without one is looked at upside down, then on either side. */
const TURNS = [Math.PI, Math.PI / 2, -Math.PI / 2];

/**
 * Finds faces: the short-range network on the whole photo, which is enough for the largest face where it sees a single one that is
 * certain, large and whole; the full-range network on it; then on a wider canvas (for all faces; for one, the short-range
 * network where none is certain yet), then both on the photo turned, then both on ever smaller tiles until a face of `minFacePx` would
 * have been seen. What they find counts once the landmark network has looked at it: a pass whose candidates are all
 * doubtful does not end the search.
 *
 * @returns every face: those that are certain first, of these the whole ones before those that the border cuts, each sort by
 *   size, largest first
 */
export async function detectFaces(
  networks: FaceNetworks,
  photo: Photo,
  { all = false, onlyLargest = false, minFacePx = 100, signal }: DetectOptions = {},
): Promise<DetectedFace[]> {
  const side = Math.max(photo.width, photo.height);
  const whole = (scale = 1, angle = 0): Square => ({
    x: (photo.width - scale * side) / 2,
    y: (photo.height - scale * side) / 2,
    size: scale * side,
    angle,
  });
  const found = new Found(networks, photo, signal);
  const look = (detector: BlazeFace, square: Square) => detectInSquare(networks, photo, detector, square, signal);

  await found.add(await look(SHORT_RANGE, whole()));
  if (onlyLargest && found.hasOneOf(LARGE_SHARE * side)) return found.ordered();
  await found.add(await look(FULL_RANGE, whole()));
  const onlyCertain = found.hasCertain;
  if (all || !onlyCertain) await found.add(await look(SHORT_RANGE, whole(WIDER)), { onlyCertain });
  if (all) await found.add(await look(FULL_RANGE, whole(WIDER)), { onlyCertain });
  for (const angle of TURNS) {
    if (found.hasCertain) break;
    await found.add(await look(SHORT_RANGE, whole(1, angle)), { onlyCertain: true });
    await found.add(await look(FULL_RANGE, whole(1, angle)), { onlyCertain: true });
  }
  const inTiles = async (angle: number, isDone: () => boolean) => {
    const coversMinimum = (size: number) => size * MIN_SHARE <= minFacePx || size / 2 < MIN_TILE_SIDE;
    for (let size = side; !isDone() && !coversMinimum(size); ) {
      size /= 2;
      const seen: Candidate[] = [];
      for (const tile of tiles(photo, size)) {
        for (const detector of [FULL_RANGE, SHORT_RANGE]) seen.push(...(await look(detector, { ...tile, angle })));
      }
      const credible = seen.filter(({ width }) => width >= size * LEAST_SHARE);
      await found.add(mergeOverlapping(credible), { onlyCertain: true });
    }
  };
  await inTiles(0, () => !all && found.hasCertainOf(LARGE_SHARE * side));
  for (const angle of TURNS) await inTiles(angle, () => found.hasCertain);
  return found.ordered();
}

/** The faces found so far, each looked at by the landmark network. */
class Found {
  #faces: { candidate: Candidate; face: DetectedFace }[] = [];

  constructor(
    private readonly networks: FaceNetworks,
    private readonly photo: Photo,
    private readonly signal: AbortSignal | undefined,
  ) {}

  get hasCertain(): boolean {
    return this.#faces.some(({ face }) => face.isCertain);
  }

  hasCertainOf(sizePx: number): boolean {
    return this.#faces.some(({ face: { isCertain, box } }) => isCertain && Math.max(box.width, box.height) >= sizePx);
  }

  /** Whether there is a single face, certain, whole and of that size. */
  hasOneOf(sizePx: number): boolean {
    return this.#faces.length === 1 && this.hasCertainOf(sizePx) && this.#isWhole(this.#faces[0]!.face);
  }

  /**
   * Adds the candidates that are not among those found before, which saw more of their surroundings. A certain face takes
   * the place of a doubtful one.
   */
  async add(candidates: readonly Candidate[], { onlyCertain = false } = {}): Promise<void> {
    for (const candidate of candidates) {
      const isSame = (known: Candidate) => overlap(known, candidate) > MIN_OVERLAP || isInside(candidate, known);
      const same = this.#faces.filter((known) => isSame(known.candidate));
      if (same.some(({ face }) => face.isCertain)) continue;
      const face = await verified(this.networks, this.photo, candidate, this.signal);
      const isCredible = !onlyCertain && (face.presenceLogit > 0 || candidate.score >= CERTAIN_SCORE);
      if (!face.isCertain && !isCredible) continue;
      // Two candidates can lead the landmark network to one face.
      if (this.#faces.some((known) => known.face.isCertain && isSameFrame(known.face.framed, face.framed))) continue;
      if (same.length > 0 && !face.isCertain) continue;
      this.#faces = this.#faces.filter((known) => !same.includes(known));
      this.#faces.push({ candidate, face });
    }
  }

  ordered(): DetectedFace[] {
    return this.#faces
      .map(({ face }) => face)
      .sort(
        (a, b) =>
          Number(b.isCertain) - Number(a.isCertain) ||
          Number(this.#isWhole(b)) - Number(this.#isWhole(a)) ||
          area(b.box) - area(a.box),
      );
  }

  #isWhole({ framed }: DetectedFace): boolean {
    return area(boxOfFrame(framed, this.photo)) > WHOLE_SHARE * (framed.size / FRAME_SCALE) ** 2;
  }
}

/** Squares of the given size that cover the photo. */
function tiles({ width, height }: Photo, size: number): { x: number; y: number; size: number }[] {
  const starts = (extent: number) => {
    const count = Math.max(1, Math.ceil((extent - size) / (size * (1 - TILE_OVERLAP))) + 1);
    const step = count === 1 ? 0 : (extent - size) / (count - 1);
    const first = count === 1 ? (extent - size) / 2 : 0;
    return Array.from({ length: count }, (_, i) => first + i * step);
  };
  return starts(height).flatMap((y) => starts(width).map((x) => ({ x, y, size })));
}

/** Whether the centre of a lies inside b: a part of a face taken for a face. */
function isInside(a: Candidate, b: Candidate): boolean {
  return Math.abs(a.x - b.x) < b.width / 2 && Math.abs(a.y - b.y) < b.height / 2;
}

function area({ width, height }: Box): number {
  return width * height;
}

function isSameFrame(a: Region, b: Region): boolean {
  const size = Math.min(a.size, b.size);
  return Math.hypot(a.x - b.x, a.y - b.y) < size / 4 && Math.max(a.size, b.size) < 1.6 * size;
}

/** The candidate with what the landmark network says of it. */
async function verified(
  networks: FaceNetworks,
  photo: Photo,
  candidate: Candidate,
  signal: AbortSignal | undefined,
): Promise<DetectedFace> {
  const { x, y, width, height, score, keypoints } = candidate;
  const [rightEye, leftEye] = keypoints as [[number, number], [number, number]];
  const angle = Math.atan2(leftEye[1] - rightEye[1], leftEye[0] - rightEye[0]);
  const region = { x, y, size: REGION_SCALE * Math.max(width, height), angle };
  const framed = await frameInSizes(networks, photo, region, OTHER_SIZES, signal);
  const needed = score >= CERTAIN_SCORE || framed.isSeen ? MIN_PRESENCE_LOGIT : CERTAIN_LOGIT;
  const isCertain = framed.isUpright && framed.presenceLogit >= needed;
  const ratio = framed.region.size / region.size;
  const isSameSize = ratio > SAME_SIZE[0] && ratio < SAME_SIZE[1];
  return {
    box: isCertain && !isSameSize ? boxOfFrame(framed.region, photo) : boxOf(candidate, angle, photo),
    score,
    keypoints,
    region,
    framed: framed.region,
    presenceLogit: framed.presenceLogit,
    isCertain,
  };
}

/** From hairline to chin. */
function boxOf({ x, y, width, height }: Candidate, angle: number, photo: Photo): Box {
  // Up of the face in the image.
  const [upX, upY] = [Math.sin(angle) * FOREHEAD * height, -Math.cos(angle) * FOREHEAD * height];
  return inside(photo, [
    x - width / 2 + Math.min(0, upX),
    y - height / 2 + Math.min(0, upY),
    x + width / 2 + Math.max(0, upX),
    y + height / 2 + Math.max(0, upY),
  ]);
}

function boxOfFrame({ x, y, size }: Region, photo: Photo): Box {
  const half = size / FRAME_SCALE / 2;
  return inside(photo, [x - half, y - half, x + half, y + half]);
}

function inside({ width, height }: Photo, [left, top, right, bottom]: [number, number, number, number]): Box {
  const [x, y] = [Math.max(0, left), Math.max(0, top)];
  return { x, y, width: Math.min(width, right) - x, height: Math.min(height, bottom) - y };
}

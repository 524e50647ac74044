import {
  type Candidate,
  detectInSquare,
  FULL_RANGE,
  MIN_OVERLAP,
  mergeOverlapping,
  overlap,
  SHORT_RANGE,
} from './blaze-face.js';
import type { DetectedFace } from './detected-face.js';
import { isFace } from './landmarks.js';
import type { FaceNetworks } from './networks.js';
import type { Photo } from './photo.js';

export interface DetectOptions {
  /**
   * Search on for small faces after larger ones were found. Without it the search ends at the first scale that shows
   * a face.
   */
  all?: boolean | undefined;
  /** Side of the smallest face worth finding, pixels of the photo. */
  minFacePx?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** BlazeFace's box begins at the brows; the face goes on above by this share of its height (measured on photos). */
const FOREHEAD = 0.14;
/** The landmark network was trained on crops of this many box sides. */
const REGION_SCALE = 1.5;
/** What scores less needs the landmark network's consent: round things and patterns do up to here. */
const CERTAIN_SCORE = 0.7;
/** A face that fills the photo is found on a canvas this many times as large. */
const CLOSE_UP_SCALE = 1.5;
/** Smallest share of a square's side at which the full-range network found every face (pasted photos: down to 0.06). */
const MIN_SHARE = 0.07;
/** Below the network's input there is nothing more to see, pixels. */
const MIN_TILE_SIDE = 192;
/** Tiles overlap by this share of their side, more than the faces looked for in them. */
const TILE_OVERLAP = 0.25;
/** Of what looks like a face in a tile, which shows less of the surroundings; true ones of that size score above. */
const MIN_TILE_SCORE = 0.65;

/**
 * Finds faces: the short-range network on the whole photo, then the full-range one, then the short-range one on a wider
 * canvas, then the full-range one on ever smaller tiles until a face of `minFacePx` would have been seen.
 *
 * @returns every face, largest first
 */
export async function detectFaces(
  networks: FaceNetworks,
  photo: Photo,
  { all = false, minFacePx = 100, signal }: DetectOptions = {},
): Promise<DetectedFace[]> {
  const side = Math.max(photo.width, photo.height);
  const centred = (size: number) => ({ x: (photo.width - size) / 2, y: (photo.height - size) / 2, size });
  const found: Candidate[] = await detectInSquare(networks, photo, SHORT_RANGE, centred(side), signal);
  if (found.length === 0 || all) {
    addNew(found, await detectInSquare(networks, photo, FULL_RANGE, centred(side), signal));
  }
  if (found.length === 0) {
    addNew(found, await detectInSquare(networks, photo, SHORT_RANGE, centred(side * CLOSE_UP_SCALE), signal));
  }
  const coversMinimum = (size: number) => size * MIN_SHARE <= minFacePx || size / 2 < MIN_TILE_SIDE;
  for (let size = side; (found.length === 0 || all) && !coversMinimum(size); ) {
    size /= 2;
    const inTiles: Candidate[] = [];
    for (const tile of tiles(photo, size)) {
      inTiles.push(...(await detectInSquare(networks, photo, FULL_RANGE, tile, signal)));
    }
    const credible = inTiles.filter(({ score, width }) => score >= MIN_TILE_SCORE && width >= size * MIN_SHARE);
    addNew(found, mergeOverlapping(credible));
  }
  const faces: DetectedFace[] = [];
  for (const candidate of found) {
    const face = detectedFace(candidate, photo);
    if (face.score >= CERTAIN_SCORE || (await isFace(networks, photo, face.region, signal))) faces.push(face);
  }
  const area = ({ box }: DetectedFace) => box.width * box.height;
  return faces.sort((a, b) => area(b) - area(a));
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

/** Adds the candidates that are not among those found at a larger scale, which saw more of their surroundings. */
function addNew(found: Candidate[], candidates: readonly Candidate[]): void {
  for (const candidate of candidates) {
    if (!found.some((known) => overlap(known, candidate) > MIN_OVERLAP || isInside(candidate, known))) {
      found.push(candidate);
    }
  }
}

/** Whether the centre of a lies inside b: a part of a face taken for a face. */
function isInside(a: Candidate, b: Candidate): boolean {
  return Math.abs(a.x - b.x) < b.width / 2 && Math.abs(a.y - b.y) < b.height / 2;
}

function detectedFace({ x, y, width, height, score, keypoints }: Candidate, photo: Photo): DetectedFace {
  const [rightEye, leftEye] = keypoints as [[number, number], [number, number]];
  const angle = Math.atan2(leftEye[1] - rightEye[1], leftEye[0] - rightEye[0]);
  const region = { x, y, size: REGION_SCALE * Math.max(width, height), angle };
  // Up of the face in the image.
  const [upX, upY] = [Math.sin(angle) * FOREHEAD * height, -Math.cos(angle) * FOREHEAD * height];
  const left = Math.max(0, x - width / 2 + Math.min(0, upX));
  const top = Math.max(0, y - height / 2 + Math.min(0, upY));
  const right = Math.min(photo.width, x + width / 2 + Math.max(0, upX));
  const bottom = Math.min(photo.height, y + height / 2 + Math.max(0, upY));
  return { box: { x: left, y: top, width: right - left, height: bottom - top }, score, keypoints, region };
}

import type { FaceNetworks, NetworkName } from './networks.js';
import { type Photo, regionToPhoto, transform } from './photo.js';

/** A face as the detection networks see it, in pixels of the photo. */
export interface Candidate {
  /** 0..1 */
  score: number;
  /** Of the square box from brows to chin. */
  x: number;
  y: number;
  width: number;
  height: number;
  keypoints: [number, number][];
}

export interface BlazeFace {
  network: NetworkName;
  /** Side of the input, pixels. */
  side: number;
  /** Names of the outputs: 16 numbers per anchor, and one. */
  boxes: string;
  scores: string;
  /** Centres of the anchors, 0..1, in the order of the outputs. */
  anchors: readonly [number, number][];
}

/**
 * Anchors of MediaPipe's models: cells of square grids, row by row, `perCell` times each. Their sizes are fixed, so
 * only centres matter.
 */
function gridAnchors(grids: readonly { cells: number; perCell: number }[]): [number, number][] {
  return grids.flatMap(({ cells, perCell }) =>
    Array.from({ length: cells * cells * perCell }, (_, i): [number, number] => {
      const cell = Math.floor(i / perCell);
      return [((cell % cells) + 0.5) / cells, (Math.floor(cell / cells) + 0.5) / cells];
    }),
  );
}

/** For faces that fill a good part of the picture. */
export const SHORT_RANGE: BlazeFace = {
  network: 'detectShortRange',
  side: 128,
  boxes: 'regressors',
  scores: 'classificators',
  anchors: gridAnchors([
    { cells: 16, perCell: 2 },
    { cells: 8, perCell: 6 },
  ]),
};

/** For smaller faces. */
export const FULL_RANGE: BlazeFace = {
  network: 'detectFullRange',
  side: 192,
  boxes: 'reshaped_regressor_face_4',
  scores: 'reshaped_classifier_face_4',
  anchors: gridAnchors([{ cells: 48, perCell: 1 }]),
};

/** Of MediaPipe's face detection graphs. */
const MIN_SCORE = 0.5;
const MIN_LOGIT = Math.log(MIN_SCORE / (1 - MIN_SCORE));
/** Intersection over union from which two boxes show the same face. */
export const MIN_OVERLAP = 0.3;
const KEYPOINTS = 6;
const VALUES_PER_ANCHOR = 4 + 2 * KEYPOINTS;

/** A square of the photo, which may reach outside it: its top left corner before it is turned about its middle. */
export interface Square {
  x: number;
  y: number;
  size: number;
  /** Clockwise in the image, radians; default 0. */
  angle?: number;
}

/** Faces in a square of the photo, best first. */
export async function detectInSquare(
  networks: FaceNetworks,
  photo: Photo,
  detector: BlazeFace,
  { x: left, y: top, size, angle = 0 }: Square,
  signal?: AbortSignal,
): Promise<Candidate[]> {
  const { side, network } = detector;
  const scale = size / side;
  const matrix = regionToPhoto({ x: left + size / 2, y: top + size / 2, size, angle }, side);
  const crop = { matrix, width: side, height: side, low: -1, high: 1, border: 'zero' } as const;
  const outputs = await networks.look(network, photo, crop, signal);
  const boxes = outputs[detector.boxes]!;
  const scores = outputs[detector.scores]!;

  const candidates: Candidate[] = [];
  for (let i = 0; i < scores.length; i++) {
    if (scores[i]! < MIN_LOGIT) continue;
    const score = sigmoid(scores[i]!);
    const [anchorX, anchorY] = detector.anchors[i]!;
    const values = boxes.subarray(i * VALUES_PER_ANCHOR, (i + 1) * VALUES_PER_ANCHOR);
    const point = (at: number) => transform(matrix, values[at]! + anchorX * side, values[at + 1]! + anchorY * side);
    const [x, y] = point(0);
    const keypoints = Array.from({ length: KEYPOINTS }, (_, k) => point(4 + 2 * k));
    candidates.push({ score, x, y, width: values[2]! * scale, height: values[3]! * scale, keypoints });
  }
  return mergeOverlapping(candidates);
}

/**
 * Non-maximum suppression that averages: each group of overlapping candidates becomes one, weighted by score, which
 * is steadier than its best member.
 */
export function mergeOverlapping(candidates: readonly Candidate[]): Candidate[] {
  let rest = [...candidates].sort((a, b) => b.score - a.score);
  const merged: Candidate[] = [];
  while (rest.length > 0) {
    const best = rest[0]!;
    const group = rest.filter((other) => other === best || overlap(best, other) > MIN_OVERLAP);
    rest = rest.filter((other) => !group.includes(other));
    const total = group.reduce((sum, member) => sum + member.score, 0);
    const mean = (value: (member: Candidate) => number) =>
      group.reduce((sum, member) => sum + member.score * value(member), 0) / total;
    merged.push({
      score: best.score,
      x: mean((member) => member.x),
      y: mean((member) => member.y),
      width: mean((member) => member.width),
      height: mean((member) => member.height),
      keypoints: best.keypoints.map((_, k) => [
        mean((member) => member.keypoints[k]![0]),
        mean((member) => member.keypoints[k]![1]),
      ]),
    });
  }
  return merged;
}

/** Intersection over union of two boxes. */
export function overlap(a: Candidate, b: Candidate): number {
  const shared = (centreA: number, sizeA: number, centreB: number, sizeB: number) =>
    Math.max(
      0,
      Math.min(centreA + sizeA / 2, centreB + sizeB / 2) - Math.max(centreA - sizeA / 2, centreB - sizeB / 2),
    );
  const intersection = shared(a.x, a.width, b.x, b.width) * shared(a.y, a.height, b.y, b.height);
  return intersection / (a.width * a.height + b.width * b.height - intersection);
}

export function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

import type { HeadModel } from '../head-model.js';
import type { NativeContext } from '../native/binding.js';
import type { CoveredPart, DetailFit } from '../native/detail.js';
import { type JobOptions, runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { FacePixels } from './face-pixels.js';
import { faceView } from './face-view.js';
import type { DenseLandmarks } from './landmarks.js';
import {
  INNER_LIPS,
  LEFT_BROW_RING,
  LEFT_LIDS,
  MESH_POINTS,
  OUTER_LIPS,
  RIGHT_BROW_RING,
  RIGHT_LIDS,
} from './mesh-points.js';
import type { Photo } from './photo.js';
import type { RefinedHead } from './refine.js';

/** Side of the square around the face, in units of the landmarks' bounding square. */
const SQUARE_SCALE = 1.1;
const SKIN_SIZE = 768;

/**
 * Parts of the face whose colours are no skin's; mm outside their rings. Hair of brows stands out over the points that
 * the network puts on them; lids cast lashes' shadows; lips shine and are coloured, and keep a little.
 */
const COVERED: readonly { points: readonly number[]; marginMm: number; trust: number }[] = [
  { points: RIGHT_BROW_RING, marginMm: 2.2, trust: 0 },
  { points: LEFT_BROW_RING, marginMm: 2.2, trust: 0 },
  { points: RIGHT_LIDS, marginMm: 1.6, trust: 0 },
  { points: LEFT_LIDS, marginMm: 1.6, trust: 0 },
  { points: OUTER_LIPS, marginMm: 0.8, trust: 0.25 },
  { points: INNER_LIPS, marginMm: 1.2, trust: 0 },
];

/** The displacement map and the detailed mesh; `refined` is left as it is. */
export async function fitDetail(
  context: NativeContext,
  head: HeadModel,
  photo: Photo,
  { positions, camera, albedo }: RefinedHead,
  landmarks: DenseLandmarks,
  { person, dense }: FacePixels,
  { size, triangles }: { size: number; triangles: number },
  { signal, onProgress }: JobOptions,
): Promise<DetailFit> {
  const pxPerMm = camera.focalPx / camera.translation[2]!;
  const covered: CoveredPart[] = COVERED.map(({ points, marginMm, trust }) => ({
    ring: Float32Array.from(points.flatMap((p) => [landmarks.pixels[2 * p]!, landmarks.pixels[2 * p + 1]!])),
    marginPx: marginMm * pxPerMm,
    trust,
  }));
  const problem = {
    positions,
    camera,
    albedo,
    square: faceSquare(landmarks),
    size,
    triangles,
    face: faceView(person, landmarks),
    dense,
    covered,
    skinSize: SKIN_SIZE,
  };
  return runJob((report) => native().detailFit(context, head.native, photo.pixels, problem, report), {
    signal,
    onProgress,
  });
}

function faceSquare({ pixels }: DenseLandmarks): { x0: number; y0: number; side: number } {
  const [low, high] = [
    [Infinity, Infinity],
    [-Infinity, -Infinity],
  ] as [number[], number[]];
  for (let i = 0; i < 2 * MESH_POINTS; i++) {
    low[i % 2] = Math.min(low[i % 2]!, pixels[i]!);
    high[i % 2] = Math.max(high[i % 2]!, pixels[i]!);
  }
  const side = SQUARE_SCALE * Math.max(high[0]! - low[0]!, high[1]! - low[1]!);
  return { x0: (low[0]! + high[0]! - side) / 2, y0: (low[1]! + high[1]! - side) / 2, side };
}

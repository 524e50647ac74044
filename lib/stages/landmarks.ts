import { HrnError } from '../errors.js';
import type { Affine } from '../native/face-view.js';
import { sigmoid } from './blaze-face.js';
import { type EyeStates, seeEyes } from './eye-state.js';
import {
  ALL_POINTS,
  IMAGE_LEFT_EYE,
  IMAGE_LEFT_IRIS,
  IMAGE_RIGHT_EYE,
  IMAGE_RIGHT_IRIS,
  LEFT_EYE_OUTER,
  LID_POINTS,
  LIPS,
  MESH_POINTS,
  MIRROR,
  RIGHT_EYE_OUTER,
  SYMMETRIC_PAIRS,
} from './mesh-points.js';
import type { FaceNetworks } from './networks.js';
import { mirrored, type Photo, type Region, regionToPhoto } from './photo.js';

/** MediaPipe's 478 points of one face. */
export interface DenseLandmarks {
  /** `[478][2]`, pixels of the photo: (0,0) is its top-left corner, pixel centres lie at +0.5. May lie outside it. */
  pixels: Float32Array;
  /** `[478]`, pixels; roughly metric, 0 near the middle of the head, smaller is nearer. */
  depth: Float32Array;
  /** How sure the network is that it sees a face that it can follow, 0..1. */
  presence: number;
  /** Mean distance between what it says of the face and of its mirror image, in shares of the face's size. */
  disagreement: number;
  /** The square that the network saw. */
  region: Region;
  eyes: EyeStates;
}

/** Input of the network, pixels. */
const SIDE = 192;
/** Crop around the mesh's bounding square, as in the network's training. */
const REGION_SCALE = 1.5;
/**
 * Least log-odds of presence: a face turned further away needs more. On photos, also with sunglasses, half covered or
 * blurred, they are above 14. On rendered heads they fall with the turn, and so does the agreement of the points with
 * it, which follow to about 60 degrees and then lag behind: at 60 degrees 13 to 21 (and 44 to 60 degrees by the
 * points), at 80 degrees -2 to 14 (and up to 63 by the points), where the mesh is no longer on the face.
 */
export const MIN_PRESENCE_LOGIT = 10;
const TURNED_DEGREES = 52;
const LOGIT_PER_DEGREE = 0.5;
/** Between a run and the run on the mirror image, share of the face's size; 3 % is usual on difficult photos. */
const MAX_DISAGREEMENT = 0.05;

/**
 * The landmarks of the face in its own square (see framing.ts): the mean of a run there and one on its mirror image,
 * which halves the noise (from 0.56 to 0.32 pixels of the network's input, against the mean of 24 jittered runs on
 * photos) and treats left and right alike.
 *
 * @throws HrnError FACE_NOT_VISIBLE where the network cannot follow the face: profile, covered, out of the picture
 */
export async function landmarksInFrame(
  networks: FaceNetworks,
  photo: Photo,
  region: Region,
  signal?: AbortSignal,
): Promise<DenseLandmarks> {
  const crop = cropOf(region);
  const looks = await networks.lookBothWays('landmarks', photo, crop, signal);
  const seen = inPhoto(looks.seen, region, crop.matrix);
  const inMirror = mirroredBack(inPhoto(looks.inMirror, region, mirrored(crop.matrix, SIDE)));
  const presenceLogit = Math.min(seen.presenceLogit, inMirror.presenceLogit);
  const points = {
    pixels: seen.pixels.map((value, i) => (value + inMirror.pixels[i]!) / 2),
    depth: seen.depth.map((value, i) => (value + inMirror.depth[i]!) / 2),
    presence: sigmoid(presenceLogit),
    disagreement: meanDistance(seen.pixels, inMirror.pixels) / (region.size / REGION_SCALE),
    region,
  };
  requireVisible(points, presenceLogit);
  return { ...points, eyes: await seeEyes(networks, photo, points, signal) };
}

function requireVisible(
  landmarks: Pick<DenseLandmarks, 'pixels' | 'depth' | 'disagreement'>,
  presenceLogit: number,
): void {
  const { disagreement } = landmarks;
  const yaw = yawOf(landmarks);
  const turned = Math.max(0, Math.abs(yaw) - TURNED_DEGREES);
  const needed = MIN_PRESENCE_LOGIT + LOGIT_PER_DEGREE * turned;
  if (presenceLogit >= needed && disagreement <= MAX_DISAGREEMENT) return;
  const reason =
    turned > 0
      ? 'the face is turned away too far to find its features'
      : 'the face is not seen well enough to find its features';
  const advice = 'use a photo in which it looks towards the camera and nothing covers it';
  throw new HrnError('FACE_NOT_VISIBLE', `${reason}; ${advice}`, {
    details: { presenceLogOdds: presenceLogit, neededLogOdds: needed, yawDegrees: yaw, disagreement },
  });
}

/** How far the head is turned to its left, degrees, from the depth of symmetric points; saturates beyond 60. */
export function yawOf({ pixels, depth }: Pick<DenseLandmarks, 'pixels' | 'depth'>): number {
  let [x, y, z] = [0, 0, 0];
  for (const [right, left] of SYMMETRIC_PAIRS) {
    x += pixels[2 * left]! - pixels[2 * right]!;
    y += pixels[2 * left + 1]! - pixels[2 * right + 1]!;
    z += depth[left]! - depth[right]!;
  }
  return (Math.atan2(z, Math.hypot(x, y)) * 180) / Math.PI;
}

function meanDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 2) sum += Math.hypot(a[i]! - b[i]!, a[i + 1]! - b[i + 1]!);
  return (2 * sum) / a.length;
}

/** What one run of the network says. */
interface SeenPoints {
  /** `[478][2]`, pixels of the photo. */
  pixels: Float32Array;
  /** `[478]`, pixels. */
  depth: Float32Array;
  presenceLogit: number;
}

/** One run of the network on a region. */
export async function landmarksIn(
  networks: FaceNetworks,
  photo: Photo,
  region: Region,
  signal?: AbortSignal,
): Promise<SeenPoints> {
  const crop = cropOf(region);
  return inPhoto(await networks.look('landmarks', photo, crop, signal), region, crop.matrix);
}

function cropOf(region: Region) {
  const matrix = regionToPhoto(region, SIDE);
  return { matrix, width: SIDE, height: SIDE, low: 0, high: 1, border: 'replicate' } as const;
}

/** @param matrix pixels of the crop to pixels of the photo */
function inPhoto(outputs: Record<string, Float32Array>, region: Region, matrix: Affine): SeenPoints {
  const { inCrop, depth, presenceLogit } = readOutputs(outputs);
  const pixels = new Float32Array(ALL_POINTS * 2);
  const [a, b, c, d, e, f] = matrix;
  for (let i = 0; i < pixels.length; i += 2) {
    const [x, y] = [inCrop[i]!, inCrop[i + 1]!];
    pixels[i] = a * x + b * y + c;
    pixels[i + 1] = d * x + e * y + f;
  }
  return { pixels, depth: depth.map((value) => (value * region.size) / SIDE), presenceLogit };
}

/** Each point's place from that of its mirror image. */
function mirroredBack({ pixels, depth, presenceLogit }: SeenPoints): SeenPoints {
  const at = (i: number) => MIRROR[i]!;
  return {
    pixels: pixels.map((_, i) => pixels[2 * at(i >> 1) + (i & 1)]!),
    depth: depth.map((_, i) => depth[at(i)]!),
    presenceLogit,
  };
}

/** The network's outputs as one list of points, in pixels of the crop: the mesh, its refined parts put in place. */
function readOutputs(outputs: Record<string, Float32Array>) {
  const mesh = outputs.output_mesh_identity!;
  const inCrop = new Float32Array(ALL_POINTS * 2);
  const depth = new Float32Array(ALL_POINTS);
  for (let i = 0; i < MESH_POINTS; i++) {
    inCrop[2 * i] = mesh[3 * i]!;
    inCrop[2 * i + 1] = mesh[3 * i + 1]!;
    depth[i] = mesh[3 * i + 2]!;
  }
  const refine = (points: readonly number[], values: Float32Array) => {
    for (let row = 0; row < points.length; row++) {
      inCrop[2 * points[row]!] = values[2 * row]!;
      inCrop[2 * points[row]! + 1] = values[2 * row + 1]!;
    }
  };
  refine(LIPS, outputs.output_lips!);
  refine(IMAGE_LEFT_EYE, outputs.output_left_eye!);
  refine(IMAGE_RIGHT_EYE, outputs.output_right_eye!);
  refine(IMAGE_LEFT_IRIS, outputs.output_left_iris!);
  refine(IMAGE_RIGHT_IRIS, outputs.output_right_iris!);
  // The refinements have no depth: lips and lids keep the mesh's, an iris takes the mean of its lids, as in MediaPipe.
  for (const [iris, eye] of [
    [IMAGE_LEFT_IRIS, IMAGE_LEFT_EYE],
    [IMAGE_RIGHT_IRIS, IMAGE_RIGHT_EYE],
  ] as const) {
    const mean = eye.slice(0, LID_POINTS).reduce((sum, point) => sum + depth[point]!, 0) / LID_POINTS;
    for (const point of iris) depth[point] = mean;
  }
  return { inCrop, depth, presenceLogit: outputs.conv_faceflag![0]! };
}

/** The bounding square of the mesh, level with the line through the eyes, enlarged. */
export function regionAround(pixels: Float32Array): Region {
  const dx = pixels[2 * LEFT_EYE_OUTER]! - pixels[2 * RIGHT_EYE_OUTER]!;
  const dy = pixels[2 * LEFT_EYE_OUTER + 1]! - pixels[2 * RIGHT_EYE_OUTER + 1]!;
  const angle = Math.atan2(dy, dx);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < MESH_POINTS; i++) {
    const x = pixels[2 * i]! * cos + pixels[2 * i + 1]! * sin;
    const y = pixels[2 * i + 1]! * cos - pixels[2 * i]! * sin;
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return {
    x: x * cos - y * sin,
    y: x * sin + y * cos,
    size: REGION_SCALE * Math.max(right - left, bottom - top),
    angle,
  };
}

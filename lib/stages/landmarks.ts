import { HrnError } from '../errors.js';
import { sigmoid } from './blaze-face.js';
import type { DetectedFace } from './detect.js';
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
  RIGHT_EYE_OUTER,
} from './mesh-points.js';
import type { FaceNetworks } from './networks.js';
import { type Photo, type Region, regionToPhoto, transform } from './photo.js';

/** MediaPipe's 478 points of one face. */
export interface DenseLandmarks {
  /** `[478][2]`, pixels of the photo: (0,0) is its top-left corner, pixel centres lie at +0.5. May lie outside it. */
  pixels: Float32Array;
  /** `[478]`, pixels; roughly metric, 0 near the middle of the head, smaller is nearer. */
  depth: Float32Array;
  /** How sure the network is that it sees a face that it can follow, 0..1. */
  presence: number;
  /** The square that the network saw. */
  region: Region;
}

/** Input of the network, pixels. */
const SIDE = 192;
/** Crop around the mesh's bounding square, as in the network's training. */
const REGION_SCALE = 1.5;
const MIN_PRESENCE = 0.5;

/**
 * Finds the landmarks of a detected face. The network runs twice: the second region comes from the first landmarks
 * and frames the face as in training.
 *
 * @throws HrnError FACE_NOT_VISIBLE where the network does not recognise a face: profile, covered, out of the picture
 */
export async function findLandmarks(
  networks: FaceNetworks,
  photo: Photo,
  face: Pick<DetectedFace, 'region'>,
  signal?: AbortSignal,
): Promise<DenseLandmarks> {
  const first = await landmarksIn(networks, photo, face.region, signal);
  requirePresence(first);
  const second = await landmarksIn(networks, photo, regionAround(first.pixels), signal);
  requirePresence(second);
  return second;
}

function requirePresence({ presence }: DenseLandmarks): void {
  if (presence >= MIN_PRESENCE) return;
  const message =
    `the face is not seen well enough (presence ${presence.toFixed(2)}, needed ${MIN_PRESENCE}); ` +
    'use a photo in which it looks towards the camera and nothing covers it';
  throw new HrnError('FACE_NOT_VISIBLE', message, { details: { presence } });
}

/** One run of the network on a region. */
async function landmarksIn(
  networks: FaceNetworks,
  photo: Photo,
  region: Region,
  signal?: AbortSignal,
): Promise<DenseLandmarks> {
  const matrix = regionToPhoto(region, SIDE);
  const crop = await photo.crop({ matrix, width: SIDE, height: SIDE, low: 0, high: 1, border: 'replicate' }, signal);
  const outputs = await networks.run('landmarks', crop, signal);

  const mesh = outputs.output_mesh_identity!;
  const inCrop = new Float32Array(ALL_POINTS * 2);
  const depth = new Float32Array(ALL_POINTS);
  for (let i = 0; i < MESH_POINTS; i++) {
    inCrop[2 * i] = mesh[3 * i]!;
    inCrop[2 * i + 1] = mesh[3 * i + 1]!;
    depth[i] = (mesh[3 * i + 2]! * region.size) / SIDE;
  }
  const refine = (points: readonly number[], output: string) => {
    const values = outputs[output]!;
    for (const [row, point] of points.entries()) inCrop.set(values.subarray(2 * row, 2 * row + 2), 2 * point);
  };
  refine(LIPS, 'output_lips');
  refine(IMAGE_LEFT_EYE, 'output_left_eye');
  refine(IMAGE_RIGHT_EYE, 'output_right_eye');
  refine(IMAGE_LEFT_IRIS, 'output_left_iris');
  refine(IMAGE_RIGHT_IRIS, 'output_right_iris');
  // The refinements have no depth: lips and lids keep the mesh's, an iris takes the mean of its lids, as in MediaPipe.
  for (const [iris, eye] of [
    [IMAGE_LEFT_IRIS, IMAGE_LEFT_EYE],
    [IMAGE_RIGHT_IRIS, IMAGE_RIGHT_EYE],
  ] as const) {
    const lids = eye.slice(0, LID_POINTS);
    const mean = lids.reduce((sum, point) => sum + depth[point]!, 0) / LID_POINTS;
    for (const point of iris) depth[point] = mean;
  }

  const pixels = new Float32Array(ALL_POINTS * 2);
  for (let i = 0; i < ALL_POINTS; i++) {
    pixels.set(transform(matrix, inCrop[2 * i]!, inCrop[2 * i + 1]!), 2 * i);
  }
  return { pixels, depth, presence: sigmoid(outputs.conv_faceflag![0]!), region };
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

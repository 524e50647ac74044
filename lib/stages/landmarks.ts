import { HrnError } from '../errors.js';
import { sigmoid } from './blaze-face.js';
import type { DetectedFace } from './detected-face.js';
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
import { mirrored, type Photo, type Region, regionToPhoto, transform } from './photo.js';

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
  eyes: EyeStates;
}

/** Input of the network, pixels. */
const SIDE = 192;
/** Crop around the mesh's bounding square, as in the network's training. */
const REGION_SCALE = 1.5;
/** Runs that only frame the face: one suffices unless the detector's region was far off (a face turned in the plane). */
const MAX_FRAMING_RUNS = 3;
/** Tried where no face is surely seen at the angle that the detector says, radians. */
const OTHER_ANGLES = [-Math.PI / 4, Math.PI / 4, -Math.PI / 2, Math.PI / 2];
/** Tried after those, from where the face then seems to be, */
const UPSIDE_DOWN = [Math.PI, -0.75 * Math.PI, 0.75 * Math.PI];
/** and believed from this gain in log-odds on: of 60 upright faces with things painted over them the most was 4, upside-down ones had 14 and 22. */
const UPSIDE_DOWN_GAIN = 8;
/**
 * Least log-odds of presence: a face turned further away needs more. On photos, also with sunglasses, half covered or
 * blurred, they are above 14. On rendered heads they fall with the turn, and so does the agreement of the points with
 * it, which follow to about 60 degrees and then lag behind: at 60 degrees 13 to 21 (and 44 to 60 degrees by the
 * points), at 80 degrees -2 to 14 (and up to 63 by the points), where the mesh is no longer on the face.
 */
export const MIN_PRESENCE_LOGIT = 10;
const TURNED_DEGREES = 52;
const LOGIT_PER_DEGREE = 0.5;
/** Below, the face is looked at from other sides too: a head on its side can be taken for an upright one with 17. */
const SURE_LOGIT = 20;
/** Between a run and the run on the mirror image, share of the face's size; 3 % is usual on difficult photos. */
const MAX_DISAGREEMENT = 0.05;

/**
 * Finds the landmarks of a detected face. First runs of the network frame the face as in its training; the result is
 * the mean of a run on that region and one on its mirror image, which halves the noise (from 0.56 to 0.32 pixels of
 * the network's input, against the mean of 24 jittered runs on photos) and treats left and right alike.
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

/** The second half of findLandmarks(): the landmarks of the face in its own square. */
export async function landmarksInFrame(
  networks: FaceNetworks,
  photo: Photo,
  region: Region,
  signal?: AbortSignal,
): Promise<DenseLandmarks> {
  const [seen, inMirror] = await Promise.all([
    landmarksIn(networks, photo, region, false, signal),
    landmarksIn(networks, photo, region, true, signal),
  ]);
  const presenceLogit = Math.min(seen.presenceLogit, inMirror.presenceLogit);
  const points = {
    pixels: seen.pixels.map((value, i) => (value + inMirror.pixels[i]!) / 2),
    depth: seen.depth.map((value, i) => (value + inMirror.depth[i]!) / 2),
    presence: sigmoid(presenceLogit),
    region,
  };
  const disagreement = meanDistance(seen.pixels, inMirror.pixels) / (region.size / REGION_SCALE);
  requireVisible(points, presenceLogit, disagreement);
  return { ...points, eyes: await seeEyes(networks, photo, points, signal) };
}

/**
 * The square in which the network was trained to see the face that it sees in a first one, and how sure it is that there
 * is a face that it can follow, log-odds.
 */
export async function frame(
  networks: FaceNetworks,
  photo: Photo,
  first: Region,
  signal?: AbortSignal,
): Promise<{ region: Region; presenceLogit: number }> {
  let [square, seen] = [first, await landmarksIn(networks, photo, first, false, signal)];
  if (seen.presenceLogit < SURE_LOGIT) {
    // The detector's eyes are no guide for a head that lies on its side.
    for (const turn of OTHER_ANGLES) {
      const turned = { ...first, angle: first.angle + turn };
      const other = await landmarksIn(networks, photo, turned, false, signal);
      if (other.presenceLogit > seen.presenceLogit) [square, seen] = [turned, other];
    }
  }
  const upright = await settle(networks, photo, square, seen, signal);
  if (upright.presenceLogit >= SURE_LOGIT) return upright;
  let best = { ...upright, presenceLogit: upright.presenceLogit + UPSIDE_DOWN_GAIN };
  for (const turn of UPSIDE_DOWN) {
    const turned = { ...upright.region, angle: upright.region.angle + turn };
    const other = await landmarksIn(networks, photo, turned, false, signal);
    const settled = await settle(networks, photo, turned, other, signal);
    if (settled.presenceLogit > best.presenceLogit) best = settled;
  }
  return best.region === upright.region ? upright : best;
}

/** Moves the square onto what was seen in it, until it stays. */
async function settle(
  networks: FaceNetworks,
  photo: Photo,
  first: Region,
  firstSeen: { pixels: Float32Array; presenceLogit: number },
  signal: AbortSignal | undefined,
): Promise<{ region: Region; presenceLogit: number }> {
  let [before, seen] = [first, firstSeen];
  let region = regionAround(seen.pixels);
  for (let run = 1; run < MAX_FRAMING_RUNS && !isClose(before, region); run++) {
    before = region;
    seen = await landmarksIn(networks, photo, before, false, signal);
    region = regionAround(seen.pixels);
  }
  return { region, presenceLogit: seen.presenceLogit };
}

function requireVisible(
  landmarks: Pick<DenseLandmarks, 'pixels' | 'depth'>,
  presenceLogit: number,
  disagreement: number,
): void {
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

/** Whether the second region frames nearly the same. */
function isClose(a: Region, b: Region): boolean {
  const moved = Math.hypot(a.x - b.x, a.y - b.y) / b.size;
  const turned = Math.abs(Math.atan2(Math.sin(a.angle - b.angle), Math.cos(a.angle - b.angle)));
  return moved < 0.1 && Math.abs(a.size / b.size - 1) < 0.25 && turned < 0.2;
}

function meanDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 2) sum += Math.hypot(a[i]! - b[i]!, a[i + 1]! - b[i + 1]!);
  return (2 * sum) / a.length;
}

/** One run of the network on a region, or on its mirror image. */
export async function landmarksIn(
  networks: FaceNetworks,
  photo: Photo,
  region: Region,
  mirror: boolean,
  signal?: AbortSignal,
): Promise<{ pixels: Float32Array; depth: Float32Array; presenceLogit: number }> {
  const upright = regionToPhoto(region, SIDE);
  const matrix = mirror ? mirrored(upright, SIDE) : upright;
  const crop = await photo.crop({ matrix, width: SIDE, height: SIDE, low: 0, high: 1, border: 'replicate' }, signal);
  const { inCrop, depth, presenceLogit } = readOutputs(await networks.run('landmarks', crop, signal));

  const pixels = new Float32Array(ALL_POINTS * 2);
  const depthPx = new Float32Array(ALL_POINTS);
  for (let i = 0; i < ALL_POINTS; i++) {
    const point = mirror ? MIRROR[i]! : i;
    pixels.set(transform(matrix, inCrop[2 * point]!, inCrop[2 * point + 1]!), 2 * i);
    depthPx[i] = (depth[point]! * region.size) / SIDE;
  }
  return { pixels, depth: depthPx, presenceLogit };
}

/** The network's outputs as one list of points, in pixels of the crop: the mesh, its refined parts put in place. */
function readOutputs(outputs: Record<string, Float32Array>) {
  const mesh = outputs.output_mesh_identity!;
  const inCrop = new Float32Array(ALL_POINTS * 2);
  const depth = new Float32Array(ALL_POINTS);
  for (let i = 0; i < MESH_POINTS; i++) {
    inCrop.set(mesh.subarray(3 * i, 3 * i + 2), 2 * i);
    depth[i] = mesh[3 * i + 2]!;
  }
  const refine = (points: readonly number[], values: Float32Array) => {
    for (const [row, point] of points.entries()) inCrop.set(values.subarray(2 * row, 2 * row + 2), 2 * point);
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

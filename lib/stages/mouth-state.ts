/** What mouth and jaw do, from a small picture of them and their landmarks. */
import type { Affine } from '../native/face-view.js';
import { type At, between, type CloseUp, closeUp, framed, type Points, pointsOf } from './close-up.js';
import { INNER_LIPS, LEFT_EYE_OUTER, RIGHT_EYE_OUTER } from './mesh-points.js';
import type { FaceNetworks } from './networks.js';
import { mirrored, type Photo } from './photo.js';

/** What the network tells of, in the order of its outputs; those of one side follow its mirror's. */
export const MOUTH_SHAPES = [
  'jawOpen',
  'mouthClose',
  'mouthFunnel',
  'mouthLeft',
  'mouthRight',
  'mouthSmileLeft',
  'mouthSmileRight',
] as const;
type MouthShape = (typeof MOUTH_SHAPES)[number];
/** By how much each is seen, 0 to 1. */
export type MouthState = ReadonlyMap<string, number>;

/** The picture: nose to chin, its width in distances between the outer corners of the eyes; how far below the mouth its middle is. */
const [WIDTH, HEIGHT, SPAN, BELOW] = [40, 32, 1, 0.12];
const PICTURE = 3 * WIDTH * HEIGHT;
const CORNERS = [61, 291] as const;
/** Both lips, nose, lids' corners, cheeks and jaw. */
const POINTS = [
  ...[61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409],
  ...INNER_LIPS,
  ...[1, 2, 4, 6, 33, 133, 362, 263, 50, 280, 205, 425, 83, 313, 106, 335, 98, 327, 168],
  ...[18, 200, 199, 175, 152, 132, 361, 172, 397],
];
/** What the network takes of one look. */
const VALUES = PICTURE + 3 * POINTS.length;

/**
 * The mean of what is seen upright and in a mirror.
 *
 * @throws HrnError MODEL_MISSING, MODEL_CORRUPT
 */
export async function seeMouth(
  networks: FaceNetworks,
  photo: Photo,
  points: Points,
  signal?: AbortSignal,
): Promise<MouthState> {
  const { state } = await networks.run('mouth', await mouthInput(photo, points, signal), signal);
  const count = MOUTH_SHAPES.length;
  return new Map(
    MOUTH_SHAPES.map((shape, k) => {
      const twin = count + MOUTH_SHAPES.indexOf(inMirror(shape));
      return [shape, Math.min(1, Math.max(0, (state![k]! + state![twin]!) / 2))];
    }),
  );
}

function inMirror(shape: MouthShape): MouthShape {
  return shape.replace(/Left|Right/, (side) => (side === 'Left' ? 'Right' : 'Left')) as MouthShape;
}

/** What the network takes: the mouth, then the mouth in a mirror; of each its picture, then its points. */
export async function mouthInput(photo: Photo, points: Points, signal?: AbortSignal): Promise<Float32Array> {
  const values = new Float32Array(2 * VALUES);
  const look = async (row: number, isMirrored: boolean) => {
    const at = pointsOf(points, isMirrored);
    const upright = mouthToPhoto(pointsOf(points, false));
    const matrix = isMirrored ? mirrored(upright, WIDTH) : upright;
    const crop = { matrix, width: WIDTH, height: HEIGHT, low: 0, high: 1, border: 'replicate' } as const;
    values.set(await photo.crop(crop, signal), row * VALUES);
    values.set(framed(at, POINTS, frameOf(at)), row * VALUES + PICTURE);
  };
  await Promise.all([look(0, false), look(1, true)]);
  return values;
}

/** Level with the eyes, in distances between them, from the middle of the mouth's corners. */
function frameOf(at: At): CloseUp {
  return closeUp(at, RIGHT_EYE_OUTER, LEFT_EYE_OUTER, between(at, ...CORNERS));
}

/** Pixels of the upright picture to pixels of the photo. */
function mouthToPhoto(at: At): Affine {
  const { middle, cos, sin, unit } = frameOf(at);
  const [c, s] = [(SPAN * unit * cos) / WIDTH, (SPAN * unit * sin) / WIDTH];
  const [x, y] = [middle[0] - sin * BELOW * unit, middle[1] + cos * BELOW * unit];
  return [c, -s, x - (c * WIDTH - s * HEIGHT) / 2, s, c, y - (s * WIDTH + c * HEIGHT) / 2];
}

/** What mouth and jaw do, from a small picture of them and their landmarks. */
import { type CloseUp, lookBothWays, type Points } from './close-up.js';
import { INNER_LIPS, LEFT_EYE_OUTER, RIGHT_EYE_OUTER } from './mesh-points.js';
import type { FaceNetworks } from './networks.js';
import type { Photo } from './photo.js';

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

/** From nose to chin, in distances between the outer corners of the eyes, level with them, from the middle of the mouth's corners. */
const MOUTH: CloseUp = {
  width: 40,
  height: 32,
  level: [RIGHT_EYE_OUTER, LEFT_EYE_OUTER],
  around: [61, 291],
  span: 1,
  below: 0.12,
  /** Both lips, nose, lids' corners, cheeks and jaw. */
  points: [
    ...[61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409],
    ...INNER_LIPS,
    ...[1, 2, 4, 6, 33, 133, 362, 263, 50, 280, 205, 425, 83, 313, 106, 335, 98, 327, 168],
    ...[18, 200, 199, 175, 152, 132, 361, 172, 397],
  ],
};

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

/** What the network takes: the mouth, then the mouth in a mirror. */
export function mouthInput(photo: Photo, points: Points, signal?: AbortSignal): Promise<Float32Array> {
  return lookBothWays(photo, points, MOUTH, signal);
}

/** What the photo shows at the landmarks: colours by parts of the face. */
import type { MorphableModel } from '../morphable-model.js';
import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import {
  INNER_LIPS,
  LEFT_LIDS,
  LIPS,
  MESH_POINTS,
  MOUTH_MIDDLE,
  NOSE_TIP,
  RIGHT_BROW,
  RIGHT_EYE_OUTER,
  RIGHT_LIDS,
} from './mesh-points.js';
import { surfacePoints } from './surface-points.js';

/** Parts of a face that show bare skin in most photos. */
export const SKIN_PARTS = ['forehead', 'eyes', 'nose', 'rightCheek', 'leftCheek', 'mouth', 'chin'] as const;
export type SkinPart = (typeof SKIN_PARTS)[number];

/** Shares of red and green in a colour, and the mean of its channels, sRGB-encoded 0..1. */
export interface Chroma {
  red: number;
  green: number;
  brightness: number;
}

export interface FaceColours {
  parts: Readonly<Record<SkinPart, Chroma>>;
  /** At every skin point that is in the photo and faces the camera, by its landmark. */
  points: ReadonlyMap<number, Chroma>;
  median: Chroma;
  /**
   * Brightness of the darkest of the points where eyes have irises and lashes, and lips their line, over that of the skin
   * around: on ten photos at most 0.65; where something smooth lies over them, 0.88 and more.
   */
  darkest: Readonly<Record<'rightEye' | 'leftEye' | 'mouth', number>>;
  /** And of the brightest, as the whites of eyes are in a dark face. */
  brightest: Readonly<Record<'rightEye' | 'leftEye', number>>;
}

/** Half a side of the patch around a landmark, pixels of the mask's crop. */
const PATCH = 2;
/** Within these of the middle line, mm, a point is on nose or mouth; beyond them on a cheek. */
const NOSE_MM = 15;
const MOUTH_MM = 30;
const CHEEK_MM = 22;
/** Skin under the eyes, and around the lips. */
const UNDER_MM = 22;

/** The landmarks of every part. */
export type SkinParts = Readonly<Record<SkinPart, readonly number[]>>;

const knownParts = new WeakMap<Pick<MorphableModel, 'dense' | 'mean'>, SkinParts>();

/** The landmarks of every part, by where the model has them. */
export function skinParts(model: Pick<MorphableModel, 'dense' | 'mean'>): SkinParts {
  const known = knownParts.get(model);
  if (known) return known;
  const parts = partsOf(model);
  knownParts.set(model, parts);
  return parts;
}

function partsOf({ dense, mean }: Pick<MorphableModel, 'dense' | 'mean'>): SkinParts {
  const at = surfacePoints(dense, mean);
  const x = (i: number) => at[3 * i]!;
  const y = (i: number) => at[3 * i + 1]!;
  const [brow, eye, nose, lip] = [y(RIGHT_BROW) - 2, y(RIGHT_EYE_OUTER), y(NOSE_TIP), y(MOUTH_MIDDLE)];
  const lips = new Set(LIPS);
  const isSkin = (i: number) => !lips.has(i) && !CORE_FEATURES.has(i);
  const where: Record<SkinPart, (i: number) => boolean> = {
    forehead: (i) => y(i) > brow,
    eyes: (i) => y(i) <= brow && y(i) > eye - UNDER_MM && Math.abs(x(i)) > NOSE_MM - 1,
    nose: (i) => Math.abs(x(i)) < NOSE_MM && y(i) < eye - 5 && y(i) > nose - 6,
    rightCheek: (i) => x(i) < -CHEEK_MM && y(i) <= eye - UNDER_MM && y(i) > lip - 8,
    leftCheek: (i) => x(i) > CHEEK_MM && y(i) <= eye - UNDER_MM && y(i) > lip - 8,
    mouth: (i) => Math.abs(x(i)) < MOUTH_MM && y(i) < nose - 8 && y(i) > lip - UNDER_MM,
    chin: (i) => y(i) <= lip - UNDER_MM,
  };
  const skin = Array.from({ length: MESH_POINTS }, (_, i) => i).filter(isSkin);
  return Object.fromEntries(SKIN_PARTS.map((part) => [part, skin.filter(where[part])])) as Record<SkinPart, number[]>;
}

/** Undefined where too little of the face is in the photo to judge it. */
export function faceColours(
  model: Pick<MorphableModel, 'dense' | 'mean'>,
  { pixels }: Pick<DenseLandmarks, 'pixels'>,
  person: PersonMask,
  facing: ReadonlySet<number>,
): FaceColours | undefined {
  const parts = skinParts(model);
  const at = (i: number) => chromaAt(person, pixels[2 * i]!, pixels[2 * i + 1]!);
  const seen = (points: readonly number[]) => points.map(at).filter((colour) => colour !== undefined);
  const against = (points: readonly number[], around: readonly Chroma[], extreme: (...values: number[]) => number) =>
    extreme(...seen(points).map(({ brightness }) => brightness)) / medianOf(around).brightness;
  const byPart = SKIN_PARTS.map((part) => seen(parts[part]));
  if (byPart.some((colours) => colours.length < 3)) return undefined;
  const [right, left] = [true, false].map((side) => seen(parts.eyes.filter((i) => isRight(model, i) === side))) as [
    Chroma[],
    Chroma[],
  ];
  const points = new Map<number, Chroma>();
  for (const i of SKIN_PARTS.flatMap((part) => parts[part])) {
    const colour = facing.has(i) ? at(i) : undefined;
    if (colour) points.set(i, colour);
  }
  return {
    parts: Object.fromEntries(SKIN_PARTS.map((part, k) => [part, medianOf(byPart[k]!)])) as Record<SkinPart, Chroma>,
    points,
    median: medianOf(byPart.flat()),
    darkest: {
      rightEye: against(RIGHT_LIDS, right, Math.min),
      leftEye: against(LEFT_LIDS, left, Math.min),
      mouth: against(INNER_LIPS, byPart[SKIN_PARTS.indexOf('mouth')]!, Math.min),
    },
    brightest: {
      rightEye: against(RIGHT_LIDS, right, Math.max),
      leftEye: against(LEFT_LIDS, left, Math.max),
    },
  };
}

/** On the subject's right. */
function isRight({ dense, mean }: Pick<MorphableModel, 'dense' | 'mean'>, point: number): boolean {
  return mean[3 * dense.vertices[3 * point]!]! < 0;
}

/** Lids and brows: mesh-points.ts lists them with the skin around the eyes. */
const CORE_FEATURES: ReadonlySet<number> = new Set(
  [
    [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173],
    [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398],
    [70, 63, 105, 66, 107, 55, 65, 52, 53, 46],
    [336, 296, 334, 293, 300, 276, 283, 282, 295, 285],
  ].flat(),
);

/** Mean of the patch around a pixel of the photo. */
function chromaAt({ rgb, size, toPhoto }: PersonMask, px: number, py: number): Chroma | undefined {
  const [a, b, c, d, e, f] = toPhoto;
  const determinant = a * e - b * d;
  const [x, y] = [px - c, py - f];
  const u = Math.floor((e * x - b * y) / determinant);
  const v = Math.floor((a * y - d * x) / determinant);
  if (u < PATCH || v < PATCH || u >= size - PATCH || v >= size - PATCH) return undefined;
  const sum = [0, 0, 0];
  for (let row = v - PATCH; row <= v + PATCH; row++) {
    for (let i = 3 * (row * size + u - PATCH); i < 3 * (row * size + u + PATCH + 1); i++) sum[i % 3]! += rgb[i]!;
  }
  const total = sum[0]! + sum[1]! + sum[2]!;
  if (total < 1e-3) return undefined;
  return { red: sum[0]! / total, green: sum[1]! / total, brightness: total / 3 / (2 * PATCH + 1) ** 2 };
}

function medianOf(colours: readonly Chroma[]): Chroma {
  const middle = (value: (colour: Chroma) => number) =>
    colours.map(value).sort((a, b) => a - b)[Math.floor(colours.length / 2)]!;
  return { red: middle((c) => c.red), green: middle((c) => c.green), brightness: middle((c) => c.brightness) };
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { HeadModel } from '../head-model.js';
import { type MorphableModel, REGION_NAMES, type RegionName } from '../morphable-model.js';
import type { Affine, NativeContext } from '../native/binding.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { NativeCamera, TextureBake } from '../native/refine.js';
import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import { INNER_LIPS } from './mesh-points.js';
import { type Photo, transform } from './photo.js';
import type { RefinedHead } from './refine.js';
import { type SkinColour, skinColour } from './skin-colour.js';
import { invert } from './skin-mask.js';

const EARS = REGION_NAMES.indexOf('ears');
const MOUTH = REGION_NAMES.indexOf('mouth');
/** The lining of the mouth bears the label of what is no face, but lies behind the lips: so far beside them, so deep. */
const LINING_MM = { radius: 45, depth: 100 };
/** So far behind the rim of the opening begins what the photo shows between the lips. */
const LIP_MM = 3;
/** How the photo shows a vertex: `TextureProblem.sights`. */
const [PLAIN, NARROW, COVERED, BARE, SCALP] = [0, 1, 2, 3, 4];
/** An ear of which the photo shows less skin than this share is hair's, and is left to the model's colours. */
const BARE_EAR = 0.5;
/** Rows of the skin map between which other work gets its turn. */
const ROWS_A_TURN = 64;

/** One texture over the UV layout, and the normals of the final mesh. */
export async function recoverTexture(
  context: NativeContext,
  head: HeadModel,
  photo: Photo,
  { positions, camera, albedo, lighting }: RefinedHead,
  landmarks: DenseLandmarks,
  person: PersonMask,
  size: number,
  signal: AbortSignal | undefined,
): Promise<TextureBake> {
  const fromPhoto = invert(person.toPhoto);
  const skin = skinColour(person, landmarks);
  const mask = {
    values: person.values,
    skin: await skinMap(person, skin),
    width: person.size,
    height: person.size,
    fromPhoto: Float64Array.from(fromPhoto),
  };
  const sights = sightsOf(head.morphable);
  const inPhoto = projected(positions, camera);
  coverLips(sights, head.morphable, inPhoto, landmarks);
  await nextTurn();
  coverEars(sights, head.morphable, inPhoto, fromPhoto, skin.isSkin);
  const problem = { positions, camera, albedo, lighting, size, sights, person: mask };
  return runJob(() => native().recoverTexture(context, head.native, photo.pixels, problem), { signal });
}

/** How far each pixel of the person looks like skin, `[size][size]`. */
async function skinMap({ values, size }: PersonMask, { likeness }: SkinColour): Promise<Float32Array> {
  const map = new Float32Array(values.length);
  for (let row = 0; row < size; row++) {
    if (row % ROWS_A_TURN === 0) await nextTurn();
    for (let u = 0; u < size; u++) {
      const i = row * size + u;
      if (values[i]! > 0) map[i] = likeness(u + 0.5, row + 0.5);
    }
  }
  return map;
}

/** Lips and what lies behind them are seen through a narrow opening. */
function sightsOf({ regions, mean }: MorphableModel): Uint8Array {
  const labelled = (...names: RegionName[]) => REGION_NAMES.map((name) => names.includes(name));
  const [mouth, noFace, bare] = [labelled('mouth'), labelled('scalp', 'other'), labelled('neck', 'ears')];
  const sum = [0, 0, 0];
  let count = 0;
  for (let v = 0; v < regions.length; v++) {
    if (!mouth[regions[v]!]) continue;
    count++;
    for (let k = 0; k < 3; k++) sum[k]! += mean[3 * v + k]!;
  }
  const [x, y, z] = sum.map((value) => value / count) as [number, number, number];
  return regions.map((region, v) => {
    if (mouth[region]) return NARROW;
    if (bare[region]) return BARE;
    if (!noFace[region]) return PLAIN;
    const aside = count > 0 ? Math.hypot(mean[3 * v]! - x, mean[3 * v + 1]! - y) : Number.POSITIVE_INFINITY;
    return aside < LINING_MM.radius && mean[3 * v + 2]! - z > -LINING_MM.depth ? NARROW : SCALP;
  });
}

/** Where the photo shows a vertex, px. */
function projected(
  positions: Float32Array,
  { rotation, translation, focalPx, principalPx }: NativeCamera,
): (vertex: number) => [number, number] {
  return (vertex) => {
    const along = (row: number) => {
      let sum = translation[row]!;
      for (let k = 0; k < 3; k++) sum += rotation[3 * row + k]! * positions[3 * vertex + k]!;
      return sum;
    };
    const [x, y, z] = [along(0), along(1), along(2)];
    return [(focalPx * x) / z + principalPx[0]!, (focalPx * y) / z + principalPx[1]!];
  };
}

/** Lips are not what the photo shows between its lips: the fitted ones are never quite as far open, and got teeth. */
function coverLips(
  sights: Uint8Array,
  { regions, mean, dense }: MorphableModel,
  inPhoto: (vertex: number) => [number, number],
  { pixels }: DenseLandmarks,
): void {
  const opening = INNER_LIPS.map((point) => [pixels[2 * point]!, pixels[2 * point + 1]!] as const);
  const rim = INNER_LIPS.map((point) => dense.vertices[3 * point]!);
  const isBehindLips = (v: number): boolean => {
    let [nearest, least] = [v, Number.POSITIVE_INFINITY];
    for (const r of rim) {
      const away = Math.hypot(
        mean[3 * v]! - mean[3 * r]!,
        mean[3 * v + 1]! - mean[3 * r + 1]!,
        mean[3 * v + 2]! - mean[3 * r + 2]!,
      );
      if (away < least) [nearest, least] = [r, away];
    }
    return mean[3 * v + 2]! < mean[3 * nearest + 2]! - LIP_MM;
  };
  regions.forEach((region, v) => {
    if (region === MOUTH && isInside(opening, inPhoto(v)) && !isBehindLips(v)) sights[v] = COVERED;
  });
}

/** Even-odd rule. */
function isInside(polygon: readonly (readonly [number, number])[], [x, y]: readonly [number, number]): boolean {
  let inside = false;
  polygon.forEach(([ax, ay], i) => {
    const [bx, by] = polygon[(i + 1) % polygon.length]!;
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
  });
  return inside;
}

/** Marks the ears that hair covers. */
function coverEars(
  sights: Uint8Array,
  { regions, mean }: MorphableModel,
  inPhoto: (vertex: number) => [number, number],
  fromPhoto: Affine,
  isSkin: (u: number, v: number) => boolean,
): void {
  const ears: number[] = [];
  for (let v = 0; v < regions.length; v++) if (regions[v] === EARS) ears.push(v);
  for (const right of [true, false]) {
    const ear = ears.filter((v) => mean[3 * v]! < 0 === right);
    const bare = ear.filter((v) => isSkin(...transform(fromPhoto, ...inPhoto(v))));
    if (bare.length < BARE_EAR * ear.length) for (const v of ear) sights[v] = COVERED;
  }
}

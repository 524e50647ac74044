/**
 * Random heads of ICT-FaceKit light (../shared/ict, MIT): scan-derived faces that the embedded model was not made
 * from. Millimetres, in this project's axes (x to the subject's left, y up, z out of the face), which are ICT's too.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Random } from '../../lib/sample/random.js';
import { readNpz, toFloat32, toStrings, toUint32 } from './npz.js';
import { scannedVertices, trianglesOf } from './surface.js';

export interface IctModel {
  vertexCount: number;
  /** `[vertices][3]`, mm. */
  neutral: Float32Array;
  /** `[100][vertices][3]`, mm per standard deviation. */
  identity: Float32Array;
  /** `[57][vertices][3]`, mm at full strength. */
  expression: Float32Array;
  expressionNames: string[];
  /** Multi-PIE order. */
  landmarks68: Uint32Array;
  /** Drawn triangles with the part each belongs to. */
  triangles: Uint32Array;
  parts: IctPart[];
  /** Outer skin of head and neck. */
  skin: Uint32Array;
  /** Narrow face from forehead to chin, what a scanner in front of it reaches: where errors are measured. */
  faceRegion: Uint32Array;
}

export type IctPart = 'skin' | 'mouth' | 'gums' | 'teeth' | 'eye';

/** Vertex ranges of the layout (first vertex after the range); what is left out is tear fluid, shadow cards and lashes. */
const RANGES: readonly [end: number, part: IctPart | null][] = [
  [11248, 'skin'],
  [13294, 'mouth'],
  [14062, 'skin'],
  [17039, 'gums'],
  [21451, 'teeth'],
  [24591, 'eye'],
  [26719, null],
];
const SKIN_END = 11248;
const NARROW_FACE_END = 6706;
/** The layout's narrow face goes on down the throat; the face ends under the chin. */
const CHIN_LANDMARK = 8;
const BELOW_CHIN_MM = 4;
const MM_PER_CM = 10;

export interface IctHead {
  name: string;
  /** `[vertices][3]`, mm. */
  positions: Float32Array;
  hasExpression: boolean;
}

/** Where the data lie, or undefined where this machine has none. */
export function ictPath(root: string): string | undefined {
  const shared = process.env.HRN_SHARED ?? path.join(root, '..', 'shared');
  const file = path.join(shared, 'ict', 'ict_facekit_light.npz');
  return existsSync(file) ? file : undefined;
}

export async function readIctModel(file: string): Promise<IctModel> {
  const arrays = await readNpz(file);
  const array = (name: string) => {
    const found = arrays.get(name);
    if (!found) throw new Error(`${file} holds no array ${name}`);
    return found;
  };
  const millimetres = (name: string): Float32Array => toFloat32(array(name)).map((x) => MM_PER_CM * x);
  const neutral = millimetres('neutral');
  const vertexCount = neutral.length / 3;
  const all = triangulate(toUint32(array('quads')), toUint32(array('triangles')));
  const triangles: number[] = [];
  const parts: IctPart[] = [];
  for (let t = 0; t < all.length; t += 3) {
    const part = RANGES.find(([end]) => all[t]! < end)?.[1];
    if (!part) continue;
    triangles.push(all[t]!, all[t + 1]!, all[t + 2]!);
    parts.push(part);
  }
  const drawn = Uint32Array.from(triangles);
  const skin = trianglesOf(drawn, (v) => v < SKIN_END);
  const scanned = scannedVertices({ positions: neutral, triangles: drawn });
  const landmarks68 = toUint32(array('landmarks68'));
  const chin = neutral[3 * landmarks68[CHIN_LANDMARK]! + 1]!;
  const isFace = (v: number): boolean =>
    v < NARROW_FACE_END && scanned[v] === 1 && neutral[3 * v + 1]! > chin - BELOW_CHIN_MM;
  return {
    vertexCount,
    neutral,
    identity: millimetres('identity'),
    expression: millimetres('expression'),
    expressionNames: toStrings(array('expression_names')),
    landmarks68,
    triangles: drawn,
    parts,
    skin,
    faceRegion: trianglesOf(skin, isFace),
  };
}

function triangulate(quads: Uint32Array, triangles: Uint32Array): Uint32Array {
  const out = new Uint32Array((quads.length / 4) * 6 + triangles.length);
  let o = 0;
  for (let q = 0; q < quads.length; q += 4) {
    const [a, b, c, d] = quads.subarray(q, q + 4) as unknown as [number, number, number, number];
    out.set([a, b, c, a, c, d], o);
    o += 6;
  }
  out.set(triangles, o);
  return out;
}

const EXPRESSIONS_AT_ONCE = 3;

/** Head number `index` (from 0): identity N(0, 1); every odd one has a few expressions, or those of `expressionSeed`. */
export function randomIctHead(model: IctModel, index: number, expressionSeed?: number): IctHead {
  let random = new Random(7000 + index);
  const positions = model.neutral.slice();
  const stride = positions.length;
  const add = (basis: Float32Array, component: number, weight: number): void => {
    const offset = component * stride;
    for (let i = 0; i < stride; i++) positions[i]! += weight * basis[offset + i]!;
  };
  for (let k = 0; k < model.identity.length / stride; k++) add(model.identity, k, random.normal());
  const hasExpression = expressionSeed !== undefined || index % 2 === 1;
  if (expressionSeed !== undefined) random = new Random(expressionSeed);
  if (hasExpression) {
    const units = expressionUnits(model.expressionNames);
    for (let i = 0; i < EXPRESSIONS_AT_ONCE; i++) {
      const weight = random.uniform(0.2, 0.7);
      for (const k of units[random.integer(units.length)]!) add(model.expression, k, weight);
    }
  }
  return { name: `ict-${String(index + 1).padStart(2, '0')}`, positions, hasExpression };
}

/** Both sides of a two-sided shape move together; gaze, pupils and blinks are left alone (eyes closed hide the gaze). */
function expressionUnits(names: string[]): number[][] {
  const units = new Map<string, number[]>();
  names.forEach((name, k) => {
    if (/^(Pupil|eyeLook|eyeBlink)/.test(name)) return;
    const base = name.replace(/_[LR]$/, '');
    units.set(base, [...(units.get(base) ?? []), k]);
  });
  return [...units.values()];
}

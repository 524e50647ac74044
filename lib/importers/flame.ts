import { inFile, wrongFormat } from '../formats/errors.js';
import type { NdArray } from '../formats/nd-array.js';
import { parseNpy } from '../formats/npy.js';
import { Npz } from '../formats/npz.js';
import { isArray, unpickleArrays } from '../formats/numpy-pickle.js';
import { isZip } from '../formats/zip.js';
import { readModelBytes } from '../models/read-model-bytes.js';
import type { PartName } from '../morphable-model.js';
import { findFiles } from './find-file.js';
import { flameRegions } from './flame-masks.js';
import { fromVector, moved as movedBy } from './rigid.js';
import {
  byPart,
  type ExpressionPrior,
  keepVertices,
  NORMAL_PRIOR,
  numbered,
  type SourceModel,
  type SurfacePoints,
  UNIT_PRIOR,
} from './source-model.js';

const SOURCE = 'https://flame.is.tue.mpg.de (generic_model.pkl, flame2023.pkl or their .npz)';
const METRE_MM = 1000;
/** Shape components come first; expressions are the last ones. */
const EXPRESSIONS = 100;
const JOINTS = { jaw: 2, leftEye: 3, rightEye: 4 } as const;

/** Turns of joints as blend shapes: axis times angle at full strength. */
const TURNS: readonly { name: string; joint: number; turn: readonly [number, number, number] }[] = [
  { name: 'jawOpen', joint: JOINTS.jaw, turn: [0.4, 0, 0] },
  { name: 'jawLeft', joint: JOINTS.jaw, turn: [0, 0.12, 0] },
  { name: 'jawRight', joint: JOINTS.jaw, turn: [0, -0.12, 0] },
  ...(['Left', 'Right'] as const).flatMap((side) => {
    const joint = side === 'Left' ? JOINTS.leftEye : JOINTS.rightEye;
    const out = side === 'Left' ? 0.5 : -0.5;
    return [
      { name: `eyeLookUp${side}`, joint, turn: [-0.4, 0, 0] as const },
      { name: `eyeLookDown${side}`, joint, turn: [0.4, 0, 0] as const },
      { name: `eyeLookOut${side}`, joint, turn: [0, out, 0] as const },
      { name: `eyeLookIn${side}`, joint, turn: [0, -out, 0] as const },
    ];
  }),
];

/**
 * FLAME 2020 and 2023: a pickle of chumpy or numpy arrays, or the same arrays as .npz; landmarks from
 * landmark_embedding.npy or flame_static_embedding.pkl and regions from FLAME_masks.pkl, beside it. Turns of jaw and eyes become blend shapes, with the
 * pose's correctives at their full strength.
 *
 * @throws HrnError MODEL_FORMAT, MODEL_CORRUPT, MODEL_MISSING, MODEL_UNSAFE, MODEL_TOO_LARGE
 */
export async function importFlame(path: string): Promise<SourceModel> {
  const arrays = await inFile(path, async () => readArrays(await readModelBytes(path)));
  const { model, triangles, moved } = await inFile(path, () => build(arrays));
  const landmarks = await embeddedLandmarks(path, triangles, moved);
  const regions = await flameRegions(path, moved);
  return { ...model, ...(landmarks && { landmarks }), ...(regions && { regions }) };
}

interface FlameArrays {
  vertices: NdArray;
  faces: NdArray;
  shapes: NdArray;
  poses: NdArray | undefined;
  regressor: NdArray | undefined;
  weights: NdArray | undefined;
}

async function readArrays(bytes: Buffer): Promise<FlameArrays> {
  const find = isZip(bytes) ? await ofNpz(bytes) : ofPickle(bytes);
  const needed = (name: string): NdArray => {
    const array = find(name);
    if (!array) throw wrongFormat(`a FLAME model (${SOURCE})`, `a file without ${name}`);
    return array;
  };
  return {
    vertices: needed('v_template'),
    faces: needed('f'),
    shapes: needed('shapedirs'),
    poses: find('posedirs'),
    regressor: find('J_regressor'),
    weights: find('weights'),
  };
}

async function ofNpz(bytes: Buffer): Promise<(name: string) => NdArray | undefined> {
  const npz = await Npz.open(bytes);
  const arrays = new Map<string, NdArray>();
  for (const name of ['v_template', 'f', 'shapedirs', 'posedirs', 'J_regressor', 'weights']) {
    if (!npz.has(name)) continue;
    const content = await npz.read(name);
    const value = 'objects' in content ? content.objects : content;
    if (isArray(value)) arrays.set(name, value);
  }
  return (name) => arrays.get(name);
}

function ofPickle(bytes: Buffer): (name: string) => NdArray | undefined {
  const content = unpickleArrays(bytes);
  if (!(content instanceof Map)) throw wrongFormat(`a FLAME model (${SOURCE})`, 'a pickle that is no dictionary');
  return (name) => {
    const value = content.get(name);
    return isArray(value) ? value : undefined;
  };
}

function build({ vertices, faces, shapes, poses, regressor, weights }: FlameArrays) {
  const count = vertices.data.length / 3;
  const [rows, axes, components] = shapes.shape as [number, number, number];
  if (rows !== count || axes !== 3 || !(components > EXPRESSIONS / 2)) {
    throw wrongFormat(`shapedirs [${count}, 3, components] (${SOURCE})`, `[${shapes.shape.join(', ')}]`);
  }
  const allTriangles = Uint32Array.from(faces.data);
  for (const v of allTriangles) if (v >= count) throw wrongFormat(`faces of ${count} vertices`, `vertex ${v}`);
  const part = eyeballs(count, allTriangles, vertices.data);
  const { triangles, parts, kept, moved } = byPart(allTriangles, count, (t) => part[allTriangles[3 * t]!]);
  const component = (k: number) => {
    const out = new Float32Array(3 * count);
    for (let i = 0; i < out.length; i++) out[i] = shapes.data[i * components + k]!;
    return keepVertices(out, kept, METRE_MM);
  };
  const expressionCount = Math.min(EXPRESSIONS, Math.floor(components / 4));
  const identityCount = components - expressionCount;
  const turns = poses && regressor && weights ? turnShapes(vertices, poses, regressor, weights) : [];
  const names = numbered('expression', expressionCount);
  const priors: ExpressionPrior[] = names.map(() => NORMAL_PRIOR);
  const model: SourceModel = {
    name: 'FLAME',
    licence: 'FLAME: Max Planck Society; 2023 open under CC BY 4.0, earlier ones for non-commercial use',
    vertexCount: kept.length,
    mean: keepVertices(vertices.data, kept, METRE_MM),
    triangles,
    parts,
    identity: { components: Array.from({ length: identityCount }, (_, k) => component(k)) },
    expression: {
      components: [
        ...names.map((_, k) => component(identityCount + k)),
        ...turns.map(({ shape }) => keepVertices(shape, kept, METRE_MM)),
      ],
      names: [...names, ...turns.map(({ name }) => name)],
      priors: [...priors, ...turns.map(() => UNIT_PRIOR)],
    },
  };
  return { model, triangles: allTriangles, moved };
}

/** The head is the largest connected mesh; others are eyeballs, by their side. */
function eyeballs(count: number, triangles: Uint32Array, positions: ArrayLike<number>): PartName[] {
  const root = Int32Array.from({ length: count }, (_, v) => v);
  const rootOf = (v: number): number => {
    let at = v;
    while (root[at] !== at) {
      root[at] = root[root[at]!]!;
      at = root[at]!;
    }
    return at;
  };
  for (let t = 0; t < triangles.length; t += 3) {
    for (let k = 1; k < 3; k++) root[rootOf(triangles[t + k]!)] = rootOf(triangles[t]!);
  }
  const sizes = new Map<number, { size: number; x: number }>();
  for (let v = 0; v < count; v++) {
    const entry = sizes.get(rootOf(v)) ?? { size: 0, x: 0 };
    sizes.set(rootOf(v), { size: entry.size + 1, x: entry.x + positions[3 * v]! });
  }
  const head = [...sizes].reduce((a, b) => (b[1].size > a[1].size ? b : a))[0];
  return Array.from({ length: count }, (_, v) => {
    const at = rootOf(v);
    if (at === head) return 'skin';
    return sizes.get(at)!.x > 0 ? 'leftEye' : 'rightEye';
  });
}

/** What a turn of one joint does to the mean head: skinning, and the correctives of that joint's rotation. */
function turnShapes(vertices: NdArray, poses: NdArray, regressor: NdArray, weights: NdArray) {
  const count = vertices.data.length / 3;
  const joints = weights.data.length / count;
  const features = poses.data.length / (3 * count);
  if (regressor.data.length !== joints * count || joints < 5) return [];
  return TURNS.map(({ name, joint, turn }) => {
    const centre = [0, 0, 0];
    for (let v = 0; v < count; v++) {
      const share = regressor.data[joint * count + v]!;
      for (let k = 0; k < 3; k++) centre[k]! += share * vertices.data[3 * v + k]!;
    }
    const { rotation } = fromVector([...turn], [0, 0, 0]);
    const shape = new Float32Array(3 * count);
    for (let v = 0; v < count; v++) {
      const share = weights.data[v * joints + joint]!;
      const at = [0, 1, 2].map((k) => {
        let value = vertices.data[3 * v + k]!;
        // The root joint has no correctives.
        for (let i = 0; i < 9 && 9 * joint <= features; i++) {
          const change = rotation[i]! - (i % 4 === 0 ? 1 : 0);
          value += change * (poses.data[(3 * v + k) * features + 9 * (joint - 1) + i] ?? 0);
        }
        return value;
      });
      const turned = movedBy(
        at.map((x, k) => x - centre[k]!),
        { rotation, translation: new Float64Array(3) },
      );
      for (let k = 0; k < 3; k++) {
        const skinned = share * (turned[k]! + centre[k]!) + (1 - share) * at[k]!;
        shape[3 * v + k] = skinned - vertices.data[3 * v + k]!;
      }
    }
    return { name, shape };
  });
}

/** FLAME's own landmarks: 51 within the face, on faces of its mesh. */
async function embeddedLandmarks(
  path: string,
  triangles: Uint32Array,
  moved: Int32Array,
): Promise<(SurfacePoints & { first: 17 }) | undefined> {
  const found = await findFiles(path, ['landmark_embedding.npy', 'flame_static_embedding.pkl']);
  for (const file of found.values()) {
    const points = await inFile(file, async () => {
      const bytes = await readModelBytes(file);
      const content = file.endsWith('.npy') ? parseNpy(bytes) : { objects: unpickleArrays(bytes) };
      const map =
        'objects' in content && content.objects instanceof Map ? content.objects : new Map<unknown, unknown>();
      const faces = map.get('static_lmk_faces_idx') ?? map.get('lmk_face_idx');
      const weights = map.get('static_lmk_bary_coords') ?? map.get('lmk_b_coords');
      const fits = isArray(faces) && isArray(weights) && faces.data.length === 51 && weights.data.length === 153;
      if (!fits) throw wrongFormat('the 51 landmarks of a FLAME embedding', 'something else');
      const corners: number[] = [];
      for (const face of faces.data) {
        for (let k = 0; k < 3; k++) {
          const v = moved[triangles[3 * face + k] ?? -1] ?? -1;
          if (v < 0) throw wrongFormat('landmarks on faces of the model', `face ${face}`);
          corners.push(v);
        }
      }
      return { first: 17 as const, vertices: Uint32Array.from(corners), weights: Float32Array.from(weights.data) };
    });
    return points;
  }
  return undefined;
}

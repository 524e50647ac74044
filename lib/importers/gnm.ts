import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { inFile, wrongFormat } from '../formats/errors.js';
import type { NdArray } from '../formats/nd-array.js';
import { Npz } from '../formats/npz.js';
import { readModelBytes } from '../models/read-model-bytes.js';
import type { PartName } from '../morphable-model.js';
import { findFiles } from './find-file.js';
import { byPart, keepVertices, NORMAL_PRIOR, type SourceModel, type SurfacePoints } from './source-model.js';

const SOURCE = 'https://github.com/google/GNM (gnm_head.npz)';
const METRE_MM = 1000;
const LANDMARKS = 'head_sparse_68.txt';
/** The two files that Google has published as version 3. */
const KNOWN_SHA256: readonly string[] = [
  '61d78bbfb4ad8e0b38495804a4caef3214d3df00f8c3f68761e63b41ce3747eb',
  '0b1de1bd74af639279e0a3b6c1ff235f88894176d7e19258df631e387089a657',
];

/** Vertex groups that are not skin, by the part they stand for; null is not drawn. The first that holds a vertex wins. */
const GROUPS: readonly [name: string, part: PartName | 'eye' | null][] = [
  ['eye_interiors', null],
  ['eyeball_interior', null],
  ['eye_exteriors', 'eye'],
  ['eyeball_exterior', 'eye'],
  ['eyes', 'eye'],
  ['upper_teeth_and_gums', 'upperTeeth'],
  ['upper_teeth', 'upperTeeth'],
  ['lower_teeth_and_gums', 'lowerTeeth'],
  ['lower_teeth', 'lowerTeeth'],
  ['tongue', 'tongue'],
];

/**
 * Google's GNM Head v3: gnm_head.npz, with its 68 landmarks where head_sparse_68.txt lies beside it. Joints are left in
 * their rest pose.
 *
 * @throws HrnError MODEL_FORMAT, MODEL_CORRUPT, MODEL_MISSING, MODEL_TOO_LARGE
 */
export async function importGnm(path: string): Promise<SourceModel> {
  const bytes = await readModelBytes(path);
  const isKnown = KNOWN_SHA256.includes(createHash('sha256').update(bytes).digest('hex'));
  const { model, moved } = await inFile(path, () => build(bytes, isKnown));
  const file = (await findFiles(path, [LANDMARKS])).get(LANDMARKS);
  if (file === undefined) return model;
  const landmarks = await inFile(file, async () => sparseLandmarks(await readFile(file, 'utf8'), moved));
  return { ...model, landmarks };
}

async function build(bytes: Buffer, isKnown: boolean) {
  const npz = await Npz.open(bytes);
  if (!npz.has('template_vertex_positions')) {
    throw wrongFormat(`GNM Head (${SOURCE})`, `an archive of ${npz.names().slice(0, 12).join(', ')}`);
  }
  const { data: template, shape } = await npz.numbers('template_vertex_positions', [null, 3]);
  const count = shape[0]!;
  const all = Uint32Array.from((await npz.numbers('triangles', [null, 3])).data);
  for (const v of all) if (v >= count) throw wrongFormat(`triangles of ${count} vertices`, `vertex ${v}`);
  const [identity, expression] = [
    await npz.numbers('vertex_identity_basis', [null, count, 3]),
    await npz.numbers('expression_basis', [null, count, 3]),
  ];
  const groups = npz.has('vertex_groups') ? await npz.numbers('vertex_groups', [null, count]) : undefined;
  const groupNames = groups && npz.has('vertex_group_names') ? await npz.texts('vertex_group_names') : [];
  const partOf = vertexParts(count, template, groups, groupNames);
  const { triangles, parts, kept, moved } = byPart(all, count, (t) => partOf[all[3 * t]!] ?? undefined);
  const components = ({ data, shape: [number = 0] }: NdArray) =>
    Array.from({ length: number }, (_, k) =>
      keepVertices(data.subarray(3 * count * k, 3 * count * (k + 1)), kept, METRE_MM),
    );
  const names = npz.has('expression_names') ? await npz.texts('expression_names') : [];
  const expressions = components(expression);
  const model: SourceModel = {
    name: isKnown ? 'GNM Head v3' : 'GNM Head (not one of the files that were known when hrn was made)',
    licence: 'Apache-2.0 (Google)',
    vertexCount: kept.length,
    mean: keepVertices(template, kept, METRE_MM),
    triangles,
    parts,
    identity: { components: components(identity) },
    expression: {
      components: expressions,
      names: expressions.map((_, k) => names[k] ?? `expression${k + 1}`),
      priors: expressions.map(() => NORMAL_PRIOR),
    },
  };
  return { model, moved };
}

function vertexParts(
  count: number,
  template: ArrayLike<number>,
  groups: NdArray | undefined,
  names: readonly string[],
): (PartName | null)[] {
  const out = new Array<PartName | null>(count).fill('skin');
  const taken = new Uint8Array(count);
  for (const [name, part] of GROUPS) {
    const row = names.indexOf(name);
    if (!groups || row < 0) continue;
    for (let v = 0; v < count; v++) {
      if (taken[v] || !(groups.data[row * count + v]! > 0.5)) continue;
      taken[v] = 1;
      out[v] = part === 'eye' ? (template[3 * v]! > 0 ? 'leftEye' : 'rightEye') : part;
    }
  }
  return out;
}

/** Lines of three vertices, each followed by its weight. */
function sparseLandmarks(text: string, moved: Int32Array): SurfacePoints & { first: 0 } {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const rows = lines.map((line) => line.split(/[\s,]+/).map(Number));
  if (rows.length !== 68 || rows.some((row) => row.length % 2 !== 0 || row.length < 2 || row.length > 6)) {
    throw wrongFormat('68 lines of vertices and weights', `${rows.length} lines`);
  }
  const vertices = new Uint32Array(3 * 68);
  const weights = new Float32Array(3 * 68);
  for (const [i, row] of rows.entries()) {
    for (let j = 0; j < row.length / 2; j++) {
      const v = moved[row[2 * j]!] ?? -1;
      if (v < 0) throw wrongFormat('landmarks on the model', `vertex ${row[2 * j]}`);
      vertices[3 * i + j] = v;
      weights[3 * i + j] = row[2 * j + 1]!;
    }
  }
  return { first: 0, vertices, weights };
}

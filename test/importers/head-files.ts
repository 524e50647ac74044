/** Files in the layouts of other people's models, filled with the embedded head's shapes: no such model may be shipped. */
import { zipSync } from 'fflate';
import { decodeHalfs } from '../../lib/half-float.js';
import type { MorphableModel, PartName } from '../../lib/morphable-model.js';

type Numbers = Float32Array | Float64Array | Int32Array | Uint32Array;

export function npy(data: Numbers, shape: readonly number[]): Uint8Array {
  const type =
    data instanceof Float64Array
      ? '<f8'
      : data instanceof Float32Array
        ? '<f4'
        : data instanceof Int32Array
          ? '<i4'
          : '<u4';
  return npyBytes(type, shape, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function npyTexts(texts: readonly string[]): Uint8Array {
  const width = Math.max(...texts.map((text) => text.length));
  const codes = Uint32Array.from(
    texts.flatMap((text) => Array.from({ length: width }, (_, i) => text.charCodeAt(i) || 0)),
  );
  return npyBytes(`<U${width}`, [texts.length], new Uint8Array(codes.buffer));
}

function npyBytes(type: string, shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const padded = `${header.padEnd(64 * Math.ceil((header.length + 11) / 64) - 11)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(padded.length);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(padded), data]);
}

/** A MATLAB 5 file of two-dimensional single-precision variables, given row by row. */
export function matlab(variables: Record<string, { rows: number; data: Float32Array }>): Buffer {
  const element = (type: number, data: Buffer) => {
    const tag = Buffer.alloc(8);
    tag.writeUInt32LE(type, 0);
    tag.writeUInt32LE(data.length, 4);
    return Buffer.concat([tag, data, Buffer.alloc((8 - (data.length % 8)) % 8)]);
  };
  const integers = (values: number[]) => Buffer.from(Int32Array.from(values).buffer);
  const matrices = Object.entries(variables).map(([name, { rows, data }]) => {
    const columns = data.length / rows;
    const byColumn = Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
    const SINGLE = 7;
    return element(
      14,
      Buffer.concat([
        element(6, integers([SINGLE, 0])),
        element(5, integers([rows, columns])),
        element(1, Buffer.from(name)),
        element(7, Buffer.from(byColumn.buffer)),
      ]),
    );
  });
  const header = Buffer.alloc(128, ' ');
  header.write('MATLAB 5.0 MAT-file, test', 0);
  header.writeUInt16LE(0x0100, 124);
  header.write('IM', 126);
  return Buffer.concat([header, ...matrices]);
}

/** `[count][3 V]` floats of the first components. */
function components({ halfs }: { halfs: Uint16Array }, vertexCount: number, count: number): Float32Array {
  return decodeHalfs(halfs, 0, 3 * vertexCount * count);
}

/** `[count][rows]` to `[rows][count]`. */
function asColumns(data: Float32Array, count: number, scale: number): Float32Array {
  const rows = data.length / count;
  return Float32Array.from(data, (_, i) => scale * data[(i % count) * rows + Math.floor(i / count)]!);
}

function partTriangles(head: MorphableModel, wanted: readonly PartName[]): Uint32Array {
  return Uint32Array.from(
    head.parts
      .filter(({ name }) => wanted.includes(name))
      .flatMap(({ firstTriangle, triangleCount }) => [
        ...head.triangles.subarray(3 * firstTriangle, 3 * (firstTriangle + triangleCount)),
      ]),
  );
}

/** 01_MorphableModel.mat: the whole skin in micrometres, without colours of its own and expressions. */
export function bfm2009(head: MorphableModel, identityCount = 10): Buffer {
  const skin = partTriangles(head, ['skin']);
  const kept = [...new Set(skin)].sort((a, b) => a - b);
  const moved = new Map(kept.map((v, i) => [v, i]));
  const rows = 3 * kept.length;
  const pick = (data: Float32Array, from: number) =>
    Float32Array.from({ length: rows }, (_, i) => 1000 * data[from + 3 * kept[Math.floor(i / 3)]! + (i % 3)]!);
  const identity = components(head.identity, head.vertexCount, identityCount);
  const shapes = Array.from({ length: identityCount }, (_, k) => pick(identity, 3 * head.vertexCount * k));
  const ones = (count: number) => ({ rows: count, data: new Float32Array(count).fill(1) });
  return matlab({
    shapeMU: { rows, data: pick(head.mean, 0) },
    shapePC: {
      rows,
      data: Float32Array.from(
        { length: rows * identityCount },
        (_, i) => shapes[i % identityCount]![Math.floor(i / identityCount)]!,
      ),
    },
    shapeEV: ones(identityCount),
    texMU: { rows, data: new Float32Array(rows).fill(150) },
    texPC: { rows, data: new Float32Array(rows) },
    texEV: ones(1),
    tl: { rows: skin.length / 3, data: Float32Array.from(skin, (v) => moved.get(v)! + 1) },
  });
}

/** BFM_model_front.mat: the skin of the face in decimetres, colours 0..255, everything counted from one. */
export function bfmFront(head: MorphableModel, counts = { identity: 12, expression: 6, albedo: 4 }): Buffer {
  const face = partTriangles(head, ['skin']);
  const isFace = (v: number) => head.deformable[v]! > 0.02;
  const kept = Uint32Array.from([...new Set(face)].filter(isFace).sort((a, b) => a - b));
  const moved = new Map(Array.from(kept, (v, i) => [v, i]));
  const triangles: number[] = [];
  for (let t = 0; t < face.length; t += 3) {
    const corners = [...face.subarray(t, t + 3)].map((v) => moved.get(v));
    if (corners.every((v) => v !== undefined)) triangles.push(...corners.map((v) => v! + 1));
  }
  const pick = (data: Float32Array, count: number) => {
    const size = 3 * head.vertexCount;
    return Float32Array.from({ length: 3 * kept.length * count }, (_, i) => {
      const [k, row] = [Math.floor(i / (3 * kept.length)), i % (3 * kept.length)];
      return data[k * size + 3 * kept[Math.floor(row / 3)]! + (row % 3)]!;
    });
  };
  const basis = (source: { halfs: Uint16Array }, count: number, scale: number) => ({
    rows: 3 * kept.length,
    data: asColumns(pick(components(source, head.vertexCount, count), count), count, scale),
  });
  const points = Float32Array.from({ length: 68 }, (_, i) => {
    const corners = [0, 1, 2].map((j) => ({ v: head.ibug68.vertices[3 * i + j]!, w: head.ibug68.weights[3 * i + j]! }));
    const [best] = corners.sort((a, b) => b.w - a.w);
    const place = moved.get(best!.v);
    return 1 + (place ?? moved.get(nearest(head, best!.v, kept))!);
  });
  return matlab({
    meanshape: { rows: 1, data: pick(head.mean, 1).map((x) => x / 100) },
    idBase: basis(head.identity, counts.identity, 1 / 100),
    exBase: basis(head.expression, counts.expression, 1 / 100),
    meantex: { rows: 1, data: pick(head.albedo.mean, 1).map((x) => 255 * x) },
    texBase: basis(head.albedo, counts.albedo, 255),
    tri: { rows: triangles.length / 3, data: Float32Array.from(triangles) },
    keypoints: { rows: 1, data: points },
  });
}

function nearest({ mean }: MorphableModel, v: number, among: Uint32Array): number {
  let [best, least] = [among[0]!, Infinity];
  for (const w of among) {
    const d = [0, 1, 2].reduce((sum, k) => sum + (mean[3 * v + k]! - mean[3 * w + k]!) ** 2, 0);
    if (d < least) [best, least] = [w, d];
  }
  return best;
}

/** A FLAME .npz: skin and eyeballs in metres, five joints; shape components first, expressions last. */
export function flame(head: MorphableModel, counts = { identity: 75, expression: 25 }): Buffer {
  const [n, size] = [head.vertexCount, 3 * head.vertexCount];
  const total = counts.identity + counts.expression;
  const shapes = new Float32Array(size * total);
  const fill = (data: Float32Array, first: number, count: number) => {
    for (let k = 0; k < count; k++)
      for (let i = 0; i < size; i++) shapes[i * total + first + k] = data[k * size + i]! / 1000;
  };
  fill(components(head.identity, n, counts.identity), 0, counts.identity);
  fill(components(head.expression, n, counts.expression), counts.identity, counts.expression);
  // Jaw: chin and lower teeth hang on a joint below the ears. Eyes: their balls.
  const weights = new Float32Array(n * 5);
  const regressor = new Float32Array(5 * n);
  const leftEye = new Set(partTriangles(head, ['leftEye']));
  const rightEye = new Set(partTriangles(head, ['rightEye']));
  for (let v = 0; v < n; v++) {
    const joint = leftEye.has(v)
      ? 3
      : rightEye.has(v)
        ? 4
        : head.mean[3 * v + 1]! < -75 && head.mean[3 * v + 2]! > -30
          ? 2
          : 0;
    weights[5 * v + joint] = 1;
  }
  for (const [joint, set] of [[3, leftEye] as const, [4, rightEye] as const])
    for (const v of set) regressor[joint * n + v] = 1 / set.size;
  regressor[
    2 * n +
      nearest(
        head,
        0,
        Uint32Array.from({ length: n }, (_, v) => v),
      )
  ] = 1;
  const faces = partTriangles(head, ['skin', 'leftEye', 'rightEye']);
  return Buffer.from(
    zipSync({
      'v_template.npy': npy(
        head.mean.map((x) => x / 1000),
        [n, 3],
      ),
      'f.npy': npy(faces, [faces.length / 3, 3]),
      'shapedirs.npy': npy(shapes, [n, 3, total]),
      'posedirs.npy': npy(new Float32Array(size * 36), [n, 3, 36]),
      'J_regressor.npy': npy(regressor, [5, n]),
      'weights.npy': npy(weights, [n, 5]),
    }),
  );
}

/** gnm_head.npz: all parts in metres, told apart by vertex groups. */
export function gnm(head: MorphableModel, counts = { identity: 12, expression: 8 }): Buffer {
  const n = head.vertexCount;
  const groups: Record<string, readonly PartName[]> = {
    skin: ['skin'],
    eyes: ['leftEye', 'rightEye'],
    upper_teeth_and_gums: ['upperTeeth'],
    lower_teeth_and_gums: ['lowerTeeth'],
    tongue: ['tongue'],
  };
  const names = Object.keys(groups);
  const weights = new Float32Array(names.length * n);
  for (const [row, name] of names.entries())
    for (const v of partTriangles(head, groups[name]!)) weights[row * n + v] = 1;
  const metres = (data: Float32Array) => data.map((x) => x / 1000);
  return Buffer.from(
    zipSync({
      'template_vertex_positions.npy': npy(metres(head.mean), [n, 3]),
      'triangles.npy': npy(Int32Array.from(head.triangles), [head.triangleCount, 3]),
      'vertex_identity_basis.npy': npy(metres(components(head.identity, n, counts.identity)), [counts.identity, n, 3]),
      'expression_basis.npy': npy(metres(components(head.expression, n, counts.expression)), [counts.expression, n, 3]),
      'expression_names.npy': npyTexts(Array.from({ length: counts.expression }, (_, k) => `lower_face_region_${k}`)),
      'vertex_groups.npy': npy(weights, [names.length, n]),
      'vertex_group_names.npy': npyTexts(names),
    }),
  );
}

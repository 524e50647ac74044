import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { beforeAll, describe, expect, it } from 'vitest';
import { crossingPairs } from '../bench/shapes/crossings.js';
import { trianglesOf } from '../bench/shapes/heads.js';
import { decodeHalfs, encodeHalfs } from '../lib/half-float.js';
import { loadHead } from '../lib/models/head.js';
import { type Basis, type MorphableModel, PART_NAMES, REGION_NAMES } from '../lib/morphable-model.js';
import { native } from '../lib/native/load.js';

const ARKIT = `browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft
cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight eyeLookOutLeft
eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft
jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel mouthLeft
mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight mouthRollLower
mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft mouthSmileRight mouthStretchLeft mouthStretchRight
mouthUpperUpLeft mouthUpperUpRight noseSneerLeft noseSneerRight tongueOut`.split(/\s+/);

const bytes = readFileSync(new URL('../models/head.safetensors', import.meta.url));
let model: MorphableModel;

beforeAll(async () => {
  model = await loadHead(bytes);
});

function shape(offsets: [Basis, number, number][] = []): Float32Array {
  const out = model.mean.slice();
  for (const [basis, component, weight] of offsets) {
    const size = 3 * model.vertexCount;
    const values = decodeHalfs(basis.halfs, component * size, (component + 1) * size);
    for (let i = 0; i < size; i++) out[i]! += weight * values[i]!;
  }
  return out;
}

function expressed(weights: Record<string, number>): Float32Array {
  const { expression } = model;
  return shape(Object.entries(weights).map(([name, weight]) => [expression, expression.names.indexOf(name), weight]));
}

function dense(points: Float32Array, index: number): [number, number, number] {
  const out: [number, number, number] = [0, 0, 0];
  for (let j = 0; j < 3; j++)
    for (let k = 0; k < 3; k++)
      out[k]! += model.dense.weights[3 * index + j]! * points[3 * model.dense.vertices[3 * index + j]! + k]!;
  return out;
}

const distance = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((x, k) => x - b[k]!));

function partVertices(name: string): number[] {
  const part = model.parts.find((candidate) => candidate.name === name)!;
  const first = 3 * part.firstTriangle;
  return [...new Set(model.triangles.subarray(first, first + 3 * part.triangleCount))];
}

function extent(points: Float32Array, vertices: number[], axis: number): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const v of vertices) {
    low = Math.min(low, points[3 * v + axis]!);
    high = Math.max(high, points[3 * v + axis]!);
  }
  return [low, high];
}

const centre = (points: Float32Array, part: string) =>
  [0, 1, 2].map((axis) => {
    const [low, high] = extent(points, partVertices(part), axis);
    return (low + high) / 2;
  });

describe('head model', () => {
  it('has the parts, sizes and names that the fit expects', () => {
    expect(model.vertexCount).toBeGreaterThan(15_000);
    expect(model.vertexCount).toBeLessThan(25_000);
    expect(model.parts.map((part) => part.name)).toEqual([...PART_NAMES]);
    let next = 0;
    for (const part of model.parts) {
      expect(part.firstTriangle).toBe(next);
      next += part.triangleCount;
    }
    expect(next).toBe(model.triangleCount);
    expect(model.expression.names).toEqual(ARKIT);
    expect(model.identity.count).toBeGreaterThanOrEqual(80);
    expect(model.albedo.count).toBeGreaterThanOrEqual(8);
    expect(model.identity.halfs.length).toBe(model.identity.count * 3 * model.vertexCount);
    expect(model.dense.count).toBe(478);
    expect(model.ibug68.count).toBe(68);
  });

  it('holds only finite numbers, albedo within sRGB', () => {
    const finite = (values: Float32Array) => values.every(Number.isFinite);
    expect(finite(model.mean) && finite(model.uvs) && finite(model.albedo.mean)).toBe(true);
    for (const { halfs } of [model.identity, model.expression, model.albedo])
      expect(halfs.every((half) => (half & 0x7c00) !== 0x7c00)).toBe(true);
    expect(model.albedo.mean.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it('has human proportions in millimetres, eyes at the origin', () => {
    const left = centre(model.mean, 'leftEye');
    const right = centre(model.mean, 'rightEye');
    expect(left[0]! - right[0]!).toBeGreaterThan(60);
    expect(left[0]! - right[0]!).toBeLessThan(66);
    for (let k = 0; k < 3; k++) expect(Math.abs(left[k]! + right[k]!) / 2).toBeLessThan(0.2);
    const skin = partVertices('skin');
    const bizygomatic = distance(dense(model.mean, 234), dense(model.mean, 454));
    expect(bizygomatic).toBeGreaterThan(125);
    expect(bizygomatic).toBeLessThan(152);
    const chin = dense(model.mean, 152)[1];
    const crown = extent(model.mean, skin, 1)[1];
    expect(crown - chin).toBeGreaterThan(205);
    expect(crown - chin).toBeLessThan(245);
  });

  it('is mirror-symmetric in mean and UV', () => {
    for (let v = 0; v < model.vertexCount; v++) {
      const m = model.mirror[v]!;
      expect(model.mirror[m]).toBe(v);
      for (let k = 0; k < 3; k++) {
        const sign = k === 0 ? -1 : 1;
        if (Math.abs(model.mean[3 * m + k]! - sign * model.mean[3 * v + k]!) > 0.01) expect.fail(`vertex ${v}`);
      }
    }
    for (const v of partVertices('skin')) {
      const m = model.mirror[v]!;
      if (Math.abs(model.uvs[2 * m]! + model.uvs[2 * v]! - 1) > 1e-5) expect.fail(`u of vertex ${v}`);
      if (Math.abs(model.uvs[2 * m + 1]! - model.uvs[2 * v + 1]!) > 1e-5) expect.fail(`v of vertex ${v}`);
    }
  });

  it('unwraps without a fold or an overlap, the face over most of the square', () => {
    const size = 512;
    const covered = new Uint8Array(size * size);
    let faceArea = 0;
    const face = ['nose', 'mouth', 'forehead', 'cheeks', 'eyes', 'chin'].map((name) =>
      REGION_NAMES.indexOf(name as (typeof REGION_NAMES)[number]),
    );
    for (let t = 0; t < model.triangleCount; t++) {
      const [a, b, c] = [0, 1, 2].map((k) => model.triangles[3 * t + k]!) as [number, number, number];
      const uv = (v: number): [number, number] => [model.uvs[2 * v]!, model.uvs[2 * v + 1]!];
      const [pa, pb, pc] = [uv(a), uv(b), uv(c)];
      // Counter-clockwise from outside; v points down.
      const area = -0.5 * ((pb[0] - pa[0]) * (pc[1] - pa[1]) - (pb[1] - pa[1]) * (pc[0] - pa[0]));
      if (!(area > 0)) expect.fail(`triangle ${t} is flipped or flat in the unwrap`);
      if (face.includes(model.regions[a]!) && t < model.parts[0]!.triangleCount) faceArea += area;
      const rows = [pa, pb, pc].map((p) => p[1] * size);
      for (let y = Math.ceil(Math.min(...rows) - 0.5); y + 0.5 < Math.max(...rows); y++) {
        const columns = [pa, pb, pc].map((p) => p[0] * size);
        for (let x = Math.ceil(Math.min(...columns) - 0.5); x + 0.5 < Math.max(...columns); x++) {
          const q: [number, number] = [(x + 0.5) / size, (y + 0.5) / size];
          const side = (s: [number, number], e: [number, number]) =>
            (e[0] - s[0]) * (q[1] - s[1]) - (e[1] - s[1]) * (q[0] - s[0]);
          // Strictly inside only: texels on shared edges belong to both triangles.
          if (side(pa, pb) < -1e-9 && side(pb, pc) < -1e-9 && side(pc, pa) < -1e-9) covered[y * size + x]!++;
        }
      }
    }
    expect(covered.every((count) => count <= 1)).toBe(true);
    expect(faceArea).toBeGreaterThan(0.55);
  });

  it('gives every landmark unit weights on one triangle', () => {
    const triangles = new Set<string>();
    for (let t = 0; t < model.triangleCount; t++) {
      triangles.add([...model.triangles.subarray(3 * t, 3 * t + 3)].sort((a, b) => a - b).join());
    }
    for (const set of [model.dense, model.ibug68]) {
      for (let i = 0; i < set.count; i++) {
        const weights = set.weights.subarray(3 * i, 3 * i + 3);
        expect(weights[0]! + weights[1]! + weights[2]!).toBeCloseTo(1, 5);
        expect(Math.min(...weights)).toBeGreaterThan(-1e-6);
        const corners = [...set.vertices.subarray(3 * i, 3 * i + 3)].sort((a, b) => a - b).join();
        expect(triangles.has(corners)).toBe(true);
        expect(set.sigmaMm[i]).toBeGreaterThan(0);
      }
    }
    expect(model.ibug68.dynamic.reduce((sum, flag) => sum + flag, 0)).toBe(17);
  });

  it('puts landmarks where they belong: sides, eyes, lips, nose', () => {
    const at = (i: number) => dense(model.mean, i);
    expect(at(33)[0]).toBeLessThan(-35);
    expect(at(263)[0]).toBeGreaterThan(35);
    for (const [right, left] of [
      [33, 263],
      [61, 291],
      [78, 308],
      [58, 288],
      [98, 327],
      [468, 473],
    ] as const) {
      expect(at(right)[0] + at(left)[0]).toBeCloseTo(0, 0);
    }
    const eye = centre(model.mean, 'rightEye');
    expect(distance(at(468).slice(0, 2), eye.slice(0, 2))).toBeLessThan(0.5);
    expect(distance(at(469), at(471))).toBeGreaterThan(11);
    expect(distance(at(469), at(471))).toBeLessThan(12.4);
    expect(at(159)[1] - at(145)[1]).toBeGreaterThan(8);
    expect(at(4)[2]).toBeGreaterThan(at(168)[2] + 10);
    for (const i of [0, 13, 14, 17, 4, 152, 10]) expect(Math.abs(at(i)[0])).toBeLessThan(0.5);
  });

  it('keeps eyeballs closed and round', () => {
    for (const name of ['leftEye', 'rightEye']) {
      const part = model.parts.find((candidate) => candidate.name === name)!;
      const points = new Map<string, number>();
      const edges = new Map<string, number>();
      const key = (v: number) => [0, 1, 2].map((k) => model.mean[3 * v + k]!.toFixed(3)).join();
      for (let t = part.firstTriangle; t < part.firstTriangle + part.triangleCount; t++) {
        const ids = [0, 1, 2].map((k) => {
          const position = key(model.triangles[3 * t + k]!);
          if (!points.has(position)) points.set(position, points.size);
          return points.get(position)!;
        });
        ids.forEach((a, k) => {
          const b = ids[(k + 1) % 3]!;
          edges.set(`${a},${b}`, (edges.get(`${a},${b}`) ?? 0) + 1);
        });
      }
      for (const edge of edges.keys()) expect(edges.get(edge.split(',').reverse().join())).toBe(1);
      const middle = centre(model.mean, name);
      const radii = partVertices(name).map((v) => distance([...model.mean.subarray(3 * v, 3 * v + 3)], middle));
      expect(Math.max(...radii) - Math.min(...radii)).toBeLessThan(0.8);
    }
  });

  it('closes the lips at rest, opens and closes them as told', () => {
    const gap = (points: Float32Array) => distance(dense(points, 13), dense(points, 14));
    expect(gap(model.mean)).toBeLessThan(0.8);
    expect(gap(expressed({ jawOpen: 1 }))).toBeGreaterThan(25);
    expect(gap(expressed({ jawOpen: 1, mouthClose: 1 }))).toBeLessThan(4);
    for (let k = 0; k < 10; k++) expect(gap(shape([[model.identity, k, 2.5]]))).toBeLessThan(1.5);
    const drop = (part: string) => centre(expressed({ jawOpen: 1 }), part)[1]! - centre(model.mean, part)[1]!;
    expect(drop('lowerTeeth')).toBeLessThan(-15);
    const open = expressed({ jawOpen: 1 });
    const tip = [...partVertices('tongue')].reduce((a, b) => (model.mean[3 * b + 2]! > model.mean[3 * a + 2]! ? b : a));
    expect(open[3 * tip + 1]! - model.mean[3 * tip + 1]!).toBeLessThan(-15);
    expect(drop('upperTeeth')).toBeCloseTo(0, 1);
  });

  it('has upper incisors that end below the lip line, behind the lips and over the lower ones', () => {
    const incisors = (name: string) => partVertices(name).filter((v) => Math.abs(model.mean[3 * v]!) < 5);
    const [, lipLine, lipFront] = dense(model.mean, 13);
    const edge = extent(model.mean, incisors('upperTeeth'), 1)[0];
    expect(lipLine - edge).toBeGreaterThan(1);
    expect(lipLine - edge).toBeLessThan(5);
    const overbite = extent(model.mean, incisors('lowerTeeth'), 1)[1] - edge;
    expect(overbite).toBeGreaterThan(0.5);
    expect(overbite).toBeLessThan(3);
    const front = extent(model.mean, incisors('upperTeeth'), 2)[1];
    expect(front).toBeGreaterThan(extent(model.mean, incisors('lowerTeeth'), 2)[1]);
    expect(front).toBeLessThan(lipFront - 5);
  });

  it('keeps lips, teeth and tongue apart at rest, with the tongue out, and with both jaw and tongue', () => {
    const [skin, ...mouth] = (['skin', 'upperTeeth', 'lowerTeeth', 'tongue'] as const).map((part) =>
      trianglesOf(model, part),
    );
    const near = skin!.filter((_, i) => {
      const v = 3 * skin![i - (i % 3)]!;
      return Math.abs(model.mean[v]!) < 45 && model.mean[v + 1]! < -40 && model.mean[v + 1]! > -115;
    });
    const crossings = (weights: Record<string, number>) => {
      const positions = expressed(weights);
      const lips = mouth.map((part) => crossingPairs(positions, near, part!).length);
      const among = [
        [0, 1],
        [0, 2],
        [1, 2],
      ].map(([a, b]) => crossingPairs(positions, mouth[a!]!, mouth[b!]!).length);
      return [...lips, ...among];
    };
    expect(crossings({})).toEqual([0, 0, 0, 0, 0, 0]);
    expect(crossings({ tongueOut: 1 })).toEqual([0, 0, 0, 0, 0, 0]);
    // Of the wide open mouth gums and lining still cross, where nobody looks; the tongue crosses nothing on its way out.
    for (const jawOpen of [0, 0.15, 0.5, 1]) {
      for (const tongueOut of [0.3, 0.5, 0.7, 1]) {
        const [, , lipsAndTongue, , upper, lower] = crossings({ jawOpen, tongueOut });
        expect([lipsAndTongue, upper, lower], `jawOpen ${jawOpen}, tongueOut ${tongueOut}`).toEqual([0, 0, 0]);
      }
    }
  });

  it('keeps lips and lining out of teeth and gums in smiles and slides of the jaw', () => {
    const skin = trianglesOf(model, 'skin');
    const near = skin.filter((_, i) => {
      const v = 3 * skin[i - (i % 3)]!;
      return Math.abs(model.mean[v]!) < 45 && model.mean[v + 1]! < -40 && model.mean[v + 1]! > -115;
    });
    for (const weights of [
      { mouthSmileLeft: 1, mouthSmileRight: 1 },
      { mouthSmileLeft: 0.9, mouthSmileRight: 0.9, jawOpen: 0.5 },
      { jawForward: 1 },
      { jawLeft: 1 },
      { mouthPucker: 1, jawOpen: 0.4 },
    ] as Record<string, number>[]) {
      const positions = expressed(weights);
      for (const part of ['upperTeeth', 'lowerTeeth'] as const)
        expect(crossingPairs(positions, near, trianglesOf(model, part)), Object.keys(weights).join()).toEqual([]);
    }
  });

  it('shuts an eye with eyeBlink and turns it with eyeLook', () => {
    for (const [side, pairs] of [
      [
        'Right',
        [
          [160, 144],
          [159, 145],
          [158, 153],
        ],
      ],
      [
        'Left',
        [
          [385, 380],
          [386, 374],
          [387, 373],
        ],
      ],
    ] as const) {
      const shut = expressed({ [`eyeBlink${side}`]: 1 });
      for (const [upper, lower] of pairs) {
        const opening = dense(shut, upper)[1] - dense(shut, lower)[1];
        expect(opening).toBeLessThan(0.8);
        expect(opening).toBeGreaterThan(-2);
      }
    }
    const iris = (name: string) => dense(expressed({ [name]: 1 }), 473);
    const rest = dense(model.mean, 473);
    expect(iris('eyeLookOutLeft')[0]).toBeGreaterThan(rest[0] + 3);
    expect(iris('eyeLookInLeft')[0]).toBeLessThan(rest[0] - 3);
    expect(iris('eyeLookUpLeft')[1]).toBeGreaterThan(rest[1] + 3);
    expect(iris('eyeLookDownLeft')[1]).toBeLessThan(rest[1] - 3);
  });

  it('moves left and right expressions as mirror images', () => {
    for (const name of ARKIT.filter((candidate) => candidate.endsWith('Left'))) {
      const left = expressed({ [name]: 1 });
      const right = expressed({ [name.replace(/Left$/, 'Right')]: 1 });
      for (let v = 0; v < model.vertexCount; v++) {
        const m = model.mirror[v]!;
        if (Math.abs(left[3 * v]! + right[3 * m]!) > 1.5 || Math.abs(left[3 * v + 1]! - right[3 * m + 1]!) > 1.5)
          expect.fail(`${name} at vertex ${v}`);
      }
    }
  });

  it('lets the deformation map act on the face only', () => {
    expect(model.deformable.every((weight) => weight >= 0 && weight <= 1)).toBe(true);
    const mean = (name: string) => {
      const of = partVertices('skin').filter((v) => model.regions[v] === REGION_NAMES.indexOf(name as 'nose'));
      return of.reduce((sum, v) => sum + model.deformable[v]!, 0) / of.length;
    };
    expect(mean('forehead')).toBeGreaterThan(0.7);
    expect(mean('neck')).toBeLessThan(0.3);
    for (const part of PART_NAMES.slice(1))
      for (const v of partVertices(part)) if (model.deformable[v] !== 0) expect.fail(part);
  });

  it('is subdivided, checked and repacked off the event loop', async () => {
    const before = performance.eventLoopUtilization();
    await native().buildModel(await loadHead(bytes)).promise;
    expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.8);
  });

  it('refuses a model whose tensors do not fit together', async () => {
    const header = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const entries = JSON.parse(bytes.subarray(8, header).toString());
    const poke = (name: string, byte: number, value: number) => {
      const copy = Uint8Array.from(bytes);
      copy[header + entries[name].data_offsets[0] + byte] = value;
      return copy;
    };
    const corrupt = expect.objectContaining({ code: 'MODEL_CORRUPT' });
    for (const broken of [
      poke('faces', 1, 0xfe),
      poke('faces', 0, (bytes[header + entries.faces.data_offsets[0]]! + 1) % 256),
      poke('faceParts', 0, 200),
      poke('faceParts', 4, 3),
      poke('cageMirror', 0, 7),
      poke('regions', 5, 99),
      poke('denseVertices', 1, 0xff),
      bytes.subarray(0, bytes.length - 10),
      bytes.subarray(0, 100),
    ]) {
      await expect(loadHead(broken)).rejects.toThrow(corrupt);
    }
  });
});

describe('half floats', () => {
  it('come back unchanged from every finite value, and round to the nearest', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((half) => (half & 0x7c00) !== 0x7c00);
    const out = new Uint16Array(all.length);
    encodeHalfs(decodeHalfs(all), out);
    expect(out).toEqual(all);
    const between = Float32Array.from([1 + 0.4 / 1024, 1 + 0.6 / 1024, 65504, 70000, 2 ** -24 * 0.6, 2 ** -26, -1 / 3]);
    const halfs = new Uint16Array(between.length);
    encodeHalfs(between, halfs);
    expect([...decodeHalfs(halfs)]).toEqual([1, 1 + 1 / 1024, 65504, Infinity, 2 ** -24, 0, -0.333251953125]);
  });
});

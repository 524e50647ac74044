import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Npz } from '../../lib/formats/npz.js';
import { WorkSlices } from '../../lib/importers/work-slices.js';
import { align } from '../../lib/reference/align.js';
import { MAP_PX, type ReferenceAssets, type ReferenceNetwork } from '../../lib/reference/assets.js';
import { bicubicCrop } from '../../lib/reference/bicubic-crop.js';
import { displacedMesh } from '../../lib/reference/dense-mesh.js';
import { IMAGE_PX, rotationOf, toCamera, turned } from '../../lib/reference/face-model.js';
import { channelsFirst, hrnMethod, type ReferenceFace } from '../../lib/reference/hrn-method.js';
import { smallerPhoto } from '../../lib/reference/smaller-photo.js';
import { resized, uvGrid } from '../../lib/reference/uv-grid.js';
import { widened } from '../../lib/reference/widened.js';
import { G, gridModel, gridUvs } from './grid-face.js';
import { canRunReference, fixture, referenceCode, runReference } from './peer.js';
import { randoms } from './random-tensors.js';

/** A network of one layer, the same of every pixel: what goes in counts, the networks themselves are checked apart. */
function layer(name: string, inputs: number, outputs: number, end: (x: number) => number) {
  const weights = randoms(name, inputs * outputs, 1);
  return (input: Float32Array) => {
    const area = input.length / inputs;
    return Float32Array.from({ length: outputs * area }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < inputs; k++)
        sum += weights[Math.floor(i / area) * inputs + k]! * input[k * area + (i % area)]!;
      return end(sum);
    });
  };
}

/** Three planes to pixels of three. */
function channelsLast(planes: Float32Array): Float32Array {
  const area = planes.length / 3;
  return planes.map((_, i) => planes[(i % 3) * area + Math.floor(i / 3)]!);
}

/** Sixteen cells a side. */
function picture(name: string, channels: number, side: number): Float32Array {
  const cells = randoms(name, 16 * 16 * channels, 0.45, 0.5);
  const cell = side / 16;
  return Float32Array.from({ length: side * side * channels }, (_, i) => {
    const [x, y] = [Math.floor(i / channels) % side, Math.floor(i / channels / side)];
    return cells[(Math.floor(y / cell) * 16 + Math.floor(x / cell)) * channels + (i % channels)]!;
  });
}

/** `[512][512][3][columns]`, of a thousand rows in turn, halved as the assets are. */
function halvedMap(columns: number, row: (texel: number) => ArrayLike<number>): Float32Array {
  const out = new Float32Array(3 * MAP_PX * MAP_PX * columns);
  for (let i = 0; i < 3 * MAP_PX * MAP_PX; i++) {
    const [x, y, k] = [Math.floor(i / 3) % MAP_PX, Math.floor(i / 3 / MAP_PX), i % 3];
    const four = [0, 1, 512, 513].map((step) => row(3 * (2 * y * 512 + 2 * x + step) + k));
    for (let c = 0; c < columns; c++) out[i * columns + c] = four.reduce((sum, r) => sum + r[c]! / 4, 0);
  }
  return out;
}

describe("HRN's method as its own code runs it", () => {
  const model = gridModel();
  const uvs = gridUvs();
  let face: ReferenceFace;
  let truth: Npz;
  beforeAll(async () => {
    const mean = randoms('tex map', 512 * 512 * 3, 60, 150);
    const rows = randoms('tex maps', 1000 * 80, 4);
    const assets = {
      model,
      uvs,
      colourMapMean: halvedMap(1, (texel) => mean.subarray(texel, texel + 1)),
      colourMapBase: halvedMap(80, (texel) => rows.subarray(80 * (texel % 1000), 80 * (texel % 1000) + 80)),
      alpha: 0.6,
      beta: 0.4,
    } as ReferenceAssets;
    const coefficients = new Float32Array(257);
    coefficients.set(randoms('c id', 80, 0.5), 0);
    coefficients.set(randoms('c exp', 64, 0.5), 80);
    coefficients.set(randoms('c tex', 80, 0.5), 144);
    coefficients.set([0.1, -0.2, 0.05], 224);
    coefficients.set(randoms('c gamma', 27, 0.1), 227);
    coefficients.set([0.05, -0.1, 0.3], 254);
    const networks: Record<ReferenceNetwork, (input: Float32Array) => Float32Array> = {
      coefficients: () => coefficients,
      // Its graph holds what comes before and after the network: twice the size, and back.
      retouch: (input) => {
        const large = channelsFirst([{ data: resized(channelsLast(input), MAP_PX, 512, 3), channels: 3 }], 512);
        const blend = layer('net retouch', 3, 3, (x) => 1 / (1 + Math.exp(-x)))(large);
        return channelsFirst([{ data: resized(channelsLast(blend), 512, MAP_PX, 3), channels: 3 }], MAP_PX);
      },
      mid: layer('net mid', 6, 3, Math.tanh),
      high: layer('net high', 9, 1, Math.tanh),
    };
    const mask = new Float32Array(IMAGE_PX * IMAGE_PX);
    for (let y = 60; y < 170; y++) mask.fill(1, y * IMAGE_PX + 50, y * IMAGE_PX + 165);
    face = await hrnMethod(
      assets,
      uvGrid(model, uvs, MAP_PX),
      {
        picture: picture('picture', 3, IMAGE_PX),
        largePicture: picture('large', 3, 512),
        texturePicture: picture('for texture', 3, IMAGE_PX),
        mask,
      },
      async (name, input) => networks[name](input),
      new WorkSlices(),
      () => {},
    );
    truth = await Npz.open(await readFile(fixture('hrn.npz')));
  }, 60_000);

  /** The largest difference in shares of the largest value. */
  async function apart(name: string, values: Float32Array, step: number): Promise<number> {
    const { data } = await truth.numbers(name, [null]);
    let [largest, worst] = [0, 0];
    for (const x of data) largest = Math.max(largest, Math.abs(x));
    for (let i = 0; i < data.length; i++) worst = Math.max(worst, Math.abs(values[i * step]! - data[i]!));
    return worst / largest;
  }

  it('maps, vertices and colours', async () => {
    expect(await apart('smoothValid', face.displacement!.bare, 31)).toBeLessThan(1e-4);
    expect(await apart('deformation', face.deformation.data, 7)).toBeLessThan(1e-4);
    expect(await apart('displacement', face.displacement!.heights, 31)).toBeLessThan(1e-4);
    const { angles, translation } = face.parts;
    expect(await apart('camera', toCamera(turned(face.shape, rotationOf(angles), translation)), 1)).toBeLessThan(1e-5);
    const covered = Float32Array.from(face.visibility.triangle, (t) => (t >= 0 ? 1 : 0));
    expect(await apart('mask', covered, 31)).toBe(0);
    // After a hundred steps of Adam, which divide by what a gradient was.
    expect(await apart('colours', face.texture, 97)).toBeLessThan(1e-3);
  });

  it('the mesh of high frequencies lies on its own', async () => {
    const { heights } = face.displacement!;
    const mesh = {
      ...{ positions: face.shape, normals: face.normals, indices: model.triangles },
      uvs: uvs.map((x, i) => (i % 2 === 0 ? x : 1 - x)),
      parts: [{ name: 'skin' as const, firstIndex: 0, indexCount: model.triangles.length }],
    };
    const dense = displacedMesh(mesh, { data: heights, size: MAP_PX });
    expect(dense.indices).toHaveLength(4 * model.triangles.length);
    const n = 2 * G - 1;
    const { data } = await truth.numbers('dense', [n, n, 3]);
    const own = turned(dense.positions, rotationOf(face.parts.angles), face.parts.translation);
    const distances: number[] = [];
    for (let v = 0; v < own.length / 3; v++) {
      const [column, row] = [0, 1].map((k) => Math.round(((2 * dense.uvs[2 * v + k]! - 1) / 0.9 + 1) * (G - 1))) as [
        number,
        number,
      ];
      // The outermost texels lie outside the mesh.
      if (Math.min(column, row) < 1 || Math.max(column, row) > n - 2) continue;
      distances.push(Math.hypot(...[0, 1, 2].map((k) => own[3 * v + k]! - data[3 * (row * n + column) + k]!)));
    }
    expect(distances).toHaveLength((n - 2) ** 2);
    // A texel's middle is up to 0.005 from the vertex; heights of up to 0.04 jump from cell to cell.
    distances.sort((a, b) => a - b);
    expect(distances[Math.floor(distances.length / 2)]!).toBeLessThan(0.004);
    expect(distances.at(-1)!).toBeLessThan(0.04);
  });

  it('the picture that completes the texture is widened along the outline', async () => {
    const line = (count: number, place: (k: number) => [number, number]) =>
      Float32Array.from(Array.from({ length: count }, (_, k) => place(k)).flat(), (x) => (x * IMAGE_PX) / 400);
    const zigzag = (count: number, x: number, y: number, step: number, closed = false) => ({
      points: line(count, (k) => [x + step * k + 0.3, y + 7 * (k % 2) + 0.3]),
      closed,
    });
    const [x0, y0, x1, y1] = line(2, (k) => (k === 0 ? [90, 100] : [310, 310])) as unknown as number[];
    const lines = {
      outline: line(33, (k) => [
        200.3 - 110 * Math.cos((Math.PI * k) / 32),
        170.3 + 140 * Math.sin((Math.PI * k) / 32),
      ]),
      inner: [
        ...[zigzag(5, 120, 140, 12), zigzag(5, 230, 140, 12), zigzag(4, 200, 170, 1), zigzag(7, 175, 240, 8)],
        ...[zigzag(8, 125, 165, 6, true), zigzag(8, 230, 165, 6, true), zigzag(12, 165, 270, 6, true)],
      ],
      box: { x0: x0!, y0: y0!, x1: x1!, y1: y1! },
    };
    const before = picture('picture', 3, IMAGE_PX).map((x) => Math.round(255 * x) / 255);
    const after = widened(before, IMAGE_PX, lines);
    const { data } = await truth.numbers('widened', [null]);
    const moved = data.filter((x, i) => Math.abs(x - 255 * before[13 * i]!) > 2.5);
    const unlike = data.filter((x, i) => Math.abs(x - 255 * after[13 * i]!) > 2.5);
    // A cell's edge in another place by a tenth of a pixel: OpenCV draws and blurs in whole numbers.
    expect(moved.length).toBeGreaterThan(0.03 * data.length);
    expect(unlike.length).toBeLessThan(0.007 * data.length);
  });

  it.each([
    ['large', 700, 500, 400],
    ['small', 150, 120, 60],
  ] as const)(
    'a %s photo is laid on the standard face and cut out, to the last bit',
    async (name, width, height, size) => {
      const parts = [-0.3, 0.3, 0.2, 0.3, 0.3, 0.2, 0, 0, 0.5, -0.2, -0.35, 0.25, 0.2, -0.35, 0.25];
      const standard = Float64Array.from(randoms('standard', 15, 0.05), (x, i) =>
        Math.fround(x + Math.fround(parts[i]!)),
      );
      const data = Uint8Array.from(randoms(`photo ${name}`, 3 * width * height, 0.5, 0.5), (x) => Math.round(255 * x));
      const middle = [0.45 * width, 0.4 * height];
      const points = Float64Array.from(randoms(`points ${name}`, 136, size / 2), (x, i) => x + middle[i % 2]!);
      const places = [36, 0, 39, 0, 42, 1, 45, 1, 30, 2, 48, 3, 54, 4];
      for (let n = 0; n < places.length; n += 2) {
        const [index, of] = [places[n]!, places[n + 1]!];
        const noise = randoms(`${name} ${index}`, 2, 0.02 * size);
        const place = [
          [-0.3, 0.3],
          [0.3, 0.3],
          [0, 0],
          [-0.2, -0.35],
          [0.2, -0.35],
        ][of]!;
        for (let k = 0; k < 2; k++) points[2 * index + k] = place[k]! * size + middle[k]! + noise[k]!;
      }
      const at = align(Float32Array.from(points), standard, { width, height }, IMAGE_PX);
      expect(await apart(`${name}Landmarks`, at.landmarks, 1)).toBeLessThan(1e-5);
      const cut = await bicubicCrop({ data, width, height, channels: 3 }, at, new WorkSlices());
      const { data: theirs } = await truth.numbers(`${name}Crop`, [null]);
      expect(theirs.every((x, i) => x === Math.round(255 * cut[31 * i]!))).toBe(true);
      expect(theirs.filter((x) => x > 0).length).toBeGreaterThan(0.4 * theirs.length);
    },
  );

  it.each([
    ['wide', 2400, 90, [1500, 56]],
    ['high', 60, 2100, [42, 1500]],
  ] as const)('a %s photo is made smaller first', async (name, width, height, size) => {
    const data = Uint8Array.from(randoms(`photo ${name}`, 3 * width * height, 0.5, 0.5), (x) => Math.round(255 * x));
    const smaller = await smallerPhoto({ data, width, height, channels: 3 }, new WorkSlices());
    expect([smaller.width, smaller.height]).toEqual(size);
    const { data: theirs } = await truth.numbers(`${name}Smaller`, [null]);
    const unlike = theirs.filter((x, i) => x !== smaller.data[31 * i]);
    expect(unlike.length).toBeLessThan(0.001 * theirs.length);
  });

  it.skipIf(!canRunReference)(
    `is what is kept here (${referenceCode})`,
    async () => {
      await runReference('oracle.py', [], 'hrn.npz', async (folder) => {
        const fresh = await Npz.open(await readFile(join(folder, 'hrn.npz')));
        expect(fresh.names()).toEqual(truth.names());
        for (const name of truth.names()) {
          const shape = name === 'dense' ? [null, null, null] : [null];
          const [now, kept] = [await fresh.numbers(name, shape), await truth.numbers(name, shape)];
          const limit = name === 'colours' || name === 'widened' ? 1e-3 : 1e-4;
          for (let i = 0; i < kept.data.length; i++)
            expect(Math.abs(now.data[i]! - kept.data[i]!)).toBeLessThan(limit * Math.max(1, Math.abs(kept.data[i]!)));
        }
      });
    },
    300_000,
  );
});

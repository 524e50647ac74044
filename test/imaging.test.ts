import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CropSpec, NativeContext } from '../lib/native/binding.js';
import type { Affine } from '../lib/native/face-view.js';
import { native } from '../lib/native/load.js';
import type { Raster } from '../lib/result.js';
import { mirrored, Photo, regionToPhoto, transform } from '../lib/stages/photo.js';

let context: NativeContext;
beforeAll(() => {
  context = new (native().Context)({ threads: 3 });
});
afterAll(() => context.dispose());

/** Values from a fixed formula: no two neighbours alike. */
function pattern(width: number, height: number, channels: 3 | 4): Raster {
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 7919 + (i >> 3) * 31) % 256);
  return { data, width, height, channels };
}

async function crop(raster: Raster, spec: Partial<CropSpec> & { matrix: Affine; width: number; height: number }) {
  const photo = new Photo(context, raster);
  const result = await photo.crop({ low: 0, high: 1, border: 'zero', ...spec });
  photo.dispose();
  return result;
}

/** The definition: bilinear between pixel centres. */
function bilinear({ data, width, height, channels }: Raster, x: number, y: number, c: number, border: string): number {
  const [x0, y0] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
  const at = (column: number, row: number): number => {
    const inside = column >= 0 && row >= 0 && column < width && row < height;
    if (!inside && border === 'zero') return 0;
    const [u, v] = [Math.min(width - 1, Math.max(0, column)), Math.min(height - 1, Math.max(0, row))];
    return data[(v * width + u) * channels + c]! / 255;
  };
  const [fx, fy] = [x - 0.5 - x0, y - 0.5 - y0];
  const top = at(x0, y0) * (1 - fx) + at(x0 + 1, y0) * fx;
  return top * (1 - fy) + (at(x0, y0 + 1) * (1 - fx) + at(x0 + 1, y0 + 1) * fx) * fy;
}

describe('cropImage', () => {
  it.each([
    ['identity', [1, 0, 0, 0, 1, 0]],
    ['enlarged', [0.3, 0, 4, 0, 0.3, 5]],
    ['turned', [0.8, -0.5, 10, 0.5, 0.8, -3]],
    ['mirrored', [-1, 0, 30, 0, 1, 2]],
    ['mostly outside', [1, 0, 25, 0, 1, -12]],
  ] as [string, Affine][])('is bilinear: %s', async (_name, matrix) => {
    for (const channels of [3, 4] as const) {
      for (const border of ['zero', 'replicate'] as const) {
        const raster = pattern(29, 23, channels);
        const result = await crop(raster, { matrix, width: 16, height: 20, low: -1, high: 1, border });
        expect(result).toHaveLength(16 * 20 * 3);
        for (let i = 0; i < result.length; i++) {
          const [u, v] = [Math.floor(i / 3) % 16, Math.floor(i / 48)];
          const [x, y] = transform(matrix, u + 0.5, v + 0.5);
          expect(result[i]).toBeCloseTo(2 * bilinear(raster, x, y, i % 3, border) - 1, 5);
        }
      }
    }
  });

  it('averages where it shrinks: a fine checkerboard becomes grey, not stripes', async () => {
    const side = 600;
    const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
      const pixel = Math.floor(i / 3);
      return ((pixel % side) + Math.floor(pixel / side)) % 2 === 0 ? 0 : 255;
    });
    const raster: Raster = { data, width: side, height: side, channels: 3 };
    for (const shrink of [4, 10.3, 31]) {
      const matrix: Affine = [shrink, 0, 17, 0, shrink, 23];
      const width = Math.floor(540 / shrink);
      for (const value of await crop(raster, { matrix, width, height: width })) expect(value).toBeCloseTo(0.5, 1);
    }
  });

  it('keeps the mean and the place of what it shrinks', async () => {
    // A ramp in x: each crop pixel must be the ramp's value at its centre.
    const [width, height] = [400, 300];
    const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (Math.floor(i / 3) % width) >> 1);
    const matrix: Affine = [8, 0, 12, 0, 8, 4];
    const result = await crop({ data, width, height, channels: 3 }, { matrix, width: 40, height: 30, high: 255 });
    for (let u = 0; u < 40; u++) expect(result[3 * u]).toBeCloseTo((12 + 8 * (u + 0.5) - 0.5) / 2 - 0.25, 1);
  });

  it('gives the same bytes for any number of threads', async () => {
    const raster = pattern(301, 203, 3);
    const matrix = regionToPhoto({ x: 140, y: 90, size: 260, angle: 0.4 }, 96);
    const results: Float32Array[] = [];
    for (const threads of [1, 2, 5]) {
      const own = new (native().Context)({ threads });
      const photo = new Photo(own, raster);
      results.push(await photo.crop({ matrix, width: 96, height: 96, low: 0, high: 1, border: 'replicate' }));
      photo.dispose();
      own.dispose();
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  it('works with one pixel and with regions far away', async () => {
    const raster: Raster = { data: Uint8Array.of(255, 128, 0), width: 1, height: 1, channels: 3 };
    const spec = { matrix: [1e6, 0, -1e6, 0, 1e6, 1e6] as Affine, width: 3, height: 2 };
    expect(new Set(await crop(raster, spec))).toEqual(new Set([0]));
    const replicated = await crop(raster, { ...spec, border: 'replicate' });
    expect(replicated.slice(0, 3)).toEqual(Float32Array.of(1, 128 / 255, 0));
  });

  it.each([
    ['matrix of five', { matrix: [1, 0, 0, 0, 1] }],
    ['NaN in the matrix', { matrix: [1, 0, 0, 0, 1, Number.NaN] }],
    ['infinite matrix', { matrix: [1, 0, 0, 0, 1, Number.POSITIVE_INFINITY] }],
    ['no width', { width: 0 }],
    ['huge height', { height: 1e9 }],
    ['fractional width', { width: 1.5 }],
    ['unknown border', { border: 'mirror' }],
    ['low is text', { low: '0' }],
  ])('refuses %s', (_name, wrong) => {
    const { Image, cropImage } = native();
    const image = new Image(pattern(4, 4, 3));
    const spec = { matrix: [1, 0, 0, 0, 1, 0], width: 4, height: 4, low: 0, high: 1, border: 'zero', ...wrong };
    expect(() => cropImage(context, image, spec as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
    image.dispose();
  });

  it('refuses a disposed image and something that is not one', () => {
    const image = new (native().Image)(pattern(4, 4, 3));
    image.dispose();
    image.dispose();
    const spec: CropSpec = { matrix: [1, 0, 0, 0, 1, 0], width: 4, height: 4, low: 0, high: 1, border: 'zero' };
    expect(() => native().cropImage(context, image, spec)).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
    expect(() => native().cropImage(context, {} as never, spec)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

describe('Image', () => {
  it.each([
    ['too little data', { data: new Uint8Array(11) }],
    ['too much data', { data: new Uint8Array(13) }],
    ['floats', { data: new Float32Array(12) }],
    ['one channel', { channels: 1 }],
    ['no width', { width: 0 }],
    ['negative height', { height: -2 }],
    ['a size that overflows', { width: 2 ** 40 }],
  ])('refuses %s', (_name, wrong) => {
    const image = { data: new Uint8Array(12), width: 2, height: 2, channels: 3, ...wrong };
    expect(() => new (native().Image)(image as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('guidedUpsample', () => {
  const size = 16;
  const fineSize = 64;
  /** Two colours that meet at a fine column; a mask whose edge is blurred and two fine pixels off. */
  const edge = 34;
  const guide = Float32Array.from({ length: size * size * 3 }, (_, i) => {
    const column = Math.floor(i / 3) % size;
    const share = Math.min(1, Math.max(0, edge / 4 - column));
    return 0.2 + 0.6 * share;
  });
  const fineGuide = Float32Array.from({ length: fineSize * fineSize * 3 }, (_, i) =>
    Math.floor(i / 3) % fineSize < edge ? 0.8 : 0.2,
  );
  const mask = Float32Array.from({ length: size * size }, (_, i) => Math.min(1, Math.max(0, (10 - (i % size)) / 3)));
  const options = { mask, guide, size, fineGuide, fineSize, radius: 4, epsilon: 1e-4 };

  it('moves a soft edge to the edge in the photo', async () => {
    const fine = await native().guidedUpsample(context, options).promise;
    expect(fine).toHaveLength(fineSize * fineSize);
    const row = fine.subarray(32 * fineSize, 33 * fineSize);
    const steps = Array.from({ length: fineSize - 1 }, (_, x) => row[x]! - row[x + 1]!);
    expect(steps.indexOf(Math.max(...steps))).toBe(edge - 1);
    expect(row[2]).toBeGreaterThan(0.95);
    expect(row[fineSize - 3]).toBeLessThan(0.05);
  });

  it('keeps the mask where the photo is flat', async () => {
    const flat = { ...options, guide: guide.map(() => 0.5), fineGuide: fineGuide.map(() => 0.5), radius: 1 };
    const fine = await native().guidedUpsample(context, flat).promise;
    for (let x = 0; x < fineSize; x++) {
      const soft = Math.min(1, Math.max(0, (10 - (x + 0.5) / 4 + 0.5) / 3));
      expect(Math.abs(fine[x]! - soft)).toBeLessThan(0.2);
    }
  });

  it.each([
    ['a short mask', { mask: new Float32Array(3) }],
    ['no radius', { radius: 0 }],
    ['no epsilon', { epsilon: 0 }],
  ])('refuses %s', (_name, wrong) => {
    expect(() => native().guidedUpsample(context, { ...options, ...wrong })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });

  it('refuses NaN', async () => {
    const { promise } = native().guidedUpsample(context, { ...options, guide: guide.map(() => Number.NaN) });
    await expect(promise).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('regions', () => {
  it('map their corners and their mirror image', () => {
    const matrix = regionToPhoto({ x: 50, y: 60, size: 20, angle: Math.PI / 2 }, 10);
    const [x, y] = transform(matrix, 0, 0);
    // Turned clockwise by a quarter, the region's top-left corner is the photo's top-right one.
    expect([x, y].map((value) => Math.round(value * 1e6) / 1e6)).toEqual([60, 50]);
    expect(transform(mirrored(matrix, 10), 10, 0)).toEqual([x, y]);
  });
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { focalLengthFromExif } from '../lib/image/exif.js';
import { type DecodedImage, decodeImage, type ImageInput } from '../lib/image.js';
import { DEFAULT_LIMITS } from '../lib/options.js';
import { tiff } from './tiff.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-image-'));
});
afterAll(() => rm(folder, { recursive: true }));

const decode = (image: ImageInput, limits = {}) => decodeImage(image, { ...DEFAULT_LIMITS, ...limits });
const code = (image: unknown, limits = {}) =>
  decode(image as ImageInput, limits).then(
    () => 'no error',
    (error) => error.code ?? error,
  );
const pixel = ({ data, width }: DecodedImage, x: number, y: number) => [
  ...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
];
/** Every channel within `tolerance` of what is expected. */
const near = (got: number[], expected: number[], tolerance = 3) =>
  expect(
    got.every((value, i) => Math.abs(value - expected[i]!) <= tolerance),
    `${got} is not about ${expected}`,
  ).toBe(true);

/** 64 x 48: red, green over blue, white; smooth enough for any codec. */
const quadrants = (() => {
  const data = Buffer.alloc(64 * 48 * 3);
  for (let y = 0; y < 48; ++y) {
    for (let x = 0; x < 64; ++x) {
      const colour = y < 24 ? (x < 32 ? [255, 0, 0] : [0, 255, 0]) : x < 32 ? [0, 0, 255] : [255, 255, 255];
      data.set(colour, 3 * (y * 64 + x));
    }
  }
  return { data, raw: { width: 64, height: 48, channels: 3 as const } };
})();
const source = () => sharp(quadrants.data, { raw: quadrants.raw });
const expectQuadrants = (image: DecodedImage, tolerance = 6) => {
  expect([image.width, image.height, image.channels, image.data.length]).toEqual([64, 48, 3, 64 * 48 * 3]);
  near(pixel(image, 10, 10), [255, 0, 0], tolerance);
  near(pixel(image, 50, 10), [0, 255, 0], tolerance);
  near(pixel(image, 10, 40), [0, 0, 255], tolerance);
  near(pixel(image, 50, 40), [255, 255, 255], tolerance);
};

describe('decodeImage accepts', () => {
  it('a path, a file URL, a Buffer and a Uint8Array', async () => {
    const bytes = await source().png().toBuffer();
    const path = join(folder, 'q u%20ads.png');
    await writeFile(path, bytes);
    for (const image of [path, pathToFileURL(path), bytes, new Uint8Array(bytes)]) expectQuadrants(await decode(image));
  });

  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)('%s', async (format) => {
    const quality = format === 'jpeg' || format === 'webp' || format === 'avif' ? { quality: 95 } : {};
    expectQuadrants(await decode(await source().toFormat(format, quality).toBuffer()), 30);
  });

  it('heic', async () => {
    const bytes = await readFile(new URL('golden/quadrants.heic', import.meta.url));
    expectQuadrants(await decode(bytes), 30);
    await expect(decode(bytes.subarray(0, bytes.length - 100))).rejects.toMatchObject({ code: 'IMAGE_TRUNCATED' });
    expect(await code(bytes, { maxSide: 60 })).toBe('IMAGE_TOO_LARGE');
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %i', async (orientation) => {
    // What a camera would store so that applying the orientation gives the upright picture (sharp mirrors first).
    const undo: Record<number, (s: Sharp) => Sharp> = {
      1: (s) => s,
      2: (s) => s.flop(),
      3: (s) => s.rotate(180),
      4: (s) => s.flip(),
      5: (s) => s.flop().rotate(270),
      6: (s) => s.rotate(270),
      7: (s) => s.flop().rotate(90),
      8: (s) => s.rotate(90),
    };
    const stored = await undo[orientation]!(source()).png().toBuffer();
    const tagged = await sharp(stored).withMetadata({ orientation }).jpeg({ quality: 95, chromaSubsampling: '4:4:4' });
    expectQuadrants(await decode(await tagged.toBuffer()), 12);
  });

  it('greyscale', async () => {
    const grey = await sharp(Buffer.alloc(40 * 40, 130), { raw: { width: 40, height: 40, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect((await sharp(grey).metadata()).channels).toBe(1);
    expect(pixel(await decode(grey), 20, 20)).toEqual([130, 130, 130]);
  });

  it('greyscale with alpha, laid on white', async () => {
    const data = Buffer.alloc(40 * 40 * 2);
    for (let i = 0; i < 1600; ++i) data.set([100, 128], 2 * i);
    const bytes = await sharp(data, { raw: { width: 40, height: 40, channels: 2 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    near(pixel(await decode(bytes), 20, 20), [177, 177, 177]);
  });

  it('a palette', async () => {
    expectQuadrants(await decode(await source().png({ palette: true }).toBuffer()));
  });

  it('alpha, laid on white', async () => {
    const bytes = await sharp({
      create: { width: 40, height: 40, channels: 4, background: { r: 200, g: 0, b: 0, alpha: 0.5 } },
    })
      .png()
      .toBuffer();
    near(pixel(await decode(bytes), 5, 5), [228, 128, 128]);
  });

  it('16 bits, with and without alpha', async () => {
    for (const channels of [3, 4] as const) {
      const data = new Uint16Array(40 * 40 * channels);
      for (let i = 0; i < 1600; ++i)
        data.set(
          [200, 100, 50, 255].slice(0, channels).map((v) => v * 257),
          channels * i,
        );
      const bytes = await sharp(data, { raw: { width: 40, height: 40, channels } })
        .toColourspace('rgb16')
        .png()
        .toBuffer();
      expect((await sharp(bytes).metadata()).depth).toBe('ushort');
      near(pixel(await decode(bytes), 20, 20), [200, 100, 50]);
    }
  });

  it('16-bit greyscale', async () => {
    const data = new Uint16Array(40 * 40).fill(130 * 257);
    const bytes = await sharp(data, { raw: { width: 40, height: 40, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    expect((await sharp(bytes).metadata()).depth).toBe('ushort');
    near(pixel(await decode(bytes), 20, 20), [130, 130, 130]);
  });

  it('CMYK', async () => {
    const bytes = await source().toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe('cmyk');
    const image = await decode(bytes);
    expect([image.width, image.height, image.channels]).toEqual([64, 48, 3]);
    const [r, g, b] = pixel(image, 10, 10);
    expect(r! > 180 && g! < 90 && b! < 90, `${r} ${g} ${b} is not red`).toBe(true);
  });

  it('a wide gamut, converted to sRGB', async () => {
    const bytes = await sharp({ create: { width: 40, height: 40, channels: 3, background: { r: 200, g: 100, b: 50 } } })
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    expect(Math.abs(stored[0]! - 200)).toBeGreaterThan(8);
    near(pixel(await decode(bytes), 20, 20), [200, 100, 50]);
  });

  it('the first frame of an animation', async () => {
    const frames = Buffer.concat([
      await sharp({ create: { width: 40, height: 40, channels: 3, background: 'red' } })
        .raw()
        .toBuffer(),
      await sharp({ create: { width: 40, height: 40, channels: 3, background: 'blue' } })
        .raw()
        .toBuffer(),
    ]);
    for (const format of ['gif', 'webp'] as const) {
      const bytes = await sharp(frames, { raw: { width: 40, height: 80, channels: 3, pageHeight: 40 } })
        .toFormat(format, { loop: 0, delay: [100, 100] })
        .toBuffer();
      expect((await sharp(bytes).metadata()).pages).toBe(2);
      const image = await decode(bytes);
      expect([image.width, image.height]).toEqual([40, 40]);
      near(pixel(image, 20, 20), [255, 0, 0], 8);
    }
  });
});

describe('raw pixels', () => {
  const raw = (data: unknown, channels: number, width = 40, height = 40) =>
    ({ data, width, height, channels }) as never;
  const filled = <T extends { set(values: number[], at: number): void }>(array: T, values: number[]) => {
    for (let i = 0; i < 1600; ++i) array.set(values, values.length * i);
    return array;
  };

  it.each([
    ['bytes', filled(new Uint8Array(4800), [10, 20, 30]), 3, [10, 20, 30]],
    ['clamped bytes with alpha', filled(new Uint8ClampedArray(6400), [200, 0, 0, 128]), 4, [227, 127, 127]],
    ['16 bits', filled(new Uint16Array(4800), [2570, 5140, 65535]), 3, [10, 20, 255]],
    ['floats', filled(new Float32Array(4800), [0, 0.5, 1]), 3, [0, 128, 255]],
    ['grey', filled(new Uint8Array(1600), [77]), 1, [77, 77, 77]],
    ['grey and alpha', filled(new Uint8Array(3200), [0, 0]), 2, [255, 255, 255]],
  ])('%s', async (_, data, channels, expected) => {
    const image = await decode(raw(data, channels));
    expect(pixel(image, 39, 39)).toEqual(expected);
    expect(image.focalLengthPx).toBeUndefined();
  });

  it.each([
    ['too short', raw(new Uint8Array(4799), 3)],
    ['too long', raw(new Uint8Array(4801), 3)],
    ['NaN', raw(new Float32Array(4800).fill(Number.NaN, 100, 101), 3)],
    ['infinite', raw(new Float32Array(4800).fill(Number.POSITIVE_INFINITY), 3)],
    ['floats up to 255', raw(new Float32Array(4800).fill(200), 3)],
    ['five channels', raw(new Uint8Array(8000), 5)],
    ['no channels', raw(new Uint8Array(4800), undefined as never)],
    ['NaN width', raw(new Uint8Array(4800), 3, Number.NaN)],
    ['negative', raw(new Uint8Array(4800), 3, -40, -40)],
    ['fractional', raw(new Uint8Array(4800), 3, 40.5)],
    ['zero', raw(new Uint8Array(0), 3, 0, 0)],
    ['infinite width', raw(new Uint8Array(4800), 3, Number.POSITIVE_INFINITY)],
    ['an array', raw(Array(4800).fill(1), 3)],
    ['doubles', raw(new Float64Array(4800), 3)],
    ['no data', raw(undefined, 3)],
  ])('%s: INVALID_IMAGE', async (_, image) => expect(await code(image)).toBe('INVALID_IMAGE'));

  it('has the same limits', async () => {
    expect(await code(raw(new Uint8Array(0), 3, 30_000, 30_000))).toBe('IMAGE_TOO_LARGE');
    expect(await code(raw(new Uint8Array(3), 3, 1, 1))).toBe('IMAGE_TOO_SMALL');
  });
});

/** A PNG that claims a size; nothing but its header is valid. */
function pngHeader(width: number, height: number): Buffer {
  const ihdr = Buffer.alloc(25);
  ihdr.writeUInt32BE(13, 0);
  ihdr.write('IHDR', 4, 'latin1');
  ihdr.writeUInt32BE(width, 8);
  ihdr.writeUInt32BE(height, 12);
  ihdr.set([8, 2, 0, 0, 0], 16);
  ihdr.writeUInt32BE(crc32(ihdr.subarray(4, 21)), 21);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    ihdr,
    Buffer.from('\0\0\0\0IDAT\0\0\0\0'),
  ]);
}
function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; ++k) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

describe('decodeImage refuses', () => {
  it('what is not there', async () => {
    expect(await code(join(folder, 'none.jpg'))).toBe('FILE_NOT_FOUND');
    expect(await code(pathToFileURL(join(folder, 'none.jpg')))).toBe('FILE_NOT_FOUND');
    await writeFile(join(folder, 'file'), 'x');
    expect(await code(join(folder, 'file', 'inside.jpg'))).toBe('FILE_NOT_FOUND');
  });
  it('a directory', async () => expect(await code(folder)).toBe('IS_DIRECTORY'));
  it('a device', async () => expect(await code('/dev/zero')).toBe('FILE_UNREADABLE'));
  it('zero bytes', async () => {
    expect(await code(Buffer.alloc(0))).toBe('IMAGE_EMPTY');
    await writeFile(join(folder, 'empty.png'), '');
    expect(await code(join(folder, 'empty.png'))).toBe('IMAGE_EMPTY');
  });
  it.each([
    ['text', Buffer.from('not an image, whatever its name says')],
    ['one byte', Buffer.from([0xff])],
    ['a PDF', Buffer.from('%PDF-1.7\n1 0 obj\n<<>>\nendobj\n')],
    ['an SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>')],
  ])('%s', async (_, bytes) => expect(await code(bytes)).toBe('NOT_AN_IMAGE'));

  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)(
    'a truncated %s, wherever it is cut',
    async (format) => {
      const noise = Buffer.from(Array.from({ length: 96 * 96 * 3 }, (_, i) => (i * 2654435761) >>> 24));
      const bytes = await sharp(noise, { raw: { width: 96, height: 96, channels: 3 } })
        .toFormat(format)
        .toBuffer();
      expect(await code(bytes)).toBe('no error');
      for (const part of [0.05, 0.3, 0.5, 0.9]) {
        expect(await code(bytes.subarray(0, Math.floor(part * bytes.length))), `cut at ${part}`).toBe(
          'IMAGE_TRUNCATED',
        );
      }
    },
  );

  it('a 30,000 x 30,000 header, before decoding', async () => {
    const started = process.memoryUsage().rss;
    expect(await code(pngHeader(30_000, 30_000))).toBe('IMAGE_TOO_LARGE');
    expect(await code(pngHeader(16_000, 16_000))).toBe('IMAGE_TOO_LARGE');
    expect(process.memoryUsage().rss - started).toBeLessThan(100e6);
  });
  it('more than the limits given', async () => {
    const bytes = await source().png().toBuffer();
    expect(await code(bytes, { maxPixels: 64 * 48 - 1 })).toBe('IMAGE_TOO_LARGE');
    expect(await code(bytes, { maxSide: 63 })).toBe('IMAGE_TOO_LARGE');
    expect(await code(bytes, { maxPixels: 64 * 48, maxSide: 64 })).toBe('no error');
  });
  it('one pixel', async () => {
    const bytes = await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    expect(await code(bytes)).toBe('IMAGE_TOO_SMALL');
  });
  it.each([[null], [undefined], [5], [true], [{}], [new Float32Array(4)], [Symbol('x')], [() => 1]])(
    '%s as an image',
    async (image) => expect(await code(image)).toBe('INVALID_IMAGE'),
  );
  it('web addresses and odd URLs', async () => {
    expect(await code('https://example.org/a.jpg')).toBe('INVALID_IMAGE');
    expect(await code(new URL('https://example.org/a.jpg'))).toBe('INVALID_IMAGE');
    expect(await code(new URL('file://host/a.jpg'))).toBe('INVALID_IMAGE');
    expect(await code('a\0b.jpg')).toBe('INVALID_IMAGE');
  });
  it('when aborted', async () => {
    const reason = new Error('enough');
    const bytes = await source().png().toBuffer();
    await expect(decodeImage(bytes, { ...DEFAULT_LIMITS, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const pending = decodeImage(bytes, { ...DEFAULT_LIMITS, signal: controller.signal });
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
  });
});

describe('focal length from EXIF', () => {
  const photo = (tags: Record<string, string>, width = 360, height = 240) =>
    sharp({ create: { width, height, channels: 3, background: 'grey' } })
      .withExif({ IFD2: tags })
      .jpeg()
      .toBuffer();
  const focal = async (tags: Record<string, string>, width?: number, height?: number) =>
    (await decode(await photo(tags, width, height))).focalLengthPx;

  it('comes from the 35 mm equivalent', async () =>
    expect(await focal({ FocalLengthIn35mmFilm: '50' })).toBeCloseTo(500, 6));
  it('comes from the sensor resolution', async () =>
    expect(
      await focal({ FocalLength: '50/1', FocalPlaneXResolution: '254/1', FocalPlaneResolutionUnit: '2' }, 360, 240),
    ).toBeCloseTo(500, 6));
  it('is unknown without either', async () => {
    expect(await focal({ FocalLength: '50/1' })).toBeUndefined();
    expect((await decode(await source().jpeg().toBuffer())).focalLengthPx).toBeUndefined();
  });
  it('is unknown when implausible', async () => expect(await focal({ FocalLengthIn35mmFilm: '1' })).toBeUndefined());
  it('is unknown when the block is damaged', async () =>
    expect(focalLengthFromExif(Buffer.from('Exif\0\0II*\0\xff\xff\xff\xff', 'latin1'), 360, 240)).toBeUndefined());
  it('scales with a resized photo and is unknown for a cropped one', () => {
    expect(focalLengthFromExif(exifBlock(50, 3600, 2400), 360, 240)).toBeCloseTo(500, 6);
    expect(focalLengthFromExif(exifBlock(50, 2400, 3600), 360, 240)).toBeCloseTo(500, 6);
    expect(focalLengthFromExif(exifBlock(50, 360, 360), 360, 240)).toBeUndefined();
  });
});

/** FocalLengthIn35mmFilm, PixelXDimension and PixelYDimension; written by hand as libvips replaces the dimensions. */
function exifBlock(focal: number, width: number, height: number): Buffer {
  const block = Buffer.alloc(6 + 26 + 42);
  block.write('Exif\0\0II*\0', 'latin1');
  block.writeUInt32LE(8, 10);
  const entry = (at: number, tag: number, value: number) => {
    block.writeUInt16LE(tag, at);
    block.writeUInt16LE(4, at + 2); // LONG
    block.writeUInt32LE(1, at + 4);
    block.writeUInt32LE(value, at + 8);
  };
  block.writeUInt16LE(1, 14);
  entry(16, 0x8769, 26);
  block.writeUInt16LE(3, 32);
  entry(34, 0xa002, width);
  entry(46, 0xa003, height);
  entry(58, 0xa405, focal);
  return block;
}

describe('a TIFF that would decode to nonsense is refused by the name of its kind', () => {
  const kind = { width: 40, height: 40 } as const;
  const grey = Buffer.from(new Float32Array(1600).fill(0.5).buffer);
  it.each([
    [
      'Lab, 8 bits',
      tiff(Buffer.alloc(4800, 128), { ...kind, channels: 3, bits: 8, isFloat: false, photometric: 8 }),
      'Lab',
    ],
    [
      'Lab, 16 bits',
      tiff(Buffer.alloc(9600, 128), { ...kind, channels: 3, bits: 16, isFloat: false, photometric: 8 }),
      'Lab',
    ],
    ['grey floats', tiff(grey, { ...kind, channels: 1, bits: 32, isFloat: true, photometric: 1 }), 'floating-point'],
  ])('%s', async (_, bytes, message) => {
    await expect(decode(bytes)).rejects.toMatchObject({
      code: 'NOT_AN_IMAGE',
      message: expect.stringContaining(message),
    });
  });
});

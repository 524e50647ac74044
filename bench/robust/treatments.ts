/** What happens to whole pictures before they are sent: light, blur, compression, filters, prints, marks. */
import sharp, { type Sharp } from 'sharp';
import type { Random } from '../../lib/sample/random.js';
import { valueNoise } from '../../models/train/value-noise.js';

/** With their share in a hundred of all pictures. */
export const TREATMENTS = {
  dark: 1.5,
  bright: 1.5,
  flat: 1,
  blurred: 2,
  compressed: 2,
  sepia: 1.5,
  posterised: 1.5,
  brushed: 2,
  halftone: 1.5,
  watermark: 1.5,
  noise: 1,
} as const;
export type Treatment = keyof typeof TREATMENTS;

/** Those that leave a face that anybody would fit: refusing it would be a fault. */
export const MILD: ReadonlySet<string> = new Set<Treatment>(['sepia']);

/** An encoded picture in, an encoded picture out. `facePx` is the side of the face in it. */
export async function treat(treatment: Treatment, picture: Buffer, facePx: number, random: Random): Promise<Buffer> {
  const image = sharp(picture).removeAlpha();
  switch (treatment) {
    case 'dark': {
      const gain = random.uniform(0.06, 0.3);
      return png(image.linear(gain, random.uniform(0, 8)));
    }
    case 'bright': {
      const gain = random.uniform(1.8, 3.2);
      return png(image.linear(gain, random.uniform(0, 50)));
    }
    case 'flat': {
      const gain = random.uniform(0.12, 0.35);
      return png(image.linear(gain, random.uniform(60, 180) * (1 - gain)));
    }
    case 'blurred':
      return png(image.blur(Math.max(0.5, facePx * random.uniform(0.015, 0.06))));
    case 'compressed':
      return image.jpeg({ quality: 3 + random.integer(10) }).toBuffer();
    case 'sepia':
      return png(image.greyscale().tint({ r: 150, g: 115, b: 75 }));
    case 'noise':
      return pixelwise(image, (value, i) => value + noiseOf(i) * 60);
    case 'posterised': {
      const levels = 3 + random.integer(4);
      return pixelwise(image, (value) => (Math.round((value / 255) * (levels - 1)) / (levels - 1)) * 255);
    }
    case 'brushed':
      return brushed(image, Math.max(2, Math.round(facePx * random.uniform(0.015, 0.045))), random.integer(1 << 20));
    case 'halftone':
      return halftone(image, Math.max(3, facePx * random.uniform(0.018, 0.035)));
    case 'watermark':
      return watermarked(image, facePx, random);
  }
}

function png(image: Sharp): Promise<Buffer> {
  return image.png({ compressionLevel: 1 }).toBuffer();
}

async function pixelwise(image: Sharp, of: (value: number, i: number) => number): Promise<Buffer> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  for (let i = 0; i < data.length; i++) data[i] = Math.min(255, Math.max(0, Math.round(of(data[i]!, i))));
  return png(sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } }));
}

/** -1 to 1, even. */
function noiseOf(i: number): number {
  let h = Math.imul(i ^ 0x9e3779b9, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 0x80000000 - 1;
}

/** Strokes: every pixel takes the colour of one a stroke's length away along a slowly turning direction. */
async function brushed(image: Sharp, stroke: number, seed: number): Promise<Buffer> {
  const { data, info } = await image
    .median(2 * Math.floor(stroke / 2) + 1)
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const out = Buffer.alloc(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const cell = [Math.floor(x / stroke), Math.floor(y / stroke)] as const;
      const angle = 6.28 * valueNoise(x / (12 * stroke), y / (12 * stroke), 0, seed);
      const along = Math.round(stroke * (valueNoise(cell[0] + 0.5, cell[1] + 0.5, 3, seed) - 0.5));
      const [u, v] = [clamp(x + Math.cos(angle) * along, width), clamp(y + Math.sin(angle) * along, height)];
      const tone = 1 + 0.16 * (valueNoise(cell[0] + 0.5, cell[1] + 0.5, 9, seed) - 0.5);
      for (let k = 0; k < channels; k++) {
        out[channels * (y * width + x) + k] = Math.min(255, data[channels * (v * width + u) + k]! * tone);
      }
    }
  }
  return png(sharp(out, { raw: { width, height, channels } }));
}

function clamp(value: number, extent: number): number {
  return Math.min(extent - 1, Math.max(0, Math.round(value)));
}

/** A newspaper's print: black dots on white whose size is the darkness. */
async function halftone(image: Sharp, pitch: number): Promise<Buffer> {
  const { data, info } = await image.greyscale().raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const out = Buffer.alloc(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // The screen is turned by 45 degrees.
      const [u, v] = [(x + y) / (pitch * Math.SQRT2), (x - y) / (pitch * Math.SQRT2)];
      const distance = Math.hypot(u - Math.round(u), v - Math.round(v));
      const dark = 1 - data[channels * (y * width + x)]! / 255;
      out[y * width + x] = 255 * Math.min(1, Math.max(0, (distance - Math.sqrt(dark / Math.PI)) * 6 + 0.5));
    }
  }
  return png(sharp(out, { raw: { width, height, channels: 1 } }).toColourspace('srgb'));
}

async function watermarked(image: Sharp, facePx: number, random: Random): Promise<Buffer> {
  const { width, height } = await image.metadata();
  const size = facePx * random.uniform(0.1, 0.3);
  const step = size * random.uniform(3, 5);
  const opacity = random.uniform(0.15, 0.5);
  const lines: string[] = [];
  for (let y = 0; y < height + width; y += step / 2) {
    for (let x = -height; x < width; x += step) {
      lines.push(`<text x="${x}" y="${y}" transform="rotate(-30 ${x} ${y})">SAMPLE</text>`);
    }
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><g fill="#fff" stroke="#000" stroke-width="${size / 40}" opacity="${opacity}" font-family="sans-serif" font-weight="bold" font-size="${size}">${lines.join('')}</g></svg>`;
  return png(image.composite([{ input: Buffer.from(svg), left: 0, top: 0 }]));
}

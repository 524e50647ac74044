/** What stands between a face and its photo: glasses, hands, strands, then lens, sensor, white balance and JPEG. */
import sharp from 'sharp';
import type { Random } from '../../lib/sample/random.js';
import { valueNoise } from './value-noise.js';

type Point = readonly number[];

/** What was drawn over a face. */
export type Covering = 'glasses' | 'dark glasses' | 'occluder' | 'strands';

/** From this tint on, glasses hide the eyes. */
const DARK_TINT = 0.3;

/**
 * @param pixels 8-bit RGB, `size` squared; changed
 * @param landmarks `[68][2]`, pixels
 * @returns 8-bit RGB of the same size, what was drawn over the face, and by how much it was blurred
 */
export async function degrade(
  random: Random,
  pixels: Uint8Array,
  size: number,
  landmarks: readonly Point[],
): Promise<{ pixels: Uint8Array; over: Covering[]; blurPx: number }> {
  const canvas = new Canvas(pixels, size);
  const over: Covering[] = [];
  if (random.chance(0.15)) over.push(drawGlasses(random, canvas, landmarks) >= DARK_TINT ? 'dark glasses' : 'glasses');
  if (random.chance(0.15)) {
    drawOccluder(random, canvas, landmarks);
    over.push('occluder');
  }
  if (random.chance(0.15)) {
    drawStrands(random, canvas, landmarks);
    over.push('strands');
  }
  develop(random, pixels);
  const raw = { width: size, height: size, channels: 3 as const };
  let image = sharp(pixels, { raw });
  const blurPx = random.chance(0.5) ? random.uniform(0.3, 1.6) : 0;
  if (blurPx > 0) image = image.blur(blurPx);
  addNoise(random, pixels, random.uniform(0, 7));
  if (random.chance(0.7)) {
    const jpeg = await image.jpeg({ quality: 30 + random.integer(66) }).toBuffer();
    image = sharp(jpeg);
  }
  const { data, info } = await image.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`expected 3 channels, got ${info.channels}`);
  return { pixels: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), over, blurPx };
}

class Canvas {
  constructor(
    private readonly pixels: Uint8Array,
    private readonly size: number,
  ) {}

  /** Lays a colour over the pixels of a box; `cover` gives its opacity, 0..1. */
  fill(
    [left, top, right, bottom]: readonly number[],
    cover: (x: number, y: number) => number,
    colour: (x: number, y: number) => readonly number[],
  ): void {
    for (let y = Math.max(0, Math.floor(top!)); y < Math.min(this.size, bottom!); y++) {
      for (let x = Math.max(0, Math.floor(left!)); x < Math.min(this.size, right!); x++) {
        const weight = Math.min(1, Math.max(0, cover(x + 0.5, y + 0.5)));
        if (weight === 0) continue;
        const rgb = colour(x + 0.5, y + 0.5);
        const i = 3 * (y * this.size + x);
        for (let k = 0; k < 3; k++) {
          const before = this.pixels[i + k]!;
          this.pixels[i + k] = Math.min(255, Math.max(0, before + weight * (255 * rgb[k]! - before)));
        }
      }
    }
  }

  get all(): readonly number[] {
    return [0, 0, this.size, this.size];
  }
}

function middle(landmarks: readonly Point[], first: number, last: number): [number, number] {
  let [x, y] = [0, 0];
  for (let l = first; l <= last; l++) {
    x += landmarks[l]![0]! / (last - first + 1);
    y += landmarks[l]![1]! / (last - first + 1);
  }
  return [x, y];
}

/** @returns opacity of the glass */
function drawGlasses(random: Random, canvas: Canvas, landmarks: readonly Point[]): number {
  const eyes = [middle(landmarks, 36, 41), middle(landmarks, 42, 47)] as const;
  const apart = Math.hypot(eyes[1][0] - eyes[0][0], eyes[1][1] - eyes[0][1]);
  const lean = Math.atan2(eyes[1][1] - eyes[0][1], eyes[1][0] - eyes[0][0]);
  const [halfWidth, halfHeight] = [apart * random.uniform(0.36, 0.47), apart * random.uniform(0.24, 0.4)];
  const power = random.uniform(2, 6);
  const rim = Math.max(0.8, apart * random.uniform(0.01, 0.05));
  const tint = random.chance(0.2) ? random.uniform(0.3, 0.95) : random.uniform(0, 0.1);
  const dark = random.uniform(0, 0.5);
  const frame = [dark, dark * random.uniform(0.6, 1), dark * random.uniform(0.4, 1)];
  const drop = apart * random.uniform(0, 0.1);
  for (const [ex, ey] of eyes) {
    const reach = 1.3 * (halfWidth + rim);
    const superellipse = (x: number, y: number): number => {
      const u = ((x - ex) * Math.cos(lean) + (y - ey - drop) * Math.sin(lean)) / halfWidth;
      const v = ((y - ey - drop) * Math.cos(lean) - (x - ex) * Math.sin(lean)) / halfHeight;
      return (Math.abs(u) ** power + Math.abs(v) ** power) ** (1 / power);
    };
    const box = [ex - reach, ey - reach, ex + reach, ey + reach];
    canvas.fill(
      box,
      (x, y) => (superellipse(x, y) < 1 ? tint : 0),
      () => frame,
    );
    canvas.fill(
      box,
      (x, y) => rim - Math.abs(superellipse(x, y) - 1) * halfHeight + 0.5,
      () => frame,
    );
  }
  const [bx, by] = [(eyes[0][0] + eyes[1][0]) / 2, (eyes[0][1] + eyes[1][1]) / 2];
  const gap = Math.max(1, apart / 2 - halfWidth);
  canvas.fill(
    [bx - gap, by - rim * 2, bx + gap, by + rim * 2],
    (x, y) => rim + 0.5 - Math.abs(y - by - (x - bx) * Math.tan(lean)),
    () => frame,
  );
  return tint;
}

/** A hand, a cup, a scarf: something of one colour that reaches over the face from outside, a third of it at most. */
function drawOccluder(random: Random, canvas: Canvas, landmarks: readonly Point[]): void {
  const [cx, cy] = middle(landmarks, 0, 67);
  const radius = Math.hypot(landmarks[8]![0]! - landmarks[27]![0]!, landmarks[8]![1]! - landmarks[27]![1]!);
  const angle = random.uniform(-0.4, Math.PI + 0.4);
  const size = radius * random.uniform(0.25, 0.7);
  const from = radius * random.uniform(0.75, 1.1) + size * 0.4;
  const [ox, oy] = [cx + Math.cos(angle) * from, cy + Math.sin(angle) * from];
  const stretch = random.uniform(0.5, 2);
  const turn = random.uniform(0, Math.PI);
  const colour = [0, 1, 2].map(() => random.uniform(0.05, 0.95));
  const seed = random.integer(1 << 20);
  const edge = size * random.uniform(0.02, 0.3);
  canvas.fill(
    canvas.all,
    (x, y) => {
      const u = ((x - ox) * Math.cos(turn) + (y - oy) * Math.sin(turn)) * stretch;
      const v = ((y - oy) * Math.cos(turn) - (x - ox) * Math.sin(turn)) / stretch;
      const ragged = 2 * edge * (valueNoise(x / 9, y / 9, 0, seed) - 0.5);
      return size - Math.hypot(u, v) + ragged;
    },
    (x, y) => {
      const shade = 0.7 + 0.6 * valueNoise(x / 17, y / 17, 1, seed);
      return colour.map((c) => c * shade);
    },
  );
}

/** Locks of hair that fall over forehead and temples. */
function drawStrands(random: Random, canvas: Canvas, landmarks: readonly Point[]): void {
  const [cx, cy] = middle(landmarks, 17, 26);
  const width = Math.hypot(landmarks[16]![0]! - landmarks[0]![0]!, landmarks[16]![1]! - landmarks[0]![1]!);
  const brightness = random.uniform(0.03, 0.6);
  const colour = [brightness, brightness * random.uniform(0.6, 1), brightness * random.uniform(0.3, 1)];
  for (let i = 0, count = 2 + random.integer(12); i < count; i++) {
    const x0 = cx + width * random.uniform(-0.55, 0.55);
    const y0 = cy - width * random.uniform(0.35, 0.6);
    const length = width * random.uniform(0.2, 0.75);
    const lean = random.normal(0, 0.5);
    const bend = random.normal(0, 0.5);
    const thickness = width * random.uniform(0.003, 0.04);
    const reach = 2 * length;
    canvas.fill(
      [x0 - reach, y0, x0 + reach, y0 + length],
      (x, y) => {
        const t = (y - y0) / length;
        return thickness * (1 - 0.7 * t) - Math.abs(x - x0 - length * (lean * t + bend * t * t)) + 0.5;
      },
      () => colour,
    );
  }
}

/** White balance, exposure, contrast and saturation. */
function develop(random: Random, pixels: Uint8Array): void {
  const gains = [0, 1, 2].map(() => Math.exp(random.normal(0, 0.07)));
  const exposure = Math.exp(random.normal(0, 0.15));
  const gamma = Math.exp(random.normal(0, 0.15));
  const saturation = random.chance(0.06) ? 0 : random.uniform(0.6, 1.3);
  const [red, green, blue] = gains.map((gain) =>
    Float32Array.from({ length: 256 }, (_, i) => Math.min(1, (i / 255) * gain * exposure) ** gamma),
  ) as [Float32Array, Float32Array, Float32Array];
  for (let i = 0; i < pixels.length; i += 3) {
    const r = red[pixels[i]!]!;
    const g = green[pixels[i + 1]!]!;
    const b = blue[pixels[i + 2]!]!;
    const grey = 0.3 * r + 0.59 * g + 0.11 * b;
    pixels[i] = to8bit(grey + saturation * (r - grey));
    pixels[i + 1] = to8bit(grey + saturation * (g - grey));
    pixels[i + 2] = to8bit(grey + saturation * (b - grey));
  }
}

function to8bit(x: number): number {
  return Math.min(255, Math.max(0, Math.round(255 * x)));
}

function addNoise(random: Random, pixels: Uint8Array, sigma: number): void {
  // One draw from a table of normal values a pixel.
  const table = Float32Array.from({ length: 4096 }, () => random.normal(0, sigma));
  let at = random.integer(table.length);
  let step = 1;
  const rounded = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
  for (let i = 0; i < rounded.length; i++) {
    at = (at + step) & 4095;
    if (at < step) step = 1 + (random.integer(2048) | 1);
    rounded[i] = rounded[i]! + table[at]!;
  }
}

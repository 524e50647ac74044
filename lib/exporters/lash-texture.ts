import type { Raster } from '../result-data.js';
import { Random } from '../sample/random.js';

const [WIDTH, HEIGHT] = [512, 256];
/** Rows of the picture, 0..1, from the roots to the tips of upper and lower lashes. */
export const UPPER_BAND = [0.6, 0.02] as const;
export const LOWER_BAND = [0.66, 0.98] as const;
const UPPER = { band: UPPER_BAND, count: 58, rootPx: 4.2, least: 0.6 } as const;
const LOWER = { band: LOWER_BAND, count: 36, rootPx: 2.8, least: 0.4 } as const;
/** How far a tip may lie beside its root, px; neighbours lean to each other, as lashes do. */
const LEAN_PX = 16;
const STEPS = 40;
const SEED = 7;

let made: Promise<Uint8Array> | undefined;

/** Strands, white with alpha, as PNG: the material gives them their colour. */
export function lashTexture(encodePng: (drawing: Raster) => Promise<Uint8Array>): Promise<Uint8Array> {
  made ??= encodePng({ data: strands(), width: WIDTH, height: HEIGHT, channels: 4 });
  return made;
}

function strands(): Uint8Array {
  const data = new Uint8Array(4 * WIDTH * HEIGHT).fill(255);
  for (let i = 3; i < data.length; i += 4) data[i] = 0;
  const random = new Random(SEED);
  for (const { band, count, rootPx, least } of [UPPER, LOWER]) {
    for (let i = 0; i < count; i++) {
      const root = ((i + random.uniform(0.1, 0.9)) / count) * WIDTH;
      const clump = Math.sin(i * 1.7) * LEAN_PX * 0.6;
      const lean = clump + random.uniform(-LEAN_PX, LEAN_PX) * 0.5;
      const length = random.uniform(least, 1);
      for (let step = 0; step <= STEPS; step++) {
        const t = (step / STEPS) * length;
        const x = root + lean * t * t;
        const y = (band[0] + (band[1] - band[0]) * t) * HEIGHT;
        dot(data, x, y, rootPx * (1 - 0.8 * (t / length)));
      }
    }
  }
  return data;
}

/** A soft round dot. */
function dot(data: Uint8Array, x: number, y: number, radius: number): void {
  const reach = Math.ceil(radius + 1);
  for (let row = Math.floor(y) - reach; row <= y + reach; row++) {
    for (let column = Math.floor(x) - reach; column <= x + reach; column++) {
      if (row < 0 || column < 0 || row >= HEIGHT || column >= WIDTH) continue;
      const dx = column + 0.5 - x;
      const dy = row + 0.5 - y;
      const alpha = Math.max(0, Math.min(1, radius + 0.5 - Math.sqrt(dx * dx + dy * dy)));
      const at = 4 * (row * WIDTH + column) + 3;
      data[at] = Math.max(data[at] as number, Math.round(255 * alpha));
    }
  }
}

/** Thread that decodes one HEIC file. */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { HeicJob } from './heic.js';

/** What heic-decode exports. */
type Decode = (file: { buffer: Uint8Array }) => Promise<{ data: Uint8ClampedArray; width: number; height: number }>;

/** Linear Display P3 to linear sRGB. */
const TO_SRGB = [1.2249, -0.2247, 0, -0.042, 1.0421, 0, -0.0197, -0.0786, 1.0979];
/** Steps of the table from linear light to bytes; fine enough for the darkest of them. */
const STEPS = 16_384;

const { bytes, decoder, isDisplayP3 } = workerData as HeicJob;
const decode = createRequire(import.meta.url)(decoder) as Decode;
const { data, width, height } = await decode({ buffer: bytes });
const rgb = new Uint8Array(3 * width * height);
for (let i = 0, o = 0; o < rgb.length; i += 4, o += 3) {
  rgb[o] = data[i]!;
  rgb[o + 1] = data[i + 1]!;
  rgb[o + 2] = data[i + 2]!;
}
if (isDisplayP3) fromDisplayP3(rgb);
parentPort?.postMessage({ data: rgb, width, height, channels: 3 }, [rgb.buffer]);

/** Both spaces have the same white and the same curve. */
function fromDisplayP3(pixels: Uint8Array): void {
  const linear = Float32Array.from({ length: 256 }, (_, value) => {
    const s = value / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  });
  const encoded = Uint8Array.from({ length: STEPS + 1 }, (_, step) => {
    const x = step / STEPS;
    return Math.round(255 * (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055));
  });
  const [a, b, , d, e, , g, h, k] = TO_SRGB as [number, number, number, number, number, number, number, number, number];
  const byte = (x: number) => encoded[Math.round(STEPS * Math.min(1, Math.max(0, x)))]!;
  for (let i = 0; i < pixels.length; i += 3) {
    const [red, green, blue] = [linear[pixels[i]!]!, linear[pixels[i + 1]!]!, linear[pixels[i + 2]!]!];
    pixels[i] = byte(a * red + b * green);
    pixels[i + 1] = byte(d * red + e * green);
    pixels[i + 2] = byte(g * red + h * green + k * blue);
  }
}

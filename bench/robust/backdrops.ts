/** What is around faces, and pictures without one. */
import sharp from 'sharp';
import type { ImageInput } from '../../lib/image.js';
import { cameraBefore } from '../../lib/sample/camera.js';
import type { Random } from '../../lib/sample/random.js';
import { PORTRAIT_PX, type PortraitPainter } from '../../models/train/portrait.js';
import { valueNoise } from '../../models/train/value-noise.js';

/** `[height][width][3]`: a plain wall, or patches of colours at two scales, as rooms and gardens have. */
export async function backdrop(random: Random, width: number, height: number): Promise<Buffer> {
  // Drawn small, for speed: it is behind everything.
  const shrink = 8;
  const [w, h] = [Math.ceil(width / shrink), Math.ceil(height / shrink)];
  const colour = () => [0, 1, 2].map(() => random.uniform(10, 245));
  const [base, other, third] = [colour(), colour(), colour()];
  const [broad, fine] = [random.uniform(20, 60), random.uniform(3, 12)];
  const plain = random.chance(0.25);
  const seed = random.integer(1 << 20);
  const small = Buffer.alloc(3 * w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const a = plain ? 0.3 * (y / h) : valueNoise(x / broad, y / broad, 0, seed);
      const b = plain ? 0 : Math.max(0, valueNoise(x / fine, y / fine, 5, seed) - 0.5);
      for (let k = 0; k < 3; k++)
        small[3 * (y * w + x) + k] = base[k]! + a * (other[k]! - base[k]!) + b * (third[k]! - base[k]!);
    }
  }
  return sharp(small, { raw: { width: w, height: h, channels: 3 } })
    .resize(width, height, { fit: 'fill' })
    .raw()
    .toBuffer();
}

/** Something round with dark spots where eyes and mouth would be, out of focus, larger than the face. */
export async function blob(
  random: Random,
  width: number,
  height: number,
  face: { left: number; top: number; size: number },
): Promise<{ input: Buffer; left: number; top: number }> {
  const side = Math.round(Math.min(width, height) * random.uniform(0.3, 0.5));
  const skin = `rgb(${[200, 150, 120].map((c) => Math.round(c * random.uniform(0.5, 1.1))).join(',')})`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><ellipse cx="50" cy="52" rx="32" ry="42" fill="${skin}"/><ellipse cx="37" cy="45" rx="6" ry="3" fill="#321"/><ellipse cx="63" cy="45" rx="6" ry="3" fill="#321"/><ellipse cx="50" cy="75" rx="11" ry="3" fill="#733"/></svg>`;
  const input = await sharp(Buffer.from(svg))
    .resize(side, side)
    .blur(side * random.uniform(0.03, 0.08))
    .png()
    .toBuffer();
  // On the side where the face is not.
  const left = face.left + face.size / 2 < width / 2 ? width - side : 0;
  const top = face.top + face.size / 2 < height / 2 ? height - side : 0;
  return { input, left, top };
}

/** Patterns, drawn things, and heads from behind. */
export async function noFace(random: Random, painter: PortraitPainter): Promise<ImageInput> {
  const [width, height] = [Math.round(random.uniform(400, 1600)), Math.round(random.uniform(400, 1600))];
  const raw = { width, height, channels: 3 as const };
  const which = random.integer(4);
  if (which === 0)
    return sharp(await backdrop(random, width, height), { raw })
      .png({ compressionLevel: 1 })
      .toBuffer();
  if (which === 1) {
    const { pixels } = await painter.draw(30_000_000 + random.integer(1 << 20), {
      camera: (drawn, size) => {
        const angles = { yaw: 180 + drawn.uniform(-35, 35), pitch: drawn.normal(0, 8), roll: drawn.normal(0, 5) };
        return cameraBefore([0, -25, 0], 1200, [0, 0], angles, (1200 * 0.5 * size) / 180, [size / 2, size / 2]);
      },
    });
    const back = await sharp(pixels, { raw: { width: PORTRAIT_PX, height: PORTRAIT_PX, channels: 3 } })
      .resize(400)
      .png()
      .toBuffer();
    const base = sharp(await backdrop(random, width, height), { raw });
    const [left, top] = [width, height].map((side) => Math.floor(random.uniform(0, side - 400)));
    return base
      .composite([{ input: back, left: left!, top: top! }])
      .png({ compressionLevel: 1 })
      .toBuffer();
  }
  const shapes = Array.from({ length: 5 + random.integer(20) }, () => {
    const [x, y, r] = [random.uniform(0, width), random.uniform(0, height), random.uniform(10, width / 5)];
    const fill = `hsl(${random.integer(360)},${random.integer(90)}%,${20 + random.integer(60)}%)`;
    return random.chance(0.5)
      ? `<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"/>`
      : `<rect x="${x}" y="${y}" width="${r}" height="${r * random.uniform(0.3, 3)}" fill="${fill}"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.join('')}</svg>`;
  const base = sharp(await backdrop(random, width, height), { raw }).composite([
    { input: Buffer.from(svg), left: 0, top: 0 },
  ]);
  const drawn = await base.png({ compressionLevel: 1 }).toBuffer();
  return which === 2 ? drawn : sharp(drawn).blur(6).png().toBuffer();
}

import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';
import type { Raster } from '../lib/result.js';

const ASTRONAUT = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));

async function decode(image: Sharp): Promise<Raster> {
  const { data, info } = await image.removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: 3 };
}

const encoded = ({ data, width, height, channels }: Raster) => sharp(data, { raw: { width, height, channels } });

/** The portrait that the package ships: 512 x 512, one face of about 107 px. */
export const astronaut = (): Promise<Raster> => decode(sharp(ASTRONAUT));

export const photoFile = (file: string): Promise<Raster> => decode(sharp(file));

/** Left and right exchanged, scaled to a width. */
export const mirrored = (raster: Raster, width = raster.width): Promise<Raster> =>
  decode(encoded(raster).flop().resize(width));

/** Turned clockwise about its centre, black outside. */
export const turned = (raster: Raster, degrees: number): Promise<Raster> => decode(encoded(raster).rotate(degrees));

/** On a larger black canvas, at its top left, scaled to a width. */
export async function onCanvas(
  raster: Raster,
  width: number,
  canvas: { width: number; height: number },
): Promise<Raster> {
  const small = await encoded(raster).resize(width).png().toBuffer();
  const background = { ...canvas, channels: 3 as const, background: '#000' };
  return decode(sharp({ create: background }).composite([{ input: small, left: 0, top: 0 }]));
}

export function sideBySide(left: Raster, right: Raster): Raster {
  const width = left.width + right.width;
  const height = Math.max(left.height, right.height);
  const data = new Uint8Array(width * height * 3);
  for (const [raster, offset] of [
    [left, 0],
    [right, left.width],
  ] as const) {
    const row = raster.width * 3;
    for (let y = 0; y < raster.height; y++) {
      data.set(raster.data.subarray(y * row, (y + 1) * row), (y * width + offset) * 3);
    }
  }
  return { data, width, height, channels: 3 };
}

export const blank = (width: number, height: number): Raster => ({
  data: new Uint8Array(width * height * 3).fill(127),
  width,
  height,
  channels: 3,
});

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
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

/** Photos that only developers have: HRN_SHARED or ../shared; empty where absent. */
export async function sharedPhotos(): Promise<[name: string, load: () => Promise<Raster>][]> {
  const shared = process.env.HRN_SHARED ?? fileURLToPath(new URL('../../shared', import.meta.url));
  const folder = join(shared, 'photos');
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => /\.(png|jpg)$/.test(name)).sort();
  return names.map((name) => [name, () => decode(sharp(join(folder, name)))]);
}

/** Left and right exchanged, scaled to a width. */
export const mirrored = (raster: Raster, width = raster.width): Promise<Raster> =>
  decode(encoded(raster).flop().resize(width));

/** Turned clockwise about its centre on a larger canvas, black outside. */
export const turned = (raster: Raster, degrees: number): Promise<Raster> => decode(encoded(raster).rotate(degrees));

export const cropped = (
  raster: Raster,
  area: { left: number; top: number; width: number; height: number },
): Promise<Raster> => decode(encoded(raster).extract(area));

/** On a larger grey canvas, scaled to a width; at its top left unless told. */
export async function onCanvas(
  raster: Raster,
  width: number,
  { left = 0, top = 0, ...canvas }: { width: number; height: number; left?: number; top?: number },
): Promise<Raster> {
  const input = await encoded(raster).resize(width).png().toBuffer();
  const background = { ...canvas, channels: 3 as const, background: '#889' };
  return decode(sharp({ create: background }).composite([{ input, left, top }]));
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

/** The displacement map as a file for other programs. */
import sharp from 'sharp';
import { displacementScale } from '../displacement-scale.js';
import type { DisplacementMap } from '../result-data.js';

/** PNG of one channel of 16 bits, rows from v = 0. */
export async function encodeDisplacement(map: DisplacementMap): Promise<Uint8Array> {
  const { zero, mmPerStep } = displacementScale(map);
  const values = Uint16Array.from(map.data, (height) => Math.round(zero + height / mmPerStep));
  return sharp(values, { raw: { width: map.size, height: map.size, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toBuffer();
}

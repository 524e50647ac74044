import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';
import type { Raster } from '../result-data.js';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const COLOUR_TYPES = { 3: 2, 4: 6 } as const;
/** Rows are stored as differences from the row above. */
const UP = 2;

function chunk(type: string, body: Uint8Array): Buffer {
  const out = Buffer.alloc(12 + body.length);
  out.writeUInt32BE(body.length, 0);
  out.write(type, 4, 'latin1');
  out.set(body, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + body.length)), 8 + body.length);
  return out;
}

/** A small drawing as PNG, in a thread that need not load the image library for it. */
export async function drawnPng({ data, width, height, channels }: Raster): Promise<Uint8Array> {
  const row = width * channels;
  const rows = new Uint8Array(height * (row + 1));
  for (let y = 0; y < height; y++) {
    rows[y * (row + 1)] = UP;
    for (let x = 0; x < row; x++) {
      const above = y === 0 ? 0 : (data[(y - 1) * row + x] as number);
      rows[y * (row + 1) + 1 + x] = (data[y * row + x] as number) - above;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, COLOUR_TYPES[channels], 0, 0, 0], 8);
  return Buffer.concat([
    Uint8Array.from(SIGNATURE),
    chunk('IHDR', header),
    chunk('IDAT', await promisify(deflate)(rows)),
    chunk('IEND', new Uint8Array()),
  ]);
}

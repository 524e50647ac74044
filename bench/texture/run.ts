/**
 * Draws heads of photos from eight sides, as the photo's texture is and in studio light without the photo's.
 * `npm run bench:texture -- PHOTO... [--out FOLDER --size 2048]`
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp, { type OverlayOptions } from 'sharp';
import * as hrn from '../../lib/index.js';
import { native } from '../../lib/native/load.js';
import { type RenderLook, render } from '../../lib/render.js';
import type { Mesh, Raster } from '../../lib/result-data.js';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: flags, positionals: photos } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: path.join(root, 'build', 'texture') },
    size: { type: 'string', default: '2048' },
  },
});
const CELL = 300;
const DISTANCE_MM = 1400;
const EXTENT_MM = 270;
const CENTRE = [0, -15, -60] as const;
/** Turn about the vertical axis and tilt, degrees: six around, from above and from below. */
const SIDES = [
  [0, 0],
  [40, 0],
  [85, 0],
  [180, 0],
  [-85, 0],
  [-40, 0],
  [20, 40],
  [-20, -30],
] as const;

/** Head frame to camera, row-major. */
function rotationOf(yaw: number, pitch: number): number[] {
  const [c, s] = [Math.cos((yaw * Math.PI) / 180), Math.sin((yaw * Math.PI) / 180)];
  const [d, e] = [Math.cos((pitch * Math.PI) / 180), Math.sin((pitch * Math.PI) / 180)];
  return [c, 0, s, s * e, -d, -c * e, s * d, e, -c * d];
}

async function cell(mesh: Mesh, [yaw, pitch]: readonly [number, number], look: RenderLook): Promise<Raster> {
  const rotation = rotationOf(yaw, pitch);
  const [x, y, z] = [0, 1, 2].map((row) => CENTRE.reduce<number>((sum, v, k) => sum + rotation[3 * row + k]! * v, 0));
  return render(
    context,
    mesh,
    {
      pose: { rotation, translation: [-x!, -y!, DISTANCE_MM - z!] },
      camera: { focalLengthPx: (CELL * DISTANCE_MM) / EXTENT_MM, principalPointPx: [CELL / 2, CELL / 2] },
      width: CELL,
      height: CELL,
    },
    { ...look, background: [0.3, 0.31, 0.33, 1] },
  );
}

async function sheet(face: hrn.Reconstruction): Promise<Buffer> {
  const cells: OverlayOptions[] = [];
  const looks: RenderLook[] = [
    { texture: face.texture, light: 'none' },
    { texture: face.albedo, light: 'studio' },
  ];
  for (const [row, look] of looks.entries()) {
    for (const [column, side] of SIDES.entries()) {
      const { data } = await cell(face.mesh, side, look);
      const raw = { width: CELL, height: CELL, channels: 4 } as const;
      cells.push({ input: Buffer.from(data), raw, left: column * CELL, top: row * CELL });
    }
  }
  const size = { width: CELL * SIDES.length, height: CELL * looks.length, channels: 3, background: 'black' } as const;
  return sharp({ create: size }).composite(cells).png().toBuffer();
}

const context = new (native().Context)({ threads: 2 });
await mkdir(flags.out, { recursive: true });
for (const photo of photos) {
  const face = await hrn.fit(photo, { texture: 'both', textureSize: Number(flags.size) });
  const file = path.join(flags.out, `${path.parse(photo).name}.png`);
  await writeFile(file, await sheet(face));
  process.stdout.write(`${file}\n`);
}
process.exit(0);

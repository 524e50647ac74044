/**
 * What the dense network sees on photos: square, normals lit from the camera, normals, surface points, classes.
 *
 *     npx tsx bench/dense/sheet.ts --out FILE.png IMAGE...
 */
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { decodeImage } from '../../lib/image.js';
import { native } from '../../lib/native/load.js';
import { resolveFitOptions } from '../../lib/options.js';
import { DENSE_CLASSES, type DenseFace, lookDensely } from '../../lib/stages/dense.js';
import { detectFaces } from '../../lib/stages/detect.js';
import { landmarksInFrame } from '../../lib/stages/landmarks.js';
import { FaceNetworks } from '../../lib/stages/networks.js';
import { Photo, regionToPhoto } from '../../lib/stages/photo.js';

const SHOWN_PX = 256;
const WIDTH_PX = 5 * SHOWN_PX;
const COLOURS: readonly (readonly [number, number, number])[] = [
  [40, 40, 40],
  [230, 170, 130],
  [200, 120, 200],
  [150, 110, 80],
  [220, 40, 60],
  [90, 50, 20],
  [255, 255, 255],
  [120, 0, 0],
  [255, 255, 150],
  [60, 120, 220],
  [20, 60, 120],
  [0, 220, 220],
  [250, 140, 0],
  [60, 160, 60],
];

const { values: flags, positionals } = parseArgs({ options: { out: { type: 'string' } }, allowPositionals: true });
if (!flags.out || positionals.length === 0) throw new Error('--out FILE.png and photos are needed');
const networks = new FaceNetworks();
const context = new (native().Context)({ threads: 2 });
const rows: Buffer[] = [];
for (const path of positionals) {
  const image = await decodeImage(path, resolveFitOptions({}));
  const photo = new Photo(context, image);
  try {
    const [face] = await detectFaces(networks, photo);
    if (!face) throw new Error(`${path}: no face`);
    const landmarks = await landmarksInFrame(networks, photo, face.framed);
    const started = performance.now();
    const dense = await lookDensely(networks, photo, landmarks);
    process.stdout.write(`${path}: ${(performance.now() - started).toFixed(0)} ms\n`);
    rows.push(await row(photo, dense));
  } finally {
    photo.dispose();
  }
}
networks.dispose();
context.dispose();
await sharp({ create: { width: WIDTH_PX, height: SHOWN_PX * rows.length, channels: 3, background: 'black' } })
  .composite(rows.map((input, i) => ({ input, left: 0, top: i * SHOWN_PX })))
  .png()
  .toFile(flags.out);

async function row(photo: Photo, dense: DenseFace): Promise<Buffer> {
  const { side, normals, points, classes } = dense;
  const plane = side * side;
  const matrix = regionToPhoto(dense.region, SHOWN_PX);
  const crop = await photo.crop({
    matrix,
    width: SHOWN_PX,
    height: SHOWN_PX,
    low: 0,
    high: 255,
    border: 'replicate',
  });
  const cells = [await picture(SHOWN_PX, (i, k) => crop[3 * i + k]!)];
  const best = (i: number): number => {
    let at = 0;
    for (let c = 1; c < DENSE_CLASSES.length; c++) if (classes[c * plane + i]! > classes[at * plane + i]!) at = c;
    return at;
  };
  const head = new Set(['face', 'ears', 'neck', 'lips', 'brows', 'eyes'].map((c) => DENSE_CLASSES.indexOf(c as never)));
  const shaped = (i: number): number => (head.has(best(i)) ? 1 : 0);
  cells.push(await picture(side, (i) => shaped(i) * (40 + 215 * Math.max(0, normals[2 * plane + i]!))));
  cells.push(await picture(side, (i, k) => shaped(i) * (127 + 127 * normals[k * plane + i]!)));
  cells.push(
    await picture(side, (i, k) => shaped(i) * Math.min(255, Math.max(0, 127 + 1.27 * points[k * plane + i]!))),
  );
  cells.push(await picture(side, (i, k) => COLOURS[best(i)]![k]!));
  return sharp({ create: { width: WIDTH_PX, height: SHOWN_PX, channels: 3, background: 'black' } })
    .composite(cells.map((input, i) => ({ input, left: i * SHOWN_PX, top: 0 })))
    .png()
    .toBuffer();
}

function picture(side: number, value: (pixel: number, channel: number) => number): Promise<Buffer> {
  const data = Uint8Array.from({ length: 3 * side * side }, (_, i) => Math.round(value(Math.floor(i / 3), i % 3)));
  return sharp(data, { raw: { width: side, height: side, channels: 3 } })
    .resize(SHOWN_PX, SHOWN_PX, { kernel: 'nearest' })
    .png()
    .toBuffer();
}

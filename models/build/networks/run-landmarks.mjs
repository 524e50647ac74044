/**
 * Development tool: dense landmarks of the largest face of every image, by the library's own stages. Needs `npm run build:all`.
 *
 * node models/build/networks/run-landmarks.mjs IMAGE_OR_FOLDER... --out landmarks.json
 *
 * Output: [{ file, width, height, face: null | { box: {x,y,width,height}, score, presence, pixels: [478][2], depth: [478] } }];
 * pixels have (0,0) at the top-left image corner and pixel centres at +0.5; depth in pixels, smaller is nearer.
 */
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { native } from '../../../dist/native/load.js';
import { detectFaces } from '../../../dist/stages/detect.js';
import { findLandmarks } from '../../../dist/stages/landmarks.js';
import { FaceNetworks } from '../../../dist/stages/networks.js';
import { Photo } from '../../../dist/stages/photo.js';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: 'string' } } });
const context = new (native().Context)({ threads: 1 });
const networks = new FaceNetworks({ threads: 1 });

async function largestFace(photo) {
  const [found] = await detectFaces(networks, photo);
  if (found === undefined) return null;
  const { pixels, depth, presence } = await findLandmarks(networks, photo, found);
  const points = Array.from(depth, (_, i) => [pixels[2 * i], pixels[2 * i + 1]]);
  return { box: found.box, score: found.score, presence, pixels: points, depth: Array.from(depth) };
}

const isImage = (file) => /\.(png|jpe?g|webp)$/i.test(file);
const files = positionals.flatMap((item) =>
  statSync(item).isDirectory()
    ? readdirSync(item)
        .filter(isImage)
        .sort()
        .map((file) => path.join(item, file))
    : [item],
);
const results = [];
for (const file of files) {
  const image = sharp(file).rotate().removeAlpha().toColourspace('srgb').raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  const photo = new Photo(context, { data, width: info.width, height: info.height, channels: 3 });
  // A face that is found but cannot be followed counts as none.
  const face = await largestFace(photo).catch((error) => {
    console.error(`${file}: ${error.message}`);
    return null;
  });
  results.push({ file, width: info.width, height: info.height, face });
  photo.dispose();
}
const text = JSON.stringify(results);
if (values.out) writeFileSync(values.out, text);
else console.log(text);

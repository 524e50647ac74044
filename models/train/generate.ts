/**
 * Makes training data for the coefficient regressor: synthetic portraits through the real detector and landmark network.
 * A seed always gives the same portrait; ranges of seeds may be made by several processes into one folder.
 *
 *     npx tsx models/train/generate.ts --out FOLDER [--first 2000000] [--count 20000] [--minutes M] [--pictures 0] [--wide]
 *
 * `--wide`: heads turned and bowed as far as the landmark network follows them. FOLDER gets a shard per 250 seeds, SEED.f32 and SEED.u8, and layout.json that says what a record holds. Shards that
 * are there already are left alone.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { HrnError } from '../../lib/errors.js';
import { loadHead } from '../../lib/models/head.js';
import { readModel } from '../../lib/models/manifest.js';
import { native } from '../../lib/native/load.js';
import { detectFaces } from '../../lib/stages/detect.js';
import { FACE_CROP_PX, faceCrop, framedLandmarks } from '../../lib/stages/face-frame.js';
import { findLandmarks } from '../../lib/stages/framing.js';
import { FaceNetworks } from '../../lib/stages/networks.js';
import { Photo } from '../../lib/stages/photo.js';
import { wideCamera } from './camera.js';
import { framedPose } from './framed-pose.js';
import { landmarkError } from './landmark-error.js';
import { PORTRAIT_PX, PortraitPainter } from './portrait.js';

const SHARD = 250;
const THREADS = 1;
const { values: flags } = parseArgs({
  options: {
    out: { type: 'string' },
    count: { type: 'string', default: '20000' },
    first: { type: 'string', default: '2000000' },
    minutes: { type: 'string', default: '600' },
    pictures: { type: 'string', default: '0' },
    wide: { type: 'boolean', default: false },
  },
});
if (!flags.out) throw new Error('--out FOLDER is needed');
const folder = flags.out;
const [count, firstSeed, minutes, pictures] = [flags.count, flags.first, flags.minutes, flags.pictures].map(Number) as [
  number,
  number,
  number,
  number,
];

const models = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const model = await loadHead(await readModel(models, 'head.safetensors'));
const networks = new FaceNetworks();
const context = new (native().Context)({ threads: THREADS });
const painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
await mkdir(folder, { recursive: true });
const present = new Set(await readdir(folder));
const started = performance.now();
let [drawn, found] = [0, 0];
for (let first = 0; first < count && performance.now() - started < 60_000 * minutes; first += SHARD) {
  const name = String(firstSeed + first);
  if (present.has(`${name}.f32`)) continue;
  const slots: (PortraitRecord | undefined)[] = [];
  const last = Math.min(count, first + SHARD);
  let next = first;
  // Two at a time: one draws while networks run for the other.
  const worker = async (): Promise<void> => {
    while (next < last) {
      const i = next++;
      slots[i - first] = await portraitRecord(firstSeed + i, i < pictures);
      drawn++;
    }
  };
  await Promise.all([worker(), worker()]);
  const records = slots.filter((record) => record !== undefined);
  found += records.length;
  await writeFile(path.join(folder, `${name}.u8`), Buffer.concat(records.map(({ crop }) => crop)));
  await writeFile(
    path.join(folder, `${name}.f32`),
    Buffer.concat(records.map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength))),
  );
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`${name}: ${found} of ${drawn} found, ${(drawn / seconds).toFixed(1)} a second\n`);
}
networks.dispose();
context.dispose();

interface PortraitRecord {
  values: Float32Array;
  crop: Uint8Array;
}

/** Nothing where no face is found, or none that the landmark network can follow. */
async function portraitRecord(seed: number, keepPicture: boolean): Promise<PortraitRecord | undefined> {
  const portrait = await painter.draw(seed, flags.wide ? { camera: wideCamera } : {});
  const raster = { data: portrait.pixels, width: PORTRAIT_PX, height: PORTRAIT_PX, channels: 3 as const };
  if (keepPicture) {
    const raw = { width: PORTRAIT_PX, height: PORTRAIT_PX, channels: 3 as const };
    await sharp(raster.data, { raw })
      .png()
      .toFile(path.join(folder, `${seed}.png`));
  }
  const photo = new Photo(context, raster);
  try {
    const [face] = await detectFaces(networks, photo);
    if (!face) return undefined;
    const landmarks = await findLandmarks(networks, photo, face);
    const { camera } = portrait;
    const fields = {
      landmarks: framedLandmarks(landmarks),
      identity: portrait.identity,
      expression: portrait.expression,
      pose: framedPose(camera, landmarks.region),
      error: landmarkError(model, portrait.positions, camera, landmarks),
      view: [camera.anglesDegrees.yaw, camera.anglesDegrees.pitch, camera.focalLengthPx, landmarks.region.size, seed],
    };
    if (!present.has('layout.json')) {
      present.add('layout.json');
      const layout = Object.entries(fields).map(([name, { length }]) => ({ name, length }));
      await writeFile(path.join(folder, 'layout.json'), `${JSON.stringify(layout)}\n`);
    }
    const crop = await faceCrop(photo, landmarks.region, FACE_CROP_PX);
    return {
      values: Float32Array.from(Object.values(fields).flatMap((field) => Array.from(field))),
      crop: Uint8Array.from(crop, (x) => Math.round(255 * x)),
    };
  } catch (error) {
    if (error instanceof HrnError && error.code === 'FACE_NOT_VISIBLE') return undefined;
    throw error;
  } finally {
    photo.dispose();
  }
}

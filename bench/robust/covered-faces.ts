/**
 * Draws hands, microphones, cups and locks of hair over faces that have nothing over them, and counts which are told:
 * `npm run bench:covers [-- PHOTO... --count N --first SEED --models FOLDER --out FILE --look FOLDER]`. Without photos the
 * faces are generated ones. A photo whose face is not bare, or that is refused, is not for this bench.
 */
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { HrnError } from '../../lib/errors.js';
import { create, type Hrn } from '../../lib/hrn.js';
import { loadHead } from '../../lib/models/head.js';
import { locateModels } from '../../lib/models/locate.js';
import { readModel } from '../../lib/models/manifest.js';
import { native } from '../../lib/native/load.js';
import { projectionMatrix } from '../../lib/projection-matrix.js';
import type { Raster, Reconstruction } from '../../lib/result.js';
import { Random } from '../../lib/sample/random.js';
import { projectPoints, surfacePoints } from '../../lib/stages/surface-points.js';
import { PORTRAIT_PX, PortraitPainter } from '../../models/train/portrait.js';
import { put, THINGS } from './things.js';

/** Of the landmarks; less is no fault to be silent about. */
const LEAST_SHARE = 0.03;
/** Faces are looked at in a square of this side. */
const SQUARE_PX = 640;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '40' },
    first: { type: 'string', default: '40000000' },
    models: { type: 'string' },
    out: { type: 'string' },
    look: { type: 'string' },
  },
});

type Answer = 'told' | 'refused' | 'untold';
interface Row {
  name: string;
  thing: string;
  share: number;
  answer: Answer;
  why: string;
}

async function answerOf(hrn: Hrn, raster: Raster): Promise<{ answer: Answer; why: string; face?: Reconstruction }> {
  try {
    const face = await hrn.fit(raster, { detail: 'coarse', textureSize: 256 });
    const codes = face.warnings.map(({ code }) => code);
    const why = face.warnings.map(({ code, message }) => `${code}: ${message}`).join('; ');
    return { answer: codes.includes('COVERED') ? 'told' : 'untold', why, face };
  } catch (error) {
    if (!(error instanceof HrnError)) throw error;
    return { answer: 'refused', why: error.code };
  }
}

/** The landmark network's points on the fitted head, in the photo. */
function meshPoints({ model, mesh, pose, camera }: Reconstruction): Float32Array {
  const projection = projectionMatrix(pose.rotation, pose.translation, camera.focalLengthPx, camera.principalPointPx);
  return projectPoints(projection, surfacePoints(model.dense, mesh.positions));
}

/** A square around the largest face, twice as wide as its box. */
async function squareOf(hrn: Hrn, photo: string): Promise<Raster | undefined> {
  const bytes = await sharp(photo).autoOrient().toColourspace('srgb').removeAlpha().png().toBuffer();
  const [found] = await hrn.detect(bytes);
  if (!found) return undefined;
  const { x, y, width, height } = found;
  const side = Math.round(2.2 * Math.max(width, height));
  const [left, top] = [Math.round(x + width / 2 - side / 2), Math.round(y + height / 2 - side / 2)];
  const padded = await sharp(bytes)
    .extend({ left: side, right: side, top: side, bottom: side, extendWith: 'copy' })
    .png({ compressionLevel: 1 })
    .toBuffer();
  const { data, info } = await sharp(padded)
    .extract({ left: left + side, top: top + side, width: side, height: side })
    .resize(Math.min(SQUARE_PX, side))
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data), width: info.width, height: info.height, channels: 3 };
}

async function* faces(hrn: Hrn): AsyncGenerator<{ name: string; raster: Raster }> {
  if (positionals.length > 0) {
    for (const photo of positionals) {
      const raster = await squareOf(hrn, photo);
      if (raster) yield { name: path.basename(photo), raster };
    }
    return;
  }
  const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
  const context = new (native().Context)({ threads: 2 });
  const painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
  for (let i = 0; i < Number(flags.count); i++) {
    const seed = Number(flags.first) + i;
    const { pixels, over } = await painter.draw(seed);
    if (over.length > 0) continue;
    yield { name: `${seed}`, raster: { data: pixels, width: PORTRAIT_PX, height: PORTRAIT_PX, channels: 3 } };
  }
  context.dispose();
}

const hrn = await create({ device: 'cpu', ...(flags.models ? { models: flags.models } : {}) });
const rows: Row[] = [];
if (flags.out) await writeFile(flags.out, '');
if (flags.look) await mkdir(flags.look, { recursive: true });
try {
  let seed = Number(flags.first);
  for await (const { name, raster } of faces(hrn)) {
    const bare = await answerOf(hrn, raster);
    const note = async (row: Row, picture: Raster) => {
      rows.push(row);
      if (flags.out) await appendFile(flags.out, `${JSON.stringify(row)}\n`);
      if (!flags.look) return;
      const file = `${name}-${row.thing.replaceAll(' ', '-')}-${row.answer}.jpg`;
      await sharp(picture.data, { raw: { width: picture.width, height: picture.height, channels: 3 } }).toFile(
        path.join(flags.look, file),
      );
    };
    if (!bare.face) continue;
    await note({ name, thing: 'nothing', share: 0, answer: bare.answer, why: bare.why }, raster);
    if (bare.answer === 'told') continue;
    for (const thing of THINGS) {
      const { raster: covered, share } = put(thing, new Random(seed++), raster, meshPoints(bare.face));
      if (share < LEAST_SHARE) continue;
      const { answer, why } = await answerOf(hrn, covered);
      await note({ name, thing, share, answer, why }, covered);
    }
  }
} finally {
  await hrn.dispose();
}
process.stdout.write('| what | faces | told | refused | untold |\n| --- | --- | --- | --- | --- |\n');
for (const thing of ['nothing', ...THINGS]) {
  const of = rows.filter((row) => row.thing === thing);
  const count = (answer: Answer) => of.filter((row) => row.answer === answer).length;
  process.stdout.write(`| ${thing} | ${of.length} | ${count('told')} | ${count('refused')} | ${count('untold')} |\n`);
}

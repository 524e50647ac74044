/**
 * Heads in grey beside their photos: photo, medium and high from the front, medium and high turned by 45 degrees.
 * `npm run bench:detail:sheet -- --out build/detail.png [--side 420] [--folds] [--portraits 11,24] [PHOTO...]`; with neither photos nor portraits
 * all of ../shared/photos. With --folds: photo, high, neutral with all folds, and with those of the expression faded. --portraits: seeds of
 * those of `npm run bench:detail`, heads of the model, old, seen from the front and from the side in turns.
 */
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { writeFilesAtomically } from '../../lib/atomic-write.js';
import { HrnError } from '../../lib/errors.js';
import { loadHeadModel } from '../../lib/head-model.js';
import * as hrn from '../../lib/index.js';
import { native } from '../../lib/native/load.js';
import { foldsRow, greyRow, joined } from './grey.js';
import { modelHead } from './heads.js';
import { drawDetailPortrait } from './portrait.js';

const root = path.join(import.meta.dirname, '..', '..');
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: path.join(root, 'build', 'detail.png') },
    side: { type: 'string', default: '420' },
    folds: { type: 'boolean', default: false },
    portraits: { type: 'string', default: '' },
  },
});
const side = Number(flags.side);
const context = new (native().Context)({ threads: 2 });
const reconstructor = await hrn.create();
const rows: Buffer[][] = [];
const seeds = flags.portraits ? flags.portraits.split(',').map(Number) : [];
const files = positionals.length > 0 || seeds.length > 0 ? positionals : await sharedPhotos();
for (const file of files) await add(path.basename(file), file);
for (const [i, seed] of seeds.entries()) {
  const { morphable } = await loadHeadModel(undefined, undefined);
  const yawDegrees = i % 2 === 0 ? 0 : 22;
  const portrait = await drawDetailPortrait(context, modelHead(morphable, seed), {
    sizePx: 1024,
    yawDegrees,
    seed,
    age: 0.9,
  });
  await add(portrait.name, portrait.image);
}
context.dispose();
await reconstructor.dispose();
if (rows.length === 0) throw new Error('no head to draw');
await mkdir(path.dirname(flags.out), { recursive: true });
const sheet = joined(rows, side);
const bytes = await (flags.out.endsWith('.png') ? sheet.png() : sheet.jpeg({ quality: 88 })).toBuffer();
await writeFilesAtomically([{ path: flags.out, bytes }]);

async function add(name: string, image: hrn.ImageInput): Promise<void> {
  try {
    const face = await reconstructor.fit(image, { detail: 'high' });
    rows.push(await (flags.folds ? foldsRow : greyRow)(context, face, side));
    process.stdout.write(`${name}: detail ${(face.timingsMs.detail ?? 0).toFixed(0)} ms\n`);
  } catch (error) {
    if (!(error instanceof HrnError)) throw error;
    process.stdout.write(`${name}: ${error.code}\n`);
  }
}

async function sharedPhotos(): Promise<string[]> {
  const folder = path.join(process.env.HRN_SHARED ?? path.join(root, '..', 'shared'), 'photos');
  const names = await readdir(folder);
  return names
    .filter((name) => /\.(png|jpg)$/.test(name))
    .sort()
    .map((name) => path.join(folder, name));
}

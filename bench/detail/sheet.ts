/**
 * Heads in grey beside their photos: photo, medium and high from the front, medium and high turned by 45 degrees.
 * `npm run bench:detail:sheet -- --out build/detail.png [--side 420] [--folds] [PHOTO...]`; without photos all of ../shared/photos. With --folds: photo, high,
 * neutral with all folds, and with those of the expression faded.
 */
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { writeFilesAtomically } from '../../lib/atomic-write.js';
import { HrnError } from '../../lib/errors.js';
import * as hrn from '../../lib/index.js';
import { native } from '../../lib/native/load.js';
import { foldsRow, greyRow, joined } from './grey.js';

const root = path.join(import.meta.dirname, '..', '..');
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: path.join(root, 'build', 'detail.png') },
    side: { type: 'string', default: '420' },
    folds: { type: 'boolean', default: false },
  },
});
const side = Number(flags.side);
const context = new (native().Context)({ threads: 2 });
const reconstructor = await hrn.create();
const rows: Buffer[][] = [];
for (const file of positionals.length > 0 ? positionals : await sharedPhotos()) {
  try {
    const face = await reconstructor.fit(file, { detail: 'high' });
    rows.push(await (flags.folds ? foldsRow : greyRow)(context, face, side));
    process.stdout.write(`${path.basename(file)}: detail ${(face.timingsMs.detail ?? 0).toFixed(0)} ms\n`);
  } catch (error) {
    if (!(error instanceof HrnError)) throw error;
    process.stdout.write(`${path.basename(file)}: ${error.code}\n`);
  }
}
context.dispose();
await reconstructor.dispose();
if (rows.length === 0) throw new Error('no head to draw');
await mkdir(path.dirname(flags.out), { recursive: true });
const sheet = joined(rows, side);
const bytes = await (flags.out.endsWith('.png') ? sheet.png() : sheet.jpeg({ quality: 88 })).toBuffer();
await writeFilesAtomically([{ path: flags.out, bytes }]);

async function sharedPhotos(): Promise<string[]> {
  const folder = path.join(process.env.HRN_SHARED ?? path.join(root, '..', 'shared'), 'photos');
  const names = await readdir(folder);
  return names
    .filter((name) => /\.(png|jpg)$/.test(name))
    .sort()
    .map((name) => path.join(folder, name));
}

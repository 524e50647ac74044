/**
 * Draws docs/images/heads.jpg: the astronaut and some samples, fitted, in neutral grey.
 * `npm run bench:heads [-- --out FILE --seeds 3,4,6]`; `npm run bench:photos` draws the same of its photos.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeFilesAtomically } from '../../lib/atomic-write.js';
import * as hrn from '../../lib/index.js';
import { native } from '../../lib/native/load.js';
import { sample } from '../../lib/sample.js';
import { drawHeadsSheet } from './heads-sheet.js';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: flags } = parseArgs({
  options: {
    out: { type: 'string', default: path.join(root, 'docs', 'images', 'heads.jpg') },
    seeds: { type: 'string', default: '3,4,6,8,11,13,17' },
  },
});

const context = new (native().Context)({ threads: 2 });
const reconstructor = await hrn.create();
try {
  const faces = [await reconstructor.fit(path.join(root, 'examples', 'astronaut.png'))];
  for (const seed of flags.seeds.split(',').map(Number)) {
    faces.push(await reconstructor.fit((await sample({ seed })).image));
  }
  const bytes = await drawHeadsSheet(context, faces);
  await writeFilesAtomically([{ path: flags.out, bytes }]);
  process.stdout.write(`${flags.out}: ${faces.length} heads, ${Math.round(bytes.length / 1000)} kB\n`);
} finally {
  context.dispose();
  await reconstructor.dispose();
}

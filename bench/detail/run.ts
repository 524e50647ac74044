/**
 * How much of a face's fine relief `detail: 'high'` finds, and how much paint it takes for relief:
 * `npm run bench:detail [-- --set model|ict --heads N --first N --size 1024|1536 --pictures FOLDER --out FOLDER]`.
 *
 * Constants are chosen on heads from seed 100 (`--first 100`); what is reported are those from seed 1.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeFilesAtomically } from '../../lib/atomic-write.js';
import { HrnError } from '../../lib/errors.js';
import * as hrn from '../../lib/index.js';
import { loadHead } from '../../lib/models/head.js';
import { locateModels } from '../../lib/models/locate.js';
import { readModel } from '../../lib/models/manifest.js';
import { native } from '../../lib/native/load.js';
import { ictPath, readIctModel } from '../accuracy/ict-head.js';
import { type BareHead, ictHead, modelHead } from './heads.js';
import { type DetailFigures, detailFigures, fittedNormals } from './metrics.js';
import { drawPicture } from './picture.js';
import { drawDetailPortrait } from './portrait.js';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: flags } = parseArgs({
  options: {
    set: { type: 'string' },
    heads: { type: 'string', default: '10' },
    first: { type: 'string', default: '1' },
    size: { type: 'string' },
    pictures: { type: 'string' },
    out: { type: 'string', default: path.join(root, 'bench', 'results') },
  },
});

interface Row {
  name: string;
  medium: DetailFigures;
  high: DetailFigures;
  detailMs: number;
}

const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
const context = new (native().Context)({ threads: 2 });
const reconstructor = await hrn.create();
const lines: string[] = ['# Detail', ''];
const say = (line: string): void => {
  lines.push(line);
  process.stdout.write(`${line}\n`);
};
const first = Number(flags.first);
try {
  if (flags.set !== 'ict') await runSet('heads of the model', (seed) => modelHead(model, seed));
  if (flags.set !== 'model') {
    const file = ictPath(root);
    if (file) {
      const ict = await readIctModel(file);
      await runSet('heads of ICT-FaceKit', (seed) => ictHead(ict, seed));
    } else process.stdout.write('ICT heads skipped: ../shared/ict is not here (HRN_SHARED may name the folder)\n');
  }
} finally {
  context.dispose();
  await reconstructor.dispose();
}
if (first === 1) {
  await mkdir(flags.out, { recursive: true });
  await writeFilesAtomically([
    { path: path.join(flags.out, 'detail.md'), bytes: Buffer.from(`${lines.join('\n')}\n`) },
  ]);
}

async function runSet(title: string, headOf: (seed: number) => BareHead): Promise<void> {
  const rows: Row[] = [];
  for (let i = 0; i < Number(flags.heads); i++) {
    const seed = first + i;
    // Every other head turned, every third larger.
    const yawDegrees = i % 2 === 0 ? 0 : (i % 4 === 1 ? 1 : -1) * 22;
    const sizePx = flags.size ? Number(flags.size) : i % 3 === 2 ? 1536 : 1024;
    const head = headOf(seed);
    const portrait = await drawDetailPortrait(context, head, { sizePx, yawDegrees, seed });
    try {
      const face = await reconstructor.fit(portrait.image, { detail: 'high' });
      const pixelsPerMm = face.camera.focalLengthPx / face.pose.translation[2]!;
      const medium = await fittedNormals(context, face);
      const high = await fittedNormals(context, face, face.displacementMap);
      const row = {
        name: `${portrait.name} ${sizePx}`,
        medium: detailFigures(portrait, medium, pixelsPerMm),
        high: detailFigures(portrait, high, pixelsPerMm, medium),
        detailMs: face.timingsMs.detail ?? 0,
      };
      rows.push(row);
      process.stdout.write(`${tableRow(row)}\n`);
      if (flags.pictures) {
        await mkdir(flags.pictures, { recursive: true });
        const bytes = await drawPicture(portrait, medium, high, sizePx);
        await writeFilesAtomically([
          { path: path.join(flags.pictures, `${portrait.name.replaceAll(' ', '_')}.png`), bytes },
        ]);
      }
    } catch (error) {
      if (!(error instanceof HrnError)) throw error;
      process.stdout.write(`${portrait.name}: ${error.code}\n`);
    }
  }
  say(`\n## ${title}, seeds ${first} to ${first + Number(flags.heads) - 1}\n`);
  say(
    '| portrait | angle, degrees: medium | high | correlation: medium | high | gain: medium | high ' +
      '| leak: medium | high | truth | where the truth is smooth: medium | high | truth | added by high | ms |',
  );
  say(`|${' --- |'.repeat(15)}`);
  for (const row of rows) say(tableRow(row));
  say(tableRow(meanRow(rows)));
}

function tableRow({ name, medium, high, detailMs }: Row): string {
  const cells = [
    medium.degrees.toFixed(2),
    high.degrees.toFixed(2),
    medium.correlation.toFixed(3),
    high.correlation.toFixed(3),
    medium.gain.toFixed(2),
    high.gain.toFixed(2),
    ...[
      medium.leak,
      high.leak,
      high.trueLeak,
      medium.smoothLeak,
      high.smoothLeak,
      high.trueSmoothLeak,
      high.addedLeak,
    ].map((x) => (Number.isNaN(x) ? '-' : x.toFixed(3))),
    detailMs.toFixed(0),
  ];
  return `| ${name} | ${cells.join(' | ')} |`;
}

function meanRow(rows: readonly Row[]): Row {
  const mean = (pick: (row: Row) => number): number => {
    const values = rows.map(pick).filter((value) => !Number.isNaN(value));
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const figures = (level: 'medium' | 'high'): DetailFigures => ({
    degrees: mean((row) => row[level].degrees),
    correlation: mean((row) => row[level].correlation),
    gain: mean((row) => row[level].gain),
    leak: mean((row) => row[level].leak),
    trueLeak: mean((row) => row[level].trueLeak),
    smoothLeak: mean((row) => row[level].smoothLeak),
    trueSmoothLeak: mean((row) => row[level].trueSmoothLeak),
    addedLeak: mean((row) => row[level].addedLeak),
    energy: mean((row) => row[level].energy),
  });
  return { name: '**mean**', medium: figures('medium'), high: figures('high'), detailMs: mean((row) => row.detailMs) };
}

/**
 * How much nearer several photos of a person come to the truth than one:
 * `npm run bench:views [-- --set ict|samples --heads N --counts 1,2,3,5,8 --size PX --out FOLDER --more]`.
 * With --more what is in the folder's views.json already is kept and counted, so that a long run can be made in pieces.
 *
 * The first view is from the front and has the expression that is compared; `fit` has it alone.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeFilesAtomically } from '../../lib/atomic-write.js';
import * as hrn from '../../lib/index.js';
import { loadHead } from '../../lib/models/head.js';
import { locateModels } from '../../lib/models/locate.js';
import { readModel } from '../../lib/models/manifest.js';
import { ictPath, readIctModel } from './ict-head.js';
import { faceError } from './metrics.js';
import { faceOf } from './model-face.js';
import { ictPerson, modelPerson, type PersonCase } from './views-cases.js';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: flags } = parseArgs({
  options: {
    set: { type: 'string' },
    heads: { type: 'string', default: '10' },
    first: { type: 'string', default: '0' },
    counts: { type: 'string', default: '1,2,3,5,8' },
    size: { type: 'string', default: '768' },
    detail: { type: 'string', default: 'medium' },
    more: { type: 'boolean', default: false },
    out: { type: 'string', default: path.join(root, 'bench', 'results') },
  },
});
const counts = flags.counts.split(',').map(Number);
const most = Math.max(...counts);
const size = Number(flags.size);
const detail = flags.detail as hrn.Detail;

interface Row {
  set: string;
  person: string;
  views: number;
  meanMm: number;
  noseMm: number;
  sizePercent: number;
  rigidMm: number;
  landmarkPercent: number;
  seconds: number;
}

const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
const reconstructor = await hrn.create();
const kept = path.join(flags.out, 'views.json');
const rows: Row[] = flags.more && existsSync(kept) ? JSON.parse(await readFile(kept, 'utf8')) : [];
try {
  const indices = Array.from({ length: Number(flags.heads) }, (_, i) => Number(flags.first) + i);
  const file = ictPath(root);
  if (flags.set !== 'samples' && !file)
    process.stdout.write('ict set skipped: ../shared/ict is not here (HRN_SHARED may name the folder)\n');
  if (flags.set !== 'samples' && file) {
    const ict = await readIctModel(file);
    for (const i of indices) if (!isKept('ict', i)) await measure('ict', await ictPerson(ict, i, most, size));
  }
  if (flags.set !== 'ict')
    for (const i of indices)
      if (!isKept('samples', i)) await measure('samples', await modelPerson(model, i, most, size));
} finally {
  await reconstructor.dispose();
}
process.stdout.write(`\n${markdown()}\n`);

function isKept(set: string, index: number): boolean {
  return rows.some((row) => row.set === set && Number(row.person.split('-')[1]) === index + 1);
}

/** After every person, so that a run that is ended early is of use. */
async function save(): Promise<void> {
  const about = [
    'One person from several views (`npm run bench:views`): mean distance of the face after similarity alignment, the same',
    'after rigid alignment, depth of the nose without its sign, error of the size; means over people. 0 views: the mean head.',
  ].join('\n');
  await mkdir(flags.out, { recursive: true });
  await writeFilesAtomically([
    { path: path.join(flags.out, 'views.md'), bytes: Buffer.from(`# Several views\n\n${about}\n\n${markdown()}\n`) },
    { path: kept, bytes: Buffer.from(`${JSON.stringify(rows, null, 1)}\n`) },
  ]);
}

async function measure(set: string, { name, images, truth }: PersonCase): Promise<void> {
  const add = (views: number, positions: Float32Array, landmarkPercent: number, seconds: number): void => {
    const estimate = faceOf(model, positions);
    const similar = faceError(truth, estimate, true);
    const rigid = faceError(truth, estimate, false);
    rows.push({
      set,
      person: name,
      views,
      meanMm: similar.meanMm,
      noseMm: Math.abs(similar.noseDepthMm),
      sizePercent: 100 * Math.abs(Math.log(similar.alignment.scale)),
      rigidMm: rigid.meanMm,
      landmarkPercent,
      seconds,
    });
  };
  add(0, model.mean, 0, 0);
  for (const count of counts) {
    const start = performance.now();
    try {
      const options = { textureSize: 256, detail };
      if (count === 1) {
        const face = await reconstructor.fit(images[0]!, options);
        add(count, face.mesh.positions, face.quality.landmarkErrorPercent, (performance.now() - start) / 1000);
        continue;
      }
      const face = await reconstructor.fitViews(images.slice(0, count), { ...options, view: 0 });
      const seconds = (performance.now() - start) / 1000;
      add(
        count,
        face.mesh.positions,
        Math.max(...face.views.map(({ quality }) => quality.landmarkErrorPercent)),
        seconds,
      );
      if (face.leftOut.length > 0)
        process.stdout.write(
          `  ${name} ${count}: left out ${face.leftOut.map(({ index, code }) => `${index} ${code}`)}\n`,
        );
    } catch (error) {
      process.stdout.write(`  ${name} ${count}: ${(error as Error).message}\n`);
    }
  }
  const mine = rows.filter((row) => row.set === set && row.person === name);
  await save();
  process.stdout.write(`${set} ${name}: ${mine.map((row) => `${row.views}: ${row.meanMm.toFixed(2)}`).join('  ')}\n`);
}

function markdown(): string {
  const lines = [
    '| set | views | people | mean mm | of mean head | of one view | nose mm | size % | rigid mm | landmarks % | s |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
  ];
  for (const set of new Set(rows.map((row) => row.set))) {
    const of = (views: number): Row[] => rows.filter((row) => row.set === set && row.views === views);
    const mean = (list: Row[], value: (row: Row) => number): number =>
      list.reduce((sum, row) => sum + value(row), 0) / list.length;
    const alone = (people: Row[], views: number): number =>
      mean(
        of(views).filter(({ person }) => people.some((row) => row.person === person)),
        ({ meanMm }) => meanMm,
      );
    for (const views of [0, ...counts]) {
      const list = of(views);
      if (list.length === 0) continue;
      const distance = mean(list, ({ meanMm }) => meanMm);
      const cells = [
        set,
        views === 0 ? 'mean head' : String(views),
        String(list.length),
        distance.toFixed(2),
        (distance / alone(list, 0)).toFixed(2),
        (distance / alone(list, 1)).toFixed(2),
        mean(list, ({ noseMm }) => noseMm).toFixed(2),
        mean(list, ({ sizePercent }) => sizePercent).toFixed(1),
        mean(list, ({ rigidMm }) => rigidMm).toFixed(2),
        mean(list, ({ landmarkPercent }) => landmarkPercent).toFixed(2),
        mean(list, ({ seconds }) => seconds).toFixed(1),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
  return lines.join('\n');
}

/**
 * Whether the refinement ever loses: medium against coarse of every portrait, and by skin tone.
 *
 * `npm run bench:never-worse [-- --set out-of-model|held-out] [--first N] [--heads N] [--out FILE]`: portraits whose rows
 * stand in FILE (JSON lines) already are not fitted again, so ranges can run side by side and be interrupted; the table is of
 * all rows in it. Wanted: medium at most 1.10 x coarse + 0.05 mm on 99 of 100, never above 1.3 x; no third of skin tones above
 * 1.10 x the mean of all.
 */
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ClosestPointIndex } from '../../lib/importers/closest-point.js';
import * as hrn from '../../lib/index.js';
import { loadHead } from '../../lib/models/head.js';
import { locateModels } from '../../lib/models/locate.js';
import { readModel } from '../../lib/models/manifest.js';
import { FIRST_HELD_OUT_SEED, heldOutCases, outOfModelCases } from './cases.js';
import { ictPath, readIctModel } from './ict-head.js';
import { faceError } from './metrics.js';
import { faceOf } from './model-face.js';

/** Points of the true face; enough for a mean. */
const SAMPLES = 1500;
const WORST = 5;

interface Row {
  name: string;
  meanHeadMm: number;
  coarseMm: number;
  mediumMm: number;
  skinTone?: number;
  refinement: string;
  warnings: string[];
}

const root = path.join(import.meta.dirname, '..', '..');
const { values: flags } = parseArgs({
  options: {
    set: { type: 'string', default: 'out-of-model' },
    first: { type: 'string', default: '1' },
    heads: { type: 'string', default: '60' },
    out: { type: 'string' },
  },
});
const file = flags.out ?? path.join(root, 'build', 'never-worse', `${flags.set}.jsonl`);
await mkdir(path.dirname(file), { recursive: true });

async function readRows(): Promise<Row[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const rows = text.split('\n').filter(Boolean);
  return rows.map((line) => JSON.parse(line) as Row);
}

const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
const mean = faceOf(model, model.mean);
const meanIndex = new ClosestPointIndex(mean.skin.positions, mean.skin.triangles);
const range = { first: Number(flags.first), count: Number(flags.heads), samples: SAMPLES };
const ict = flags.set === 'out-of-model' ? ictPath(root) : undefined;
if (flags.set === 'out-of-model' && ict === undefined) throw new Error('no ICT-FaceKit beside the checkout');
const cases = ict
  ? outOfModelCases(await readIctModel(ict), range)
  : heldOutCases(model, { ...range, first: FIRST_HELD_OUT_SEED + range.first - 1 });
const done = new Set((await readRows()).map(({ name }) => name));
const reconstructor = await hrn.create({ device: 'cpu', threads: 1 });
for await (const portrait of cases) {
  if (done.has(portrait.name)) continue;
  const distance = (head: Float32Array): number => {
    const index = new ClosestPointIndex(head, meanIndex.triangles, meanIndex);
    return faceError(portrait.truth, faceOf(model, head), true, index).meanMm;
  };
  try {
    const face = await reconstructor.fit(portrait.image, { textureSize: 256 });
    const row: Row = {
      name: portrait.name,
      meanHeadMm: distance(model.mean),
      coarseMm: distance(face.levels.coarse),
      mediumMm: distance(face.mesh.positions),
      ...(portrait.skinTone === undefined ? {} : { skinTone: portrait.skinTone }),
      refinement: face.quality.refinement,
      warnings: face.warnings.map(({ code }) => code),
    };
    await appendFile(file, `${JSON.stringify(row)}\n`);
  } catch (error) {
    process.stdout.write(`${portrait.name}: ${(error as Error).message}\n`);
  }
}
await reconstructor.dispose();

const rows = await readRows();
const average = (of: readonly Row[], value: (row: Row) => number): number =>
  of.reduce((sum, row) => sum + value(row), 0) / of.length;
const ratio = ({ coarseMm, mediumMm }: Row): number => mediumMm / coarseMm;
const isKept = ({ coarseMm, mediumMm }: Row): boolean => mediumMm <= 1.1 * coarseMm + 0.05;
const byRatio = rows.toSorted((a, b) => ratio(b) - ratio(a));
const kept = rows.filter(isKept).length;
process.stdout.write(
  `\n${flags.set}, ${rows.length} portraits: mean head ${average(rows, (r) => r.meanHeadMm).toFixed(3)} mm, coarse ` +
    `${average(rows, (r) => r.coarseMm).toFixed(3)}, medium ${average(rows, (r) => r.mediumMm).toFixed(3)} (` +
    `${(average(rows, (r) => r.mediumMm) / average(rows, (r) => r.meanHeadMm)).toFixed(3)} of the mean head)\n` +
    `medium at most 1.10 x coarse + 0.05 mm: ${kept} of ${rows.length} (${((100 * kept) / rows.length).toFixed(1)} %); ` +
    `most ${ratio(byRatio[0]!).toFixed(2)} x; below coarse ${rows.filter((r) => ratio(r) < 1).length}\n`,
);
const share = (q: number): string =>
  ratio(byRatio[Math.min(rows.length - 1, Math.floor((1 - q) * rows.length))]!).toFixed(2);
process.stdout.write(
  `medium over coarse, 5, 25, 50, 75, 95 %: ${[0.05, 0.25, 0.5, 0.75, 0.95].map(share).join(', ')}\n\n`,
);
process.stdout.write(
  `| worst | coarse mm | medium mm | ratio | refinement | warnings |\n| --- | --- | --- | --- | --- | --- |\n`,
);
for (const row of byRatio.slice(0, WORST)) {
  process.stdout.write(
    `| ${row.name} | ${row.coarseMm.toFixed(2)} | ${row.mediumMm.toFixed(2)} | ${ratio(row).toFixed(2)} | ${row.refinement} | ${row.warnings.join(' ')} |\n`,
  );
}
const toned = rows.filter((row) => row.skinTone !== undefined).toSorted((a, b) => b.skinTone! - a.skinTone!);
if (toned.length >= 3) {
  process.stdout.write(
    `\n| skin tone, degrees | portraits | medium mm | of all | of mean head |\n| --- | --- | --- | --- | --- |\n`,
  );
  for (let k = 0; k < 3; k++) {
    const group = toned.slice(Math.floor((k * toned.length) / 3), Math.floor(((k + 1) * toned.length) / 3));
    const mm = average(group, (r) => r.mediumMm);
    process.stdout.write(
      `| ${group.at(-1)!.skinTone!.toFixed(0)} to ${group[0]!.skinTone!.toFixed(0)} | ${group.length} | ${mm.toFixed(3)} | ` +
        `${(mm / average(toned, (r) => r.mediumMm)).toFixed(2)} | ${(mm / average(group, (r) => r.meanHeadMm)).toFixed(2)} |\n`,
    );
  }
}

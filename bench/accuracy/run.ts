/**
 * Fits portraits with known truth and writes how far the fitted faces are from it:
 * `npm run bench:accuracy [-- --set in-model|out-of-model --heads N --focal known|unknown --out FOLDER]`.
 *
 * The posed mean head, which any fit has to beat, is the model's calibrated mean laid on the truth by the same
 * alignment as the fits: landmarks, then iterated closest points. It is given a perfect pose, in other words.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeFilesAtomically } from '../../lib/atomic-write.js';
import * as hrn from '../../lib/index.js';
import { loadHead } from '../../lib/models/head.js';
import { locateModels } from '../../lib/models/locate.js';
import { readModel } from '../../lib/models/manifest.js';
import { faceOf, inModelCases, outOfModelCases, type PortraitCase } from './cases.js';
import { composePicture, errorCell, HOT_MM, type PictureRow, portraitCell } from './error-picture.js';
import { ictPath, readIctModel } from './ict-head.js';
import { type FaceEstimate, faceError } from './metrics.js';
import { type CaseResult, figuresOf, type Level, type LevelFigures, markdownTable, summarise } from './table.js';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: flags } = parseArgs({
  options: {
    set: { type: 'string' },
    heads: { type: 'string', default: '20' },
    focal: { type: 'string' },
    out: { type: 'string', default: path.join(root, 'bench', 'results') },
  },
});
const heads = Number(flags.heads);
const focalLengths = (['known', 'unknown'] as const).filter((focal) => !flags.focal || flags.focal === focal);

const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
const reconstructor = await hrn.create();
// A long run that is interrupted still writes what it has measured.
let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
});
try {
  if (flags.set !== 'out-of-model') await runSet('in-model', inModelCases(model, heads));
  if (flags.set !== 'in-model') {
    const file = ictPath(root);
    if (file) await runSet('out-of-model', outOfModelCases(await readIctModel(file), heads));
    else process.stdout.write('out-of-model set skipped: ../shared/ict is not here (HRN_SHARED may name the folder)\n');
  }
} finally {
  await reconstructor.dispose();
}

async function runSet(set: string, cases: AsyncIterable<PortraitCase>): Promise<void> {
  const rows: PictureRow[] = [];
  const results: CaseResult[] = [];
  const failures: string[] = [];
  for await (const portrait of cases) {
    if (interrupted) break;
    const mean = compare(portrait, faceOf(model, model.mean));
    let row: PictureRow | undefined;
    for (const focalLength of focalLengths) {
      const fitted = await fit(portrait, focalLength, failures);
      if (!fitted) continue;
      const coarse = compare(portrait, fitted.coarse);
      const medium = compare(portrait, fitted.medium);
      const levels: Record<Level, LevelFigures> = {
        'mean head': mean.figures,
        coarse: coarse.figures,
        medium: medium.figures,
      };
      const focalRatio = fitted.focalLengthPx / portrait.camera.focalLengthPx;
      results.push({ name: portrait.name, set, view: portrait.view, focalLength, levels, focalRatio });
      const shown = [mean, coarse, medium].map(({ figures }) => figures.similarity.meanMm.toFixed(2)).join(' ');
      process.stdout.write(
        `${set} ${portrait.name}, focal length ${focalLength} (x${focalRatio.toFixed(2)}): ${shown}\n`,
      );
      row ??= [
        await portraitCell(portrait),
        await errorCell(portrait, faceOf(model, model.mean), mean.error),
        await errorCell(portrait, fitted.coarse, coarse.error),
        await errorCell(portrait, fitted.medium, medium.error),
      ];
    }
    if (row) rows.push(row);
  }
  await writeResults(set, results, failures, rows);
}

async function fit(
  portrait: PortraitCase,
  focalLength: 'known' | 'unknown',
  failures: string[],
): Promise<{ coarse: FaceEstimate; medium: FaceEstimate; focalLengthPx: number } | undefined> {
  try {
    const options = focalLength === 'known' ? { focalLengthPx: portrait.camera.focalLengthPx } : {};
    const face = await reconstructor.fit(portrait.image, { ...options, textureSize: 256 });
    return {
      coarse: faceOf(model, face.levels.coarse),
      medium: faceOf(model, face.levels.medium ?? face.levels.coarse),
      focalLengthPx: face.camera.focalLengthPx,
    };
  } catch (error) {
    failures.push(`${portrait.name}, focal length ${focalLength}: ${(error as Error).message}`);
    process.stdout.write(`${failures.at(-1)}\n`);
    return undefined;
  }
}

function compare({ truth }: PortraitCase, estimate: FaceEstimate) {
  const error = faceError(truth, estimate, true);
  const rigid = faceError(truth, estimate, false);
  return { error, figures: { similarity: figuresOf(error), rigid: figuresOf(rigid) } };
}

async function writeResults(
  set: string,
  results: readonly CaseResult[],
  failures: readonly string[],
  pictures: readonly PictureRow[],
): Promise<void> {
  const rows = summarise(results);
  const table = markdownTable(rows);
  const notes = [
    'Distance from samples of the true face to the nearest point of the fitted skin, after similarity alignment',
    '(landmarks, then iterated closest points) and after rigid alignment, where a wrong size counts too. Means over',
    'portraits; the nose counts without its sign. "mean head": the calibrated mean of the embedded model, laid on the',
    'truth in the same way. in-model: `hrn sample`, seeds from 1. out-of-model: random ICT-FaceKit heads, every second',
    'one with an expression, from the front and turned by 30 to 45 degrees.',
    `The pictures show portrait, mean head, coarse, medium; blue is no error, red ${HOT_MM} mm and more.`,
  ].join('\n');
  process.stdout.write(`\n${table}\n`);
  for (const failure of failures) process.stdout.write(`failed: ${failure}\n`);
  await mkdir(flags.out, { recursive: true });
  const failed = failures.length > 0 ? `\nFailed:\n${failures.map((f) => `- ${f}`).join('\n')}\n` : '';
  const file = (extension: string): string => path.join(flags.out, `accuracy-${set}.${extension}`);
  const json = { summary: rows, portraits: results, failures };
  await writeFilesAtomically([
    { path: file('md'), bytes: Buffer.from(`# Accuracy, ${set}\n\n${notes}\n\n${table}\n${failed}`) },
    { path: file('json'), bytes: Buffer.from(`${JSON.stringify(json, null, 1)}\n`) },
    ...(pictures.length > 0 ? [{ path: file('jpg'), bytes: await composePicture(pictures, 2) }] : []),
  ]);
}

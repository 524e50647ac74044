/**
 * Fits portraits with known truth and writes how far the fitted faces are from it:
 * `npm run bench:accuracy [-- --set in-model|held-out|out-of-model --heads N --focal known|unknown --out FOLDER --model FILE
 * --detail high]`.
 *
 * The posed mean head, which any fit has to beat, is the model's calibrated mean laid on the truth by the same
 * alignment as the fits: landmarks, then iterated closest points. It is given a perfect pose, in other words.
 */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeFilesAtomically } from '../../lib/atomic-write.js';
import { ClosestPointIndex } from '../../lib/importers/closest-point.js';
import * as hrn from '../../lib/index.js';
import { loadHead } from '../../lib/models/head.js';
import { locateModels } from '../../lib/models/locate.js';
import { readModel } from '../../lib/models/manifest.js';
import { parseModelFile } from '../../lib/models/model-file.js';
import type { Mesh } from '../../lib/result-data.js';
import { heldOutCases, inModelCases, outOfModelCases, type PortraitCase } from './cases.js';
import { composePicture, errorCell, HOT_MM, type PictureRow, portraitCell } from './error-picture.js';
import { ictPath, readIctModel } from './ict-head.js';
import { type FaceError, type FaceEstimate, faceError } from './metrics.js';
import { faceOf } from './model-face.js';
import { neutralShape, ShapeDistance } from './shape-agreement.js';
import { type CaseResult, type Figures, markdownTable, summarise } from './table.js';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: flags } = parseArgs({
  options: {
    set: { type: 'string' },
    heads: { type: 'string' },
    focal: { type: 'string' },
    /** `high`: the detailed meshes too. */
    detail: { type: 'string', default: 'medium' },
    /** A head that `hrn models import` wrote, in place of the embedded one; the mean head stays the embedded one's. */
    model: { type: 'string' },
    out: { type: 'string', default: path.join(root, 'bench', 'results') },
  },
});
const ABOUT = {
  'in-model': '`hrn sample`, seeds from 1.',
  'held-out': 'Portraits of the generator of training data, from seeds that no network was trained on, at 240 pixels.',
  'out-of-model':
    'Random ICT-FaceKit heads, every second one with an expression, from the front and turned by 30 to 45 degrees.',
} as const;
type SetName = keyof typeof ABOUT;
/** Crops off the lens's axis: with the true focal length but another axis a fit would not be a better one. */
const HELD_OUT_FOCAL_LENGTHS = ['unknown'] as const;
const HELD_OUT_PICTURE_EVERY = 17;
const isDetailed = flags.detail === 'high';
const heads = (usual: number): number => (flags.heads ? Number(flags.heads) : usual);
const isAskedFor = (set: SetName): boolean => !flags.set || flags.set === set;
const focalLengths = (['known', 'unknown'] as const).filter((focal) => !flags.focal || flags.focal === focal);

const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
const fittedModel = flags.model ? parseModelFile(await readFile(flags.model)).model : model;
const fittedSkin = faceOf(fittedModel, fittedModel.mean).skin;
const fittedIndex = new ClosestPointIndex(fittedSkin.positions, fittedSkin.triangles);
const meanSkin = faceOf(model, model.mean).skin;
const meanIndex = new ClosestPointIndex(meanSkin.positions, meanSkin.triangles);
const shapeDistance = new ShapeDistance(model);
const reconstructor = await hrn.create({ model: flags.model });
// A long run that is interrupted still writes what it has measured.
let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
});
try {
  if (isAskedFor('in-model')) await runSet('in-model', inModelCases(model, { count: heads(20) }));
  if (isAskedFor('held-out'))
    await runSet('held-out', heldOutCases(model, { count: heads(200) }), HELD_OUT_PICTURE_EVERY);
  if (isAskedFor('out-of-model')) {
    const file = ictPath(root);
    if (file) await runSet('out-of-model', outOfModelCases(await readIctModel(file), { count: heads(20) }));
    else process.stdout.write('out-of-model set skipped: ../shared/ict is not here (HRN_SHARED may name the folder)\n');
  }
} finally {
  await reconstructor.dispose();
}

async function runSet(set: SetName, cases: AsyncIterable<PortraitCase>, pictureEvery = 1): Promise<void> {
  const pictures: PictureRow[] = [];
  const results: CaseResult[] = [];
  const failures: string[] = [];
  let index = 0;
  for await (const portrait of cases) {
    if (interrupted) break;
    const isShown = index++ % pictureEvery === 0;
    const mean = compare(portrait, model.mean, model.mean);
    let row: PictureRow | undefined;
    for (const focalLength of set === 'held-out' ? HELD_OUT_FOCAL_LENGTHS : focalLengths) {
      const fitted = await fit(portrait, focalLength, failures);
      if (!fitted) continue;
      const coarse = compareFitted(portrait, fitted.coarse);
      const medium = compareFitted(portrait, fitted.medium, flags.model ? undefined : fitted.neutral);
      const high = fitted.high && compareDetailed(portrait, fitted.high);
      const levels: CaseResult['levels'] = {
        'mean head': mean.figures,
        coarse: coarse.figures,
        medium: medium.figures,
        ...(high && { high: high.figures }),
      };
      const focalRatio = fitted.focalLengthPx / portrait.camera.focalLengthPx;
      const view = portrait.view === undefined ? {} : { view: portrait.view };
      results.push({ name: portrait.name, set, ...view, focalLength, levels, focalRatio });
      const shown = Object.values(levels)
        .map(({ similarity }) => similarity.meanMm.toFixed(isDetailed ? 3 : 2))
        .join(' ');
      process.stdout.write(
        `${set} ${portrait.name}, focal length ${focalLength} (x${focalRatio.toFixed(2)}): ${shown}\n`,
      );
      if (!isShown) continue;
      row ??= [
        await portraitCell(portrait),
        await errorCell(portrait, faceOf(model, model.mean), mean.error),
        await errorCell(portrait, faceOf(fittedModel, fitted.coarse), coarse.error),
        await errorCell(portrait, faceOf(fittedModel, fitted.medium), medium.error),
        ...(high ? [await errorCell(portrait, high.estimate, high.error)] : []),
      ];
    }
    if (row) pictures.push(row);
  }
  await writeResults(set, results, failures, pictures);
}

interface Fitted {
  coarse: Float32Array;
  medium: Float32Array;
  neutral: Float32Array;
  high: Mesh | undefined;
  focalLengthPx: number;
}

async function fit(
  portrait: PortraitCase,
  focalLength: 'known' | 'unknown',
  failures: string[],
): Promise<Fitted | undefined> {
  try {
    const options = focalLength === 'known' ? { focalLengthPx: portrait.camera.focalLengthPx } : {};
    const face = await reconstructor.fit(portrait.image, {
      ...options,
      detail: isDetailed ? 'high' : 'medium',
      textureSize: 256,
    });
    return {
      coarse: face.levels.coarse,
      medium: face.mesh.positions,
      neutral: flags.model ? face.mesh.positions : neutralShape(face),
      high: face.levels.high,
      focalLengthPx: face.camera.focalLengthPx,
    };
  } catch (error) {
    failures.push(`${portrait.name}, focal length ${focalLength}: ${(error as Error).message}`);
    process.stdout.write(`${failures.at(-1)}\n`);
    return undefined;
  }
}

/** @param neutral the head without its expression, where that is to be compared too */
function compare(portrait: PortraitCase, head: Float32Array, neutral?: Float32Array) {
  return comparison(portrait, model, meanIndex, head, neutral);
}

function compareFitted(portrait: PortraitCase, head: Float32Array, neutral?: Float32Array) {
  return comparison(portrait, fittedModel, fittedIndex, head, neutral);
}

/** The finer mesh; landmarks lie on its first vertices, which are the head's. */
function compareDetailed(portrait: PortraitCase, { positions, indices, parts }: Mesh) {
  const skin = parts.find((part) => part.name === 'skin')!;
  const triangles = indices.subarray(skin.firstIndex, skin.firstIndex + skin.indexCount);
  const { landmarks } = faceOf(fittedModel, positions);
  const estimate = { skin: { positions, triangles }, landmarks };
  return { ...compared(portrait, estimate, new ClosestPointIndex(positions, triangles), undefined), estimate };
}

function comparison(
  portrait: PortraitCase,
  of: typeof model,
  like: ClosestPointIndex,
  head: Float32Array,
  neutral: Float32Array | undefined,
) {
  return compared(portrait, faceOf(of, head), new ClosestPointIndex(head, like.triangles, like), neutral);
}

function compared(
  portrait: PortraitCase,
  estimate: FaceEstimate,
  index: ClosestPointIndex,
  neutral: Float32Array | undefined,
) {
  const figures = (error: FaceError, withScale: boolean): Figures => {
    const { meanMm, medianMm, p90Mm, normalDegrees, noseDepthMm } = error;
    const shared = { meanMm, medianMm, p90Mm, normalDegrees, noseDepthMm };
    if (!neutral || !portrait.neutral) return shared;
    return { ...shared, neutralMm: shapeDistance.between(neutral, portrait.neutral, withScale) };
  };
  const error = faceError(portrait.truth, estimate, true, index);
  const rigid = faceError(portrait.truth, estimate, false, index);
  return { error, figures: { similarity: figures(error, true), rigid: figures(rigid, false) } };
}

async function writeResults(
  set: SetName,
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
    'truth in the same way. "neutral": corresponding face vertices of the heads without their expression, aligned.',
    ABOUT[set],
    `The pictures show portrait, mean head, coarse, medium${isDetailed ? ', high' : ''}; blue is no error, red ${HOT_MM} mm and more.`,
  ].join('\n');
  process.stdout.write(`\n${table}\n`);
  for (const failure of failures) process.stdout.write(`failed: ${failure}\n`);
  await mkdir(flags.out, { recursive: true });
  const failed = failures.length > 0 ? `\nFailed:\n${failures.map((f) => `- ${f}`).join('\n')}\n` : '';
  const name = `accuracy-${set}${isDetailed ? '-high' : ''}`;
  const file = (extension: string): string => path.join(flags.out, `${name}.${extension}`);
  const json = { summary: rows, portraits: results, failures };
  await writeFilesAtomically([
    { path: file('md'), bytes: Buffer.from(`# Accuracy, ${set}\n\n${notes}\n\n${table}\n${failed}`) },
    { path: file('json'), bytes: Buffer.from(`${JSON.stringify(json, null, 1)}\n`) },
    ...(pictures.length > 0 ? [{ path: file('jpg'), bytes: await composePicture(pictures, 2) }] : []),
  ]);
}

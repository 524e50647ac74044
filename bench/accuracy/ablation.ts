/**
 * What every term of the fit is worth: out-of-model portraits fitted with each term off in turn, focal length unknown.
 * `npx tsx bench/accuracy/ablation.ts [--heads 10]`, a table in Markdown on stdout.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadHeadModel } from '../../lib/head-model.js';
import type { CoarseProblem } from '../../lib/native/coarse.js';
import { native } from '../../lib/native/load.js';
import { coarseProblem, refinementProblem, solveCoarse } from '../../lib/stages/coarse.js';
import { detectFaces } from '../../lib/stages/detect.js';
import { focalLengthPrior } from '../../lib/stages/focal-length.js';
import { findLandmarks } from '../../lib/stages/landmarks.js';
import { findPersonMask } from '../../lib/stages/mask.js';
import { FaceNetworks } from '../../lib/stages/networks.js';
import { Photo } from '../../lib/stages/photo.js';
import { refine } from '../../lib/stages/refine.js';
import { type CoefficientEstimate, EMBEDDED_REGRESSOR, regress } from '../../lib/stages/regress.js';
import { outOfModelCases } from './cases.js';
import { ictPath, readIctModel } from './ict-head.js';
import { faceError } from './metrics.js';
import { faceOf } from './model-face.js';

/** A fit with something left out of what it is told. */
interface Variant {
  name: string;
  estimate?: (estimate: CoefficientEstimate) => CoefficientEstimate | undefined;
  problem?: (problem: CoarseProblem) => CoarseProblem;
}

const without = (...names: (keyof CoarseProblem)[]): Variant['problem'] => {
  return (problem) => {
    const less = { ...problem };
    for (const name of names) delete less[name];
    return less;
  };
};

const VARIANTS: readonly Variant[] = [
  { name: 'all terms' },
  { name: 'no coefficient network', estimate: () => undefined },
  { name: "network's distance not used", estimate: ({ identity, expression }) => ({ identity, expression }) },
  { name: 'no landmark bias', problem: without('biasMm') },
  { name: 'no correlated landmark errors', problem: without('nuisanceMm') },
  { name: 'no silhouette', problem: without('contourVertices') },
  { name: 'no robust loss', problem: (problem) => ({ ...problem, robust: 'none' }) },
];

const { values: flags } = parseArgs({
  options: { heads: { type: 'string', default: '10' } },
});
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const file = ictPath(root);
if (!file) throw new Error('../shared/ict is not here (HRN_SHARED may name the folder)');
const head = await loadHeadModel(undefined);
const context = new (native().Context)({ threads: 2 });
const networks = new FaceNetworks({ threads: 2 });
const sums = new Map(VARIANTS.map(({ name }) => [name, { coarse: 0, medium: 0, normals: 0 }]));
let [count, mean] = [0, 0];
for await (const { name, image, truth } of outOfModelCases(await readIctModel(file), Number(flags.heads))) {
  const photo = new Photo(context, image);
  const [face] = await detectFaces(networks, photo);
  if (!face) continue;
  const landmarks = await findLandmarks(networks, photo, face);
  const person = await findPersonMask(networks, photo, landmarks);
  const full = await regress(networks, EMBEDDED_REGRESSOR, head.morphable, photo, landmarks);
  const principalPx = [image.width / 2, image.height / 2] as const;
  mean += faceError(truth, faceOf(head.morphable, head.morphable.mean), true).meanMm;
  count++;
  for (const variant of VARIANTS) {
    const estimate = variant.estimate ? variant.estimate(full) : full;
    const focal = focalLengthPrior(landmarks, undefined, undefined, estimate);
    const problem = coarseProblem(head, landmarks, estimate, focal, principalPx);
    const { problem: solved, fit } = await solveCoarse(context, head, variant.problem?.(problem) ?? problem, {});
    const coarse = { problem: refinementProblem(head, solved, fit, estimate), fit };
    const refined = await refine(context, head, photo, landmarks, person, coarse, 'medium', {});
    const sum = sums.get(variant.name)!;
    sum.coarse += faceError(truth, faceOf(head.morphable, refined.coarsePositions), true).meanMm;
    const medium = faceError(truth, faceOf(head.morphable, refined.positions), true);
    sum.medium += medium.meanMm;
    sum.normals += medium.normalDegrees;
  }
  photo.dispose();
  process.stderr.write(`${name}\n`);
}
networks.dispose();
context.dispose();
process.stdout.write(`${count} portraits, mean head ${(mean / count).toFixed(3)} mm\n\n`);
process.stdout.write(
  '| fit | coarse mm | of mean head | medium mm | of mean head | normals deg |\n| --- | --- | --- | --- | --- | --- |\n',
);
for (const [name, { coarse, medium, normals }] of sums) {
  const cells = [coarse / count, coarse / mean, medium / count, medium / mean].map((x) => x.toFixed(3));
  process.stdout.write(`| ${name} | ${cells.join(' | ')} | ${(normals / count).toFixed(1)} |\n`);
}

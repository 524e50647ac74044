/**
 * What every term of the fit is worth: portraits fitted with each term off in turn, focal length unknown.
 * `npx tsx bench/accuracy/ablation.ts [--set in-model|held-out|out-of-model --heads N --out FILE]`
 *
 * A portrait and what the networks say of it are made once and shared by all variants, and differences are those of the
 * same portraits, so that small ones can be told from chance. None of the heads is one of `npm run bench:accuracy`.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeFilesAtomically } from '../../lib/atomic-write.js';
import { type HeadModel, loadHeadModel } from '../../lib/head-model.js';
import { ClosestPointIndex } from '../../lib/importers/closest-point.js';
import type { NativeBinding } from '../../lib/native/binding.js';
import type { CoarseProblem } from '../../lib/native/coarse.js';
import { native } from '../../lib/native/load.js';
import type { DeformationProblem, PhotometricProblem } from '../../lib/native/refine.js';
import { coarseProblem, refinementProblem, solveCoarse } from '../../lib/stages/coarse.js';
import { detectFaces } from '../../lib/stages/detect.js';
import { seeFacePixels } from '../../lib/stages/face-pixels.js';
import { focalLengthPrior } from '../../lib/stages/focal-length.js';
import { findLandmarks } from '../../lib/stages/framing.js';
import { FaceNetworks } from '../../lib/stages/networks.js';
import { Photo } from '../../lib/stages/photo.js';
import { observe, refine } from '../../lib/stages/refine.js';
import { type CoefficientEstimate, EMBEDDED_REGRESSOR, regress } from '../../lib/stages/regress.js';
import { heldOutCases, inModelCases, outOfModelCases, type PortraitCase } from './cases.js';
import { ictPath, readIctModel } from './ict-head.js';
import { type FaceTruth, faceError } from './metrics.js';
import { faceOf } from './model-face.js';
import { pairedDifference } from './paired-difference.js';

/** A fit with something left out of what it is told. */
interface Variant {
  name: string;
  estimate?: (estimate: CoefficientEstimate) => CoefficientEstimate | undefined;
  landmarkFit?: (problem: CoarseProblem) => CoarseProblem;
  photometricFit?: (problem: PhotometricProblem) => PhotometricProblem;
  deformationFit?: (problem: DeformationProblem) => DeformationProblem;
}

const without =
  <Problem>(...names: (keyof Problem)[]) =>
  (problem: Problem): Problem => {
    const less = { ...problem };
    for (const name of names) delete less[name];
    return less;
  };
/** Colours differ by at most 1. */
const NEVER_AN_OUTLIER = 1e3;

const VARIANTS: readonly [Variant, ...Variant[]] = [
  { name: 'all terms' },
  { name: 'no coefficient network', estimate: () => undefined },
  { name: "network's distance not used", estimate: ({ identity, expression }) => ({ identity, expression }) },
  { name: 'no landmark bias', landmarkFit: without('biasMm') },
  { name: 'no response of landmarks to the identity', landmarkFit: without('responseMm') },
  { name: 'no correlated landmark errors', landmarkFit: without('nuisanceMm') },
  { name: 'no silhouette for the landmarks of the jaw', landmarkFit: without('contourVertices') },
  { name: 'no robust loss of landmarks', landmarkFit: (problem) => ({ ...problem, robust: 'none' }) },
  { name: 'no silhouette in the photometric fit', photometricFit: without('silhouette') },
  { name: 'no normals of the dense network', photometricFit: without('normals') },
  {
    name: 'no colours',
    photometricFit: (problem) => ({ ...problem, effectiveSamples: 0 }),
    deformationFit: (problem) => ({ ...problem, effectiveSamples: 0 }),
  },
  {
    name: 'no robust loss of colours',
    photometricFit: (problem) => ({ ...problem, robust: NEVER_AN_OUTLIER }),
    deformationFit: (problem) => ({ ...problem, robust: NEVER_AN_OUTLIER }),
  },
];
const [ALL_TERMS] = VARIANTS;
/** The parametric fit of "all terms" as it is. */
const NO_MAP = 'no deformation map';

const PORTRAIT = { sizePx: 640, samples: 600 } as const;
/** Where each set starts, behind the heads of the whole sets, and how many heads make differences of 0.02 plain. */
const SETS = {
  'in-model': { first: 101, heads: 12 },
  'held-out': { first: 9_100_000, heads: 24 },
  'out-of-model': { first: 21, heads: 12 },
} as const;
type SetName = keyof typeof SETS;

interface Figures {
  coarseMm: number;
  mediumMm: number;
  normalDegrees: number;
  noseDepthMm: number;
}

/** One portrait, fitted in every way. */
interface PortraitFigures {
  head: string;
  meanHeadMm: number;
  fits: Map<string, Figures>;
}

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: flags } = parseArgs({
  options: {
    set: { type: 'string' },
    heads: { type: 'string' },
    out: { type: 'string', default: path.join(root, 'bench', 'results', 'ablation.md') },
  },
});
const head = await loadHeadModel(undefined);
const meanSkin = faceOf(head.morphable, head.morphable.mean).skin;
const meanIndex = new ClosestPointIndex(meanSkin.positions, meanSkin.triangles);
const context = new (native().Context)({ threads: 2 });
const networks = new FaceNetworks();
const tell = interceptFits(native());
const sections: string[] = [];
// A long run that is interrupted still writes what it has measured.
let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
});
try {
  for (const set of Object.keys(SETS) as SetName[]) {
    if (flags.set && flags.set !== set) continue;
    const cases = await casesOf(set);
    if (!cases) continue;
    const portraits: PortraitFigures[] = [];
    for await (const portrait of cases) {
      if (interrupted) break;
      const figures = await fitEveryWay(portrait);
      if (figures) portraits.push(figures);
      process.stderr.write(`${set} ${portrait.name}${figures ? '' : ': no face found'}\n`);
    }
    if (portraits.length > 0) sections.push(`## ${set}\n\n${describe(portraits)}`);
  }
} finally {
  networks.dispose();
  context.dispose();
}
const notes = [
  'Mean distance as share of the posed mean head\'s, after similarity alignment; behind it the difference to "all terms",',
  'plus or minus its standard error over heads (both fitted to the same portraits). Positive: the term helps. Normals in',
  'degrees, nose depth in mm without its sign, both of the medium level. Focal length unknown; in-model and out-of-model',
  `portraits have ${PORTRAIT.sizePx} pixels; ${PORTRAIT.samples} points a face. Made by \`npx tsx bench/accuracy/ablation.ts\`.`,
].join('\n');
const text = `# Each term off in turn\n\n${notes}\n\n${sections.join('\n\n')}\n`;
process.stdout.write(text);
await writeFilesAtomically([{ path: flags.out, bytes: Buffer.from(text) }]);

async function casesOf(set: SetName): Promise<AsyncIterable<PortraitCase> | undefined> {
  const { first, heads } = SETS[set];
  const range = { ...PORTRAIT, first, count: flags.heads ? Number(flags.heads) : heads };
  if (set === 'in-model') return inModelCases(head.morphable, range);
  if (set === 'held-out') return heldOutCases(head.morphable, range);
  const file = ictPath(root);
  if (file) return outOfModelCases(await readIctModel(file), range);
  process.stderr.write('out-of-model set skipped: ../shared/ict is not here (HRN_SHARED may name the folder)\n');
  return undefined;
}

/** Lets variants change what the photometric and the deformation fit are told, however the stages put it together. */
function interceptFits(binding: NativeBinding): (variant: Variant) => void {
  let current: Variant = ALL_TERMS;
  const { photometricFit, deformationFit } = binding;
  binding.photometricFit = (context, model, problem, onProgress) =>
    photometricFit(context, model, current.photometricFit?.(problem) ?? problem, onProgress);
  binding.deformationFit = (context, model, problem, onProgress) =>
    deformationFit(context, model, current.deformationFit?.(problem) ?? problem, onProgress);
  return (variant) => {
    current = variant;
  };
}

async function fitEveryWay({ image, truth, head: name }: PortraitCase): Promise<PortraitFigures | undefined> {
  const photo = new Photo(context, image);
  try {
    const [face] = await detectFaces(networks, photo);
    if (!face) return undefined;
    const landmarks = await findLandmarks(networks, photo, face);
    const pixels = await seeFacePixels(networks, photo, landmarks);
    const full = await regress(networks, EMBEDDED_REGRESSOR, head.morphable, photo, landmarks);
    const seen = await observe(context, head, photo, landmarks, pixels, 'medium', undefined);
    const principalPx = [image.width / 2, image.height / 2] as const;
    const fits = new Map<string, Figures>();
    for (const variant of VARIANTS) {
      tell(variant);
      const estimate = variant.estimate ? variant.estimate(full) : full;
      const focal = focalLengthPrior(landmarks, undefined, undefined, estimate);
      const problem = coarseProblem(head, landmarks, estimate, focal, principalPx);
      const { problem: solved, fit } = await solveCoarse(context, head, variant.landmarkFit?.(problem) ?? problem, {});
      const coarse = { problem: refinementProblem(solved, estimate), fit };
      const refined = await refine(context, head, coarse, seen, pixels.dense, 'medium', {});
      const hasOwnCoarse = variant === ALL_TERMS || variant.estimate || variant.landmarkFit;
      const coarseMm = hasOwnCoarse
        ? errorOf(truth, head, refined.coarsePositions).meanMm
        : fits.get(ALL_TERMS.name)!.coarseMm;
      fits.set(variant.name, { coarseMm, ...mediumFigures(truth, head, refined.positions) });
      if (variant !== ALL_TERMS) continue;
      const parametric = await native().headShape(context, head.native, refined.identity, refined.expression).promise;
      fits.set(NO_MAP, { coarseMm, ...mediumFigures(truth, head, parametric) });
    }
    return { head: name, meanHeadMm: errorOf(truth, head, head.morphable.mean).meanMm, fits };
  } finally {
    photo.dispose();
  }
}

function errorOf(truth: FaceTruth, { morphable }: HeadModel, positions: Float32Array) {
  return faceError(
    truth,
    faceOf(morphable, positions),
    true,
    new ClosestPointIndex(positions, meanSkin.triangles, meanIndex),
  );
}

function mediumFigures(truth: FaceTruth, model: HeadModel, positions: Float32Array): Omit<Figures, 'coarseMm'> {
  const { meanMm, normalDegrees, noseDepthMm } = errorOf(truth, model, positions);
  return { mediumMm: meanMm, normalDegrees, noseDepthMm: Math.abs(noseDepthMm) };
}

/** A table in Markdown. */
function describe(portraits: readonly PortraitFigures[]): string {
  const meanHeadMm = portraits.reduce((sum, p) => sum + p.meanHeadMm, 0) / portraits.length;
  const heads = portraits.map((p) => p.head);
  const lines = [
    `${portraits.length} portraits of ${new Set(heads).size} heads; posed mean head ${meanHeadMm.toFixed(2)} mm.`,
    '',
    '| fit | coarse | | medium | | normals | | nose | |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
  ];
  const cells = (name: string, figure: keyof Figures, unit: number, digits: number): string[] => {
    const values = portraits.map(({ fits }) => fits.get(name)![figure] / unit);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    if (name === ALL_TERMS.name) return [mean.toFixed(digits), ''];
    const reference = portraits.map(({ fits }) => fits.get(ALL_TERMS.name)![figure] / unit);
    const { difference, standardError } = pairedDifference(heads, values, reference);
    const sign = difference < 0 ? '' : '+';
    return [mean.toFixed(digits), `${sign}${difference.toFixed(digits)} ± ${standardError.toFixed(digits)}`];
  };
  for (const name of [...VARIANTS.map((variant) => variant.name), NO_MAP]) {
    const row = [
      name,
      ...cells(name, 'coarseMm', meanHeadMm, 3),
      ...cells(name, 'mediumMm', meanHeadMm, 3),
      ...cells(name, 'normalDegrees', 1, 2),
      ...cells(name, 'noseDepthMm', 1, 2),
    ];
    lines.push(`| ${row.join(' | ')} |`);
  }
  return lines.join('\n');
}

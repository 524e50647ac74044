/**
 * Figures on real photos (../shared/photos; HRN_SHARED may name the folder), which have no known shape: landmark error,
 * silhouette of cheek and jaw, agreement between photos of one person, and what happens beyond the landmark network.
 * `npm run bench:photos [-- --only NAME --pictures FOLDER --out FOLDER]`
 *
 * Numbers go to bench/results; the contact sheets, sheet.jpg of the previews and heads.jpg of the heads in grey, show
 * photos that are not ours and go only to build/.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp, { type OutputInfo } from 'sharp';
import { writeFilesAtomically } from '../../lib/atomic-write.js';
import { HrnError } from '../../lib/errors.js';
import * as hrn from '../../lib/index.js';
import { native } from '../../lib/native/load.js';
import type { Reconstruction } from '../../lib/result.js';
import { sample } from '../../lib/sample.js';
import { detectFaces } from '../../lib/stages/detect.js';
import { seeFacePixels } from '../../lib/stages/face-pixels.js';
import { findLandmarks } from '../../lib/stages/framing.js';
import { FaceNetworks } from '../../lib/stages/networks.js';
import { Photo } from '../../lib/stages/photo.js';
import { findSkinEdges } from '../../lib/stages/skin-edges.js';
import { drawHeadsSheet } from './heads-sheet.js';
import { identityShape, neutralShape, ShapeDistance } from './shape-agreement.js';
import { type Silhouettes, silhouetteFigures } from './silhouette.js';

const PHOTO_NAMES = [
  '00016.png',
  '00034.png',
  '00133.png',
  '00437.png',
  '00521.png',
  'astronaut.png',
  'image_0010.png',
  'mv_10078.jpg',
  'mv_21650.jpg',
  'mv_5932.jpg',
];
/** Percent of the outer interocular distance that the landmark error may reach. */
const LANDMARK_LIMIT = 1.3;
const LANDMARK_LIMITS: Record<string, number> = { '00034.png': 2.0 };
const SILHOUETTE_LIMIT = 1.5;
const SHAPE_LIMIT_MM = 2.5;
const PROFILE_DEGREES = 80;
const SHEET_WIDTH = 1600;

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    pictures: { type: 'string', default: path.join(root, 'build', 'photos') },
    out: { type: 'string', default: path.join(root, 'bench', 'results') },
  },
});

interface PhotoFigures {
  name: string;
  landmarkErrorPercent: number;
  photometricError: number;
  silhouettes: Silhouettes;
  focalLengthPx: number;
  totalMs: number;
}

const folder = path.join(process.env.HRN_SHARED ?? path.join(root, '..', 'shared'), 'photos');
if (!existsSync(folder)) {
  process.stdout.write('skipped: ../shared/photos is not here (HRN_SHARED may name the folder)\n');
  process.exit(0);
}
const present = new Set(await readdir(folder));
const names = PHOTO_NAMES.filter((name) => present.has(name) && (!flags.only || name.includes(flags.only)));

const networks = new FaceNetworks();
const context = new (native().Context)({ threads: 2 });
const reconstructor = await hrn.create();
const faces: Reconstruction[] = [];
const figures: PhotoFigures[] = [];
const lines: string[] = [];
const say = (line: string): void => {
  lines.push(line);
  process.stdout.write(`${line}\n`);
};
try {
  for (const name of names) await measurePhoto(name);
  reportTable();
  reportShapes();
  if (!flags.only) await reportProfile();
  await writeSheets();
} finally {
  networks.dispose();
  context.dispose();
  await reconstructor.dispose();
}
await mkdir(flags.out, { recursive: true });
await writeFilesAtomically([
  { path: path.join(flags.out, 'photos.md'), bytes: Buffer.from(`# Photos\n\n${lines.join('\n')}\n`) },
  { path: path.join(flags.out, 'photos.json'), bytes: Buffer.from(`${JSON.stringify(figures, null, 1)}\n`) },
]);

async function measurePhoto(name: string): Promise<void> {
  try {
    const face = await reconstructor.fit(path.join(folder, name));
    const silhouettes = await measureSilhouettes(face);
    faces.push(face);
    figures.push({
      name,
      landmarkErrorPercent: face.quality.landmarkErrorPercent,
      photometricError: face.quality.photometricError,
      silhouettes,
      focalLengthPx: face.camera.focalLengthPx,
      totalMs: Object.values(face.timingsMs).reduce((sum, ms) => sum + ms, 0),
    });
    process.stdout.write(`${name} done\n`);
  } catch (error) {
    if (!(error instanceof HrnError)) throw error;
    say(`${name}: ${error.code}: ${error.message}`);
  }
}

/** Mask and edges are found anew, so that the figures do not depend on what the fit made of them. */
async function measureSilhouettes(face: Reconstruction): Promise<Silhouettes> {
  const photo = new Photo(context, face.input);
  try {
    const found = await detectFaces(networks, photo);
    const { box } = face.face;
    const overlap = (b: { x: number; y: number; width: number; height: number }): number =>
      Math.abs(b.x + b.width / 2 - box.x - box.width / 2) + Math.abs(b.y + b.height / 2 - box.y - box.height / 2);
    const [same] = found.sort((a, b) => overlap(a.box) - overlap(b.box));
    if (!same) throw new Error('the face that was fitted is not detected again');
    const landmarks = await findLandmarks(networks, photo, same);
    const pixels = await seeFacePixels(networks, photo, landmarks);
    return await silhouetteFigures(context, face, await findSkinEdges(context, photo, landmarks, pixels));
  } finally {
    photo.dispose();
  }
}

function reportTable(): void {
  say(
    '| photo | landmarks % | silhouette % | of it too wide | outline seen | ears % | photometric | focal px | fit ms |',
  );
  say('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  const percent = (value: number): string => (Number.isNaN(value) ? 'not seen' : value.toFixed(2));
  for (const { name, landmarkErrorPercent, silhouettes, photometricError, focalLengthPx, totalMs } of figures) {
    const { face, ears } = silhouettes;
    const landmarkMark = landmarkErrorPercent <= (LANDMARK_LIMITS[name] ?? LANDMARK_LIMIT) ? '' : ' (missed)';
    const silhouetteMark = face.deviationPercent > SILHOUETTE_LIMIT ? ' (missed)' : '';
    const cells = [
      name,
      landmarkErrorPercent.toFixed(2) + landmarkMark,
      percent(face.deviationPercent) + silhouetteMark,
      percent(face.signedPercent),
      `${face.points} of ${face.outlinePoints}`,
      percent(ears.deviationPercent),
      photometricError.toFixed(3),
      focalLengthPx.toFixed(0),
      totalMs.toFixed(0),
    ];
    say(`| ${cells.join(' | ')} |`);
  }
}

function reportShapes(): void {
  const [first] = faces;
  if (!first) return;
  const distance = new ShapeDistance(first.model);
  for (const [what, shapeOf] of [
    ['identity coefficients alone', identityShape],
    ['medium, expression taken away', neutralShape],
  ] as const) {
    const shapes = faces.map(shapeOf);
    const distances = shapes.map((a) => shapes.map((b) => distance.between(a, b, false)));
    const short = figures.map(({ name }) => name.replace(/\.\w+$/, ''));
    say(`\nNeutral face shape, ${what}: mean distance after rigid alignment, mm.\n`);
    say(`| | ${short.join(' | ')} |`);
    say(`| --- ${'| --- '.repeat(short.length)}|`);
    for (const [i, row] of distances.entries()) say(`| ${short[i]} | ${row.map((d) => d.toFixed(1)).join(' | ')} |`);
    const views = short.flatMap((name, i) => (name.startsWith('mv_') ? [i] : []));
    const pairs = views.flatMap((i) => views.filter((j) => j > i).map((j) => distances[i]![j]!));
    const others = short.flatMap((_, i) =>
      short.flatMap((__, j) => (i < j && !(views.includes(i) && views.includes(j)) ? [distances[i]![j]!] : [])),
    );
    const mean = (values: number[]): string => (values.reduce((a, b) => a + b, 0) / values.length).toFixed(2);
    if (pairs.length === 0) continue;
    const mark = pairs.every((d) => d <= SHAPE_LIMIT_MM) ? '' : ` (missed: limit ${SHAPE_LIMIT_MM})`;
    say(
      `\nOne person in three views: ${pairs.map((d) => d.toFixed(2)).join(', ')} mm${mark}; mean over other pairs ${mean(others)} mm.`,
    );
  }
}

async function reportProfile(): Promise<void> {
  const portrait = await sample({ seed: 1, yawDegrees: PROFILE_DEGREES });
  try {
    await reconstructor.fit(portrait.image);
    say(`\nA sample turned to ${PROFILE_DEGREES} degrees was fitted (missed: FACE_NOT_VISIBLE expected).`);
  } catch (error) {
    if (!(error instanceof HrnError)) throw error;
    const mark = error.code === 'FACE_NOT_VISIBLE' ? '' : ' (missed: FACE_NOT_VISIBLE expected)';
    say(`\nA sample turned to ${PROFILE_DEGREES} degrees fails with ${error.code}${mark}.`);
  }
}

/** All previews, one below the other, and the heads in grey. */
async function writeSheets(): Promise<void> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'hrn-photos-'));
  try {
    const strips: { data: Buffer; info: OutputInfo }[] = [];
    for (const [i, face] of faces.entries()) {
      const file = path.join(scratch, `${i}.png`);
      await face.preview(file);
      strips.push(await sharp(file).resize(SHEET_WIDTH).removeAlpha().raw().toBuffer({ resolveWithObject: true }));
    }
    let top = 0;
    const composites = strips.map(({ data, info }) => {
      const placed = {
        input: data,
        raw: { width: info.width, height: info.height, channels: 3 as const },
        left: 0,
        top,
      };
      top += info.height;
      return placed;
    });
    if (composites.length === 0) return;
    const canvas = { width: SHEET_WIDTH, height: top, channels: 3 as const, background: '#000' };
    const bytes = await sharp({ create: canvas }).composite(composites).jpeg({ quality: 88 }).toBuffer();
    const sheets = [
      { path: path.join(flags.pictures, 'sheet.jpg'), bytes },
      { path: path.join(flags.pictures, 'heads.jpg'), bytes: await drawHeadsSheet(context, faces) },
    ];
    await mkdir(flags.pictures, { recursive: true });
    await writeFilesAtomically(sheets);
    for (const sheet of sheets) process.stdout.write(`${sheet.path}\n`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

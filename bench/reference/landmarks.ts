/**
 * `tsx bench/reference/landmarks.ts FOLDER`: our landmarks where the reference takes its own. Beside points that people set
 * (.pts), and, with the reference's standard face (similarity_Lm3D_all.mat, in FOLDER), the crop that they lead to beside
 * the one in the reference's own picture (.gif): how much larger it is, and where its middle lies. The photos are those of
 * the folder shared by the developers (HRN_SHARED).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { parseMatlab } from '../../lib/formats/matlab.js';
import { decodeImage } from '../../lib/image.js';
import { findFiles } from '../../lib/importers/find-file.js';
import { native } from '../../lib/native/load.js';
import { resolveFitOptions } from '../../lib/options.js';
import { align, fivePoints } from '../../lib/reference/align.js';
import { landmarks68 } from '../../lib/reference/landmarks-68.js';
import { detectFaces } from '../../lib/stages/detect.js';
import { landmarksInFrame } from '../../lib/stages/landmarks.js';
import { FaceNetworks } from '../../lib/stages/networks.js';
import { Photo } from '../../lib/stages/photo.js';

const SIDE = 224;
const root = fileURLToPath(new URL('../..', import.meta.url));
const photos = join(process.env.HRN_SHARED ?? join(root, '..', 'shared'), 'photos');
const standardFile = process.argv[2]
  ? (await findFiles(process.argv[2], ['similarity_Lm3D_all.mat'])).get('similarity_Lm3D_all.mat')
  : undefined;
const networks = new FaceNetworks();
const context = new (native().Context)({ threads: 2 });

/** `[68][2]`, px, y down, pixel centres at whole numbers; what else a photo is asked for. */
async function seen<T>(path: string, use: (points: Float32Array, photo: Photo) => Promise<T>): Promise<T> {
  const image = await decodeImage(path, resolveFitOptions({}));
  const photo = new Photo(context, image);
  try {
    const [face] = await detectFaces(networks, photo, { onlyLargest: true });
    if (!face) throw new Error(`${path}: no face`);
    const { pixels } = await landmarksInFrame(networks, photo, face.framed);
    return await use(landmarks68(pixels, image.height), photo);
  } finally {
    photo.dispose();
  }
}

/** The numbers of a .pts file, which counts pixels from one. */
function setByPeople(path: string): Float64Array {
  const [, inner] = /\{([^}]*)\}/.exec(readFileSync(path, 'utf8'))!;
  return Float64Array.from(inner!.trim().split(/\s+/), (x) => Number(x) - 1);
}

async function besidePoints(name: string): Promise<void> {
  const truth = setByPeople(join(photos, `${name}.pts`));
  await seen(join(photos, `${name}.png`), async (points, photo) => {
    const own = points.map((x, i) => (i % 2 === 0 ? x : photo.height - 1 - x));
    const apart = (a: ArrayLike<number>, b: ArrayLike<number>, from: number, to: number) => {
      let sum = 0;
      for (let i = from; i < to; i++) sum += Math.hypot(a[2 * i]! - b[2 * i]!, a[2 * i + 1]! - b[2 * i + 1]!);
      return sum / (to - from);
    };
    const eyes = Math.hypot(truth[72]! - truth[90]!, truth[73]! - truth[91]!);
    const told = (px: number) => `${px.toFixed(1)} px, ${((100 * px) / eyes).toFixed(1)} % of the eyes' distance`;
    console.log(`${name}: 68 points ${told(apart(own, truth, 0, 68))}`);
    console.log(`${name}: the 51 within the face ${told(apart(own, truth, 17, 68))}`);
    console.log(`${name}: the five of the crop ${told(apart(fivePoints(own, 2), fivePoints(truth, 2), 0, 5))}`);
    if (!standardFile) return;
    const standard = await standardPoints(standardFile);
    const flipped = Float32Array.from(truth, (x, i) => (i % 2 === 0 ? x : photo.height - 1 - x));
    const [ours, theirs] = [points, flipped].map((of) => align(of, standard, photo, SIDE));
    const middle = (at: { left: number; top: number; scale: number }) =>
      [at.left, at.top].map((x) => (x + SIDE / 2) / at.scale);
    const [a, b] = [middle(ours!), middle(theirs!)];
    console.log(
      `${name}: crop by ours beside that by theirs: ${percent(ours!.scale / theirs!.scale)} larger, middle ${(Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!) * theirs!.scale).toFixed(1)} px of ${SIDE} away`,
    );
  });
}

async function standardPoints(path: string): Promise<Float64Array> {
  return fivePoints((await parseMatlab(readFileSync(path))).get('lm')!.data, 3);
}

const percent = (ratio: number) => `${(100 * (ratio - 1)).toFixed(1)} %`;

/** The crop of the reference's picture is found again in the photo: size and place at which colours differ least. */
async function besidePicture(gif: string): Promise<void> {
  const name = gif.slice(0, 5);
  const theirs = await sharp(join(photos, gif), { page: 0 })
    .extract({ left: 0, top: 0, width: SIDE, height: SIDE })
    .removeAlpha()
    .raw()
    .toBuffer();
  const standard = await standardPoints(standardFile!);
  await seen(join(photos, `${name}.png`), async (points, photo) => {
    const at = align(points, standard, photo, SIDE);
    const [sx, sy] = [photo.width / at.width, photo.height / at.height];
    const unlike = async ([size, x, y]: readonly number[]) => {
      const grown = (n: number) => (n * size!) as number;
      const corner = (side: number, move: number) => side + SIDE / 2 - (size! * SIDE) / 2 + move;
      const pixels = await photo.crop({
        matrix: [grown(sx), 0, corner(at.left, x!) * sx, 0, grown(sy), corner(at.top, y!) * sy],
        width: SIDE,
        height: SIDE,
        low: 0,
        high: 255,
        border: 'zero',
      });
      let sum = 0;
      for (let i = 0; i < pixels.length; i++) sum += Math.abs(pixels[i]! - theirs[i]!);
      return sum / pixels.length;
    };
    let best = [1, 0, 0];
    let least = await unlike(best);
    const before = least;
    for (const step of [4, 2, 1, 0.5, 0.25, 0.1]) {
      for (let moved = true; moved; ) {
        moved = false;
        for (const [axis, by] of [0, 1, 2].flatMap((k) => [step, -step].map((d) => [k, k === 0 ? d / 200 : d]))) {
          const tried = best.map((value, k) => (k === axis ? value + by! : value));
          const off = await unlike(tried);
          if (off < least) [best, least, moved] = [tried, off, true];
        }
      }
    }
    console.log(
      `${name}: the reference's crop is ${percent(best[0]!)} larger than ours, its middle ${Math.hypot(best[1]!, best[2]!).toFixed(1)} px of ${SIDE} away; colours differ by ${before.toFixed(1)} of 255, in its place by ${least.toFixed(1)}`,
    );
  });
}

for (const file of readdirSync(photos)) {
  if (file.endsWith('.pts')) await besidePoints(file.slice(0, -4));
  if (file.endsWith('.gif') && standardFile) await besidePicture(file);
}
networks.dispose();
context.dispose();

/**
 * `npm run bench:before [-- --runs N] [PHOTO]`: processor time of everything before the fits of a warm medium fit, stage by
 * stage, each alone: decode, detect (both detectors and the framing), landmarks (two views, and the eyes), mask (two views
 * and the guided filter), dense (both views), regress (the coefficient network), with their crops and JavaScript. Observe
 * (crops, masks and edges that the photometric refinement alone looks at) is told beside them, as it is part of no network.
 * A photo of 1024 px as JPEG and as PNG unless one is given. Prints a line of JSON a stage, the median and the least of
 * the runs in ms; both cores of all threads count.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { loadHeadModel } from '../lib/head-model.js';
import { decodeImage, type ImageInput } from '../lib/image.js';
import { native } from '../lib/native/load.js';
import { lookDensely } from '../lib/stages/dense.js';
import { detectFaces } from '../lib/stages/detect.js';
import { landmarksInFrame } from '../lib/stages/landmarks.js';
import { findPersonMask } from '../lib/stages/mask.js';
import { FaceNetworks } from '../lib/stages/networks.js';
import { Photo } from '../lib/stages/photo.js';
import { observe } from '../lib/stages/refine.js';
import { EMBEDDED_REGRESSOR, regress } from '../lib/stages/regress.js';

const { values: given, positionals } = parseArgs({
  options: { runs: { type: 'string', default: '15' } },
  allowPositionals: true,
});
const LIMITS = { maxPixels: 1e9, maxSide: 1e5 };
const BESIDE = 'observe';

const context = new (native().Context)({ threads: 2 });
const networks = new FaceNetworks();
const head = await loadHeadModel(undefined, undefined);

async function stagesOf(image: ImageInput): Promise<Record<string, () => Promise<unknown>>> {
  const decoded = await decodeImage(image, LIMITS);
  const photo = new Photo(context, decoded);
  const [face] = await detectFaces(networks, photo, { onlyLargest: true });
  if (face === undefined) throw new Error('no face in the photo');
  const { framed: region } = face;
  const landmarks = await landmarksInFrame(networks, photo, region);
  const person = await findPersonMask(networks, photo, { region });
  const dense = await lookDensely(networks, photo, { region });
  return {
    decode: () => decodeImage(image, LIMITS),
    detect: () => detectFaces(networks, photo, { onlyLargest: true }),
    landmarks: () => landmarksInFrame(networks, photo, region),
    mask: () => findPersonMask(networks, photo, { region }),
    dense: () => lookDensely(networks, photo, { region }),
    regress: () => regress(networks, EMBEDDED_REGRESSOR, head.morphable, photo, landmarks),
    [BESIDE]: () => observe(context, head, photo, landmarks, { person, dense }, 'medium', undefined),
  };
}

async function processorMs(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function measure(kind: string, image: ImageInput): Promise<void> {
  const stages = await stagesOf(image);
  const taken = new Map(Object.keys(stages).map((name) => [name, [] as number[]]));
  for (let run = -3; run < Number(given.runs); run++) {
    for (const [name, stage] of Object.entries(stages)) {
      const ms = await processorMs(stage);
      if (run >= 0) taken.get(name)!.push(ms);
    }
  }
  const sum = { medianMs: 0, leastMs: 0 };
  for (const [stage, all] of taken) {
    const medianMs = [...all].sort((a, b) => a - b)[all.length >> 1]!;
    const leastMs = Math.min(...all);
    console.log(JSON.stringify({ photo: kind, stage, medianMs, leastMs }));
    if (stage === BESIDE) continue;
    sum.medianMs += medianMs;
    sum.leastMs += leastMs;
  }
  console.log(JSON.stringify({ photo: kind, stage: 'all before the fits', ...sum }));
}

const own = positionals[0];
if (own) {
  await measure(own, own);
} else {
  const astronaut = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
  const portrait = sharp(astronaut).resize(1024);
  await measure('JPEG', await portrait.clone().jpeg({ quality: 92 }).toBuffer());
  await measure('PNG', await portrait.clone().png().toBuffer());
}
networks.dispose();
context.dispose();

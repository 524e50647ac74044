import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { loadHead } from './models/head.js';
import { type LandmarkNoise, noiseOnKin, parseLandmarkNoise } from './models/landmark-noise.js';
import { locateModels } from './models/locate.js';
import { readManifest, readModel } from './models/manifest.js';
import { parseModelFile } from './models/model-file.js';
import { readModelBytes } from './models/read-model-bytes.js';
import type { MorphableModel } from './morphable-model.js';
import type { NativeModel } from './native/binding.js';
import { runJob } from './native/job.js';
import { native } from './native/load.js';
import type { ModelRecord } from './result-data.js';

const HEAD_FILE = 'head.safetensors';
const NOISE_FILE = 'landmark-noise.safetensors';

/** A head morphable model, in JavaScript and in native memory. */
export interface HeadModel {
  morphable: MorphableModel;
  native: NativeModel;
  /** How the landmark network errs on this head; absent for a head that it was not measured on. */
  noise?: LandmarkNoise;
  /** Everything that takes part in a fit with this head: the networks, and the head itself unless the caller gave it. */
  records: ModelRecord[];
}

/**
 * Loads the embedded head, or takes the caller's: a model, or the path of a file that `hrn models import` wrote.
 *
 * @param folder with manifest.json, instead of the embedded one
 * @throws HrnError MODEL_MISSING, MODEL_CORRUPT, MODEL_FORMAT
 */
export async function loadHeadModel(own: MorphableModel | string | undefined, folder?: string): Promise<HeadModel> {
  const models = locateModels(folder);
  const manifest = await readManifest(models);
  const records = manifest
    .filter(({ file }) => own === undefined || (file !== HEAD_FILE && file !== NOISE_FILE))
    .map(({ file, sha256, licence }) => ({ name: file, sha256, licence }));
  const build = (model: MorphableModel) => runJob(() => native().buildModel(model));
  const noiseOn = async ({ kinship, dense }: MorphableModel) => {
    if (!kinship) return {};
    const noise = parseLandmarkNoise(await readModel(models, NOISE_FILE), dense.count);
    return { noise: noiseOnKin(noise, kinship) };
  };
  if (typeof own === 'string') {
    const { morphable, record } = await loadImported(own);
    return {
      morphable,
      native: await build(morphable),
      ...(await noiseOn(morphable)),
      records: [...records, record],
    };
  }
  if (own !== undefined) return { morphable: own, native: await build(own), ...(await noiseOn(own)), records };
  const [head, noiseBytes] = await Promise.all([readModel(models, HEAD_FILE), readModel(models, NOISE_FILE)]);
  const morphable = await loadHead(head);
  const noise = parseLandmarkNoise(noiseBytes, morphable.dense.count);
  return { morphable, native: await build(morphable), noise, records };
}

/** A head that `hrn models import` wrote. */
async function loadImported(path: string): Promise<{ morphable: MorphableModel; record: ModelRecord }> {
  const bytes = await readModelBytes(path);
  const { model, licence } = parseModelFile(bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { morphable: model, record: { name: basename(path), sha256, licence } };
}

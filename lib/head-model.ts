import { loadHead } from './models/head.js';
import { locateModels } from './models/locate.js';
import { readManifest, readModel } from './models/manifest.js';
import type { MorphableModel } from './morphable-model.js';
import type { NativeModel } from './native/binding.js';
import { native } from './native/load.js';
import type { ModelRecord } from './result.js';

const HEAD_FILE = 'head.safetensors';

/** A head morphable model, in JavaScript and in native memory. */
export interface HeadModel {
  morphable: MorphableModel;
  native: NativeModel;
  /** Everything that takes part in a fit with this head: the networks, and the head itself unless the caller gave it. */
  records: ModelRecord[];
}

/**
 * Loads the embedded head, or takes the caller's.
 *
 * @param folder with manifest.json, instead of the embedded one
 * @throws HrnError MODEL_MISSING, MODEL_CORRUPT
 */
export async function loadHeadModel(own: MorphableModel | undefined, folder?: string): Promise<HeadModel> {
  const models = locateModels(folder);
  const manifest = await readManifest(models);
  const records = manifest
    .filter(({ file }) => own === undefined || file !== HEAD_FILE)
    .map(({ file, sha256, licence }) => ({ name: file, sha256, licence }));
  const morphable = own ?? (await loadHead(await readModel(models, HEAD_FILE)));
  return { morphable, native: new (native().Model)(morphable), records };
}

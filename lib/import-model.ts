import { writeFilesAtomically } from './atomic-write.js';
import { importHead } from './importers/index.js';
import { loadHead } from './models/head.js';
import { locateModels } from './models/locate.js';
import { readModel } from './models/manifest.js';
import { modelFileBytes } from './models/model-file.js';
import type { MorphableModel } from './morphable-model.js';

export interface ImportModelOptions {
  /** Its format; `hrn models list` names them. */
  as: string;
  signal?: AbortSignal | undefined;
  /** 0 to 1. */
  onProgress?: ((fraction: number) => void) | undefined;
}

export interface ImportedHeadModel {
  /** What `create({ model })` takes. */
  model: MorphableModel;
  licence: string;
  /** How well the embedded head was laid over it, mm, by name: see docs/importing.md. */
  quality: Readonly<Record<string, number>>;
  /** Writes it as one file that `create({ model: path })` and `hrn fit --model` take. */
  write(path: string): Promise<void>;
}

/**
 * Reads somebody else's head model and derives what its format lacks, once; takes up to a minute, off and on the event
 * loop in slices of milliseconds.
 *
 * @throws HrnError INVALID_OPTION, MODEL_MISSING, MODEL_FORMAT, MODEL_CORRUPT, MODEL_UNSAFE, MODEL_TOO_LARGE,
 * REGISTRATION_FAILED
 */
export async function importModel(path: string, options: ImportModelOptions): Promise<ImportedHeadModel> {
  const { as, signal, onProgress } = options;
  const head = await loadHead(await readModel(locateModels(), 'head.safetensors'));
  const { model, licence, quality } = await importHead(path, as, head, { signal, onProgress });
  const facts = { licence, from: as, quality: { ...quality } };
  return {
    model,
    licence,
    quality: facts.quality,
    write: (file) => writeFilesAtomically([{ path: file, bytes: modelFileBytes(model, facts) }], signal),
  };
}

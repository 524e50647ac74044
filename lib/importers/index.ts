import { existsSync } from 'node:fs';
import { HrnError } from '../errors.js';
import type { MorphableModel } from '../morphable-model.js';
import { complete, type ImportedModel } from './complete.js';
import type { SourceModel } from './source-model.js';
import { WorkSlices } from './work-slices.js';

/** A format of somebody else's head model. */
export interface Importer {
  /** For readers: what it takes, and where that comes from. */
  takes: string;
  source: string;
  /** @throws HrnError MODEL_FORMAT, MODEL_CORRUPT, MODEL_MISSING, MODEL_UNSAFE, MODEL_TOO_LARGE */
  read(path: string, signal?: AbortSignal): Promise<SourceModel>;
}

/** By the name that `--as` takes. A format is added with one line here and one file. */
export const IMPORTERS: Readonly<Record<string, Importer>> = {
  hrn: {
    takes: 'the folder of assets of HRN or ModelScope: its BFM_model_front.mat with bfm_uvs2.npy',
    source: 'https://github.com/youngLBW/HRN or ModelScope damo/cv_resnet50_face-reconstruction',
    read: async (path) => (await import('./bfm.js')).importHrnFolder(path),
  },
  bfm: {
    takes: 'the Basel Face Model: 01_MorphableModel.mat (2009), BFM_model_front.mat, or the .h5 of 2017 and 2019',
    source: 'https://faces.dmi.unibas.ch',
    read: async (path) => (await import('./bfm.js')).importBfm(path),
  },
  flame: {
    takes: 'FLAME 2020 or 2023: generic_model.pkl, flame2023.pkl or .npz, its landmark embedding and masks beside it',
    source: 'https://flame.is.tue.mpg.de',
    read: async (path) => (await import('./flame.js')).importFlame(path),
  },
  gnm: {
    takes: 'GNM Head v3: gnm_head.npz, head_sparse_68.txt beside it',
    source: 'https://github.com/google/GNM',
    read: async (path) => (await import('./gnm.js')).importGnm(path),
  },
  ict: {
    takes: 'ICT-FaceKit: the folder FaceXModel of OBJ files, or its arrays as .npz',
    source: 'https://github.com/USC-ICT/ICT-FaceKit',
    read: async (path, signal) => (await import('./ict.js')).importIct(path, signal),
  },
};

export interface ImportOptions {
  signal?: AbortSignal | undefined;
  /** 0 to 1. */
  onProgress?: ((fraction: number) => void) | undefined;
}

/**
 * Reads somebody else's head model and completes it with what it lacks.
 *
 * @param head the embedded head, which it is laid over
 * @throws HrnError INVALID_OPTION for an unknown format; as Importer.read; REGISTRATION_FAILED
 */
export async function importHead(
  path: string,
  format: string,
  head: MorphableModel,
  { signal, onProgress }: ImportOptions = {},
): Promise<ImportedModel & { licence: string }> {
  const importer = Object.hasOwn(IMPORTERS, format) ? IMPORTERS[format] : undefined;
  if (!importer) {
    throw new HrnError('INVALID_OPTION', `expected ${Object.keys(IMPORTERS).join(', ')} as the format, got ${format}`);
  }
  if (!existsSync(path)) {
    const { takes, source } = importer;
    throw new HrnError('MODEL_MISSING', `there is no ${path}; expected ${takes} (${source})`, {
      details: { path, source },
    });
  }
  const source = await importer.read(path, signal).catch((error) => {
    throw withSource(error, importer);
  });
  signal?.throwIfAborted();
  const completed = await complete(source, head, new WorkSlices(signal, onProgress));
  return { ...completed, licence: source.licence };
}

/** A reader knows what is wrong with a file; here is known what it should have been. */
function withSource(error: unknown, { takes, source }: Importer): unknown {
  if (!(error instanceof HrnError && error.code.startsWith('MODEL_'))) return error;
  return new HrnError(error.code, `${error.message}; expected ${takes} (${source})`, {
    details: { ...error.details, source },
    cause: error.cause,
  });
}

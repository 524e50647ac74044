import type { FaceWarning, FitOptions, Quality, Stage } from '../index.js';

/** What can be asked for of a head; `obj` brings its MTL and the texture, `levels` one PLY per level of detail. */
export const OUTPUTS = ['glb', 'obj', 'ply', 'json', 'preview', 'levels', 'usdz', 'stl'] as const;
export type Output = (typeof OUTPUTS)[number];

/** Options of a fit that survive being written as JSON. */
export type TaskOptions = Pick<
  FitOptions,
  'detail' | 'face' | 'focalLengthPx' | 'regressor' | 'textureSize' | 'minFacePx' | 'maxPixels' | 'maxSide'
>;

/** One photo to fit, and where its files go. */
export interface FitTask {
  /** Path of the photo. */
  image: string;
  /** What messages call it: whoever reads them knows nothing of that path. */
  name: string;
  /** Existing folder; the files are written into it under the names of `filesOf`. */
  folder: string;
  options: TaskOptions;
  outputs: readonly Output[];
}

/** What is known of a finished fit besides its files. */
export interface FitSummary {
  quality: Quality;
  warnings: readonly FaceWarning[];
  /** Wall time per stage, and `write` for the files. */
  timingsMs: Record<string, number>;
  device: string;
  /** Names of the files that were written. */
  files: string[];
}

/** Of the whole task, files included: 0 to 1. `write` follows the stages of the fit. */
export interface TaskProgress {
  stage: Stage | 'write';
  fraction: number;
}

/** How a process that fits is set up. */
export interface ProcessSetup {
  threads: number;
  device: string | undefined;
  models: string | undefined;
}

export type ToProcess =
  | { type: 'setup'; setup: ProcessSetup }
  | { type: 'fit'; number: number; task: FitTask }
  | { type: 'abort'; number: number };

export type FromProcess =
  | { type: 'ready' }
  | { type: 'unusable'; code: string; message: string }
  | { type: 'progress'; number: number; progress: TaskProgress }
  | { type: 'done'; number: number; summary: FitSummary }
  | { type: 'failed'; number: number; code: string; message: string };

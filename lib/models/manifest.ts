import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HrnError } from '../errors.js';

/** One file of a models folder, as its manifest.json lists it. */
export interface ModelEntry {
  /** Name inside the folder. */
  file: string;
  /** Lower-case hex. */
  sha256: string;
  bytes: number;
  /** For readers. */
  name: string;
  /** The package that the file was made from. */
  source:
    | { package: string; version: string; file: string }
    | readonly { package: string; version: string; file: string }[];
  /** SPDX expression. */
  licence: string;
  /** The script that made it. */
  builtBy: string;
}

/**
 * @param folder with a manifest.json
 * @throws HrnError MODEL_MISSING without a manifest, MODEL_CORRUPT if it cannot be understood
 */
export async function readManifest(folder: string): Promise<ModelEntry[]> {
  const path = join(folder, 'manifest.json');
  const text = (await readModelFile(path)).toString('utf8');
  try {
    const entries: unknown = JSON.parse(text);
    if (Array.isArray(entries) && entries.every(isModelEntry)) return entries;
  } catch {
    // Told below, like a manifest of the wrong shape.
  }
  throw new HrnError('MODEL_CORRUPT', `${path} is not a list of models; ${remedy}`, { details: { path } });
}

/**
 * Reads a model file and checks its size and hash against the manifest.
 *
 * @throws HrnError MODEL_MISSING, MODEL_CORRUPT
 */
export async function readModel(folder: string, file: string): Promise<Buffer> {
  const path = join(folder, file);
  const entry = (await readManifest(folder)).find((candidate) => candidate.file === file);
  if (entry === undefined) {
    throw new HrnError('MODEL_MISSING', `${join(folder, 'manifest.json')} does not list ${file}; ${remedy}`, {
      details: { path },
    });
  }
  const bytes = await readModelFile(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== entry.sha256) {
    const message = `${path} has sha256 ${sha256} (${bytes.length} bytes), expected ${entry.sha256} (${entry.bytes} bytes); ${remedy}`;
    throw new HrnError('MODEL_CORRUPT', message, { details: { path, expected: entry.sha256, actual: sha256 } });
  }
  return bytes;
}

const remedy = 'reinstall hrn-face, or check the folder given as option `models`';

async function readModelFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new HrnError('MODEL_MISSING', `${path} cannot be read (${(cause as Error).message}); ${remedy}`, {
      cause,
      details: { path },
    });
  }
}

function isModelEntry(value: unknown): value is ModelEntry {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Record<string, unknown>;
  const text = ['file', 'sha256', 'name', 'licence', 'builtBy'].every((key) => typeof entry[key] === 'string');
  return text && typeof entry.bytes === 'number' && typeof entry.source === 'object';
}

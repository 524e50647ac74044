import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseNpyNumbers } from '../../lib/formats/npy.js';

/** A clone of github.com/youngLBW/HRN, and a Python with numpy, scipy, torch and opencv-python-headless. */
const code = process.env.HRN_REFERENCE_CODE;
const python = process.env.HRN_PEER_PYTHON ?? 'python3';
const hasTorch = code !== undefined && spawnSync(python, ['-c', 'import torch, cv2, scipy']).status === 0;

export const canRunReference = code !== undefined && hasTorch;
/** For a test's name. */
export const referenceCode =
  code === undefined
    ? 'SKIPPED: HRN_REFERENCE_CODE names no clone of youngLBW/HRN'
    : hasTorch
      ? code
      : `SKIPPED: ${python} has no PyTorch, OpenCV and SciPy (HRN_PEER_PYTHON)`;

export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
export const numbersOf = (path: string) => parseNpyNumbers(readFileSync(path)).data;

/** Runs a script of this folder on the reference's code; its last argument is a folder, or a file in it. */
export async function runReference(
  script: string,
  args: readonly string[],
  file: string,
  use: (folder: string) => void | Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'hrn-oracle-'));
  try {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const given = [path, code!, ...args, join(folder, file)];
    const { status, stderr } = spawnSync(python, given, { encoding: 'utf8', cwd: folder });
    if (status !== 0) throw new Error(stderr);
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

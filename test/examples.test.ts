import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as hrn from '../lib/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);
const tsx = new URL('../node_modules/tsx/dist/loader.mjs', import.meta.url).href;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-examples-'));
  await copyFile(join(root, 'examples', 'astronaut.png'), join(folder, 'portrait.jpg'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What each example of the API reference prints and leaves behind. */
const EXAMPLES: Record<string, { prints: RegExp; leaves: string[] }> = {
  'bytes.ts': { prints: /^\d+ px wide, \d{6,} bytes\n$/, leaves: [] },
  'every-face.ts': { prints: /^$/, leaves: ['face-0.ply'] },
  'fit.ts': { prints: /^\d{5} vertices\nsmile: \d\.\d\d\n$/, leaves: ['portrait.glb', 'portrait.png'] },
  'instance.ts': { prints: /^(cpu|cuda).* 2048 256\n$/, leaves: [] },
  'progress-and-abort.ts': { prints: /^decode .*\nrefine [^\n]*\n(refine [^\n]*\n)*enough\n$/s, leaves: [] },
};

describe('the examples of docs/api.md', () => {
  it('are all here, and in the reference as they run', async () => {
    const files = await readdir(join(root, 'examples', 'api'));
    expect(files.filter((name) => name !== 'tsconfig.json').sort()).toEqual(Object.keys(EXAMPLES).sort());
    const reference = await readFile(join(root, 'docs', 'api.md'), 'utf8');
    for (const name of Object.keys(EXAMPLES))
      expect(reference).toContain((await readFile(join(root, 'examples', 'api', name), 'utf8')).trim());
  });

  it('compile', async () => {
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { stdout } = await run(process.execPath, [tsc, '-p', 'examples/api'], { cwd: root }).catch((error) => error);
    expect(stdout).toBe('');
  });

  it.each(Object.entries(EXAMPLES))('%s runs', async (name, { prints, leaves }) => {
    const { stdout, stderr } = await run(process.execPath, ['--import', tsx, join(root, 'examples', 'api', name)], {
      cwd: folder,
    });
    expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(prints), stderr: '' });
    expect(await readdir(folder)).toEqual(expect.arrayContaining(leaves));
  });
});

describe('docs/api.md', () => {
  it('has every name that is exported', async () => {
    const reference = await readFile(join(root, 'docs', 'api.md'), 'utf8');
    const types = await readFile(join(root, 'lib', 'index.ts'), 'utf8');
    const exported = [...types.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names]) => names!.split(','));
    const names = exported.map((name) => name.trim().split(/\s+/).at(-1)!).filter((name) => name !== '');
    expect(names.length).toBeGreaterThan(40);
    for (const name of [...names, ...Object.keys(hrn)]) expect(reference).toMatch(new RegExp(`^#+ ${name}\\b`, 'm'));
  });
});

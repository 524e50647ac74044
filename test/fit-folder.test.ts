import { spawn } from 'node:child_process';
import { appendFile, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { validateBytes } from 'gltf-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN, runCli } from './cli-process.js';

const astronaut = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
const QUICK = ['--detail', 'coarse', '--texture-size', '256', '--no-preview', '--targets', 'none'];

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const run = (...more: string[]) => runCli(['fit', at('in'), '--out', at('out'), ...QUICK, ...more]);
const summary = (stdout: string) => stdout.trimEnd().split('\n').at(-1);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-folder-'));
  await mkdir(at('in', 'deeper'), { recursive: true });
  for (const name of ['b.png', 'c.jpg', 'B.PNG', 'deeper/d.png']) await copyFile(astronaut, at('in', name));
  await writeFile(at('in', 'bad.png'), 'not an image');
  await writeFile(at('in', 'notes.txt'), 'not an image');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('hrn fit on a folder', () => {
  it('goes on after it was killed, with what is left', { timeout: 120_000 }, async () => {
    const args = [MAIN, 'fit', at('in'), '--out', at('out'), ...QUICK];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
    // A line that was cut off in the middle, as a full disk or a power cut leaves it.
    await appendFile(at('out', 'hrn-fit.jsonl'), '\n{"image":"/ha');
    await appendFile(at('out', 'hrn-fit.jsonl'), '\n');

    const rest = await run('--resume');
    expect(rest.code).toBe(1);
    expect(rest.stderr).toMatch(/^hrn: .*bad\.png: NOT_AN_IMAGE: .*\n$/);
    expect(summary(rest.stdout)).toMatch(/^4 images: [23] done, 1 failed, [01] done before; \d+\.\d s$/);
    const names = (await readdir(at('out'))).filter((name) => !name.startsWith('.')).sort();
    expect(names).toEqual(['B.glb', 'b-2.glb', 'c.glb', 'hrn-fit.jsonl']);
    for (const name of names.slice(0, 3)) {
      const { issues } = await validateBytes(await readFile(at('out', name)));
      expect(issues.messages.filter(({ severity }) => severity === 0)).toEqual([]);
    }
  });

  it('does again what has changed: the photo, a file of its result, the flags', { timeout: 120_000 }, async () => {
    const before = (await stat(at('out', 'B.glb'))).mtimeMs;
    await rm(at('in', 'bad.png'));
    expect(summary((await run('--resume')).stdout)).toMatch(/^3 images: 0 done, 0 failed, 3 done before;/);
    await rm(at('out', 'c.glb'));
    await utimes(at('in', 'b.png'), 1e9, 1e9);
    // What is new does not take the name of what was there.
    await copyFile(astronaut, at('in', 'B.jpg'));
    const again = await run('--resume');
    expect(again.code).toBe(0);
    expect(summary(again.stdout)).toMatch(/^4 images: 3 done, 0 failed, 1 done before;/);
    expect((await stat(at('out', 'B.glb'))).mtimeMs).toBe(before);
    expect((await readdir(at('out'))).filter((name) => name.endsWith('.glb')).sort()).toHaveLength(4);
    const other = await run('--resume', '--json');
    expect(summary(other.stdout)).toMatch(/^4 images: 4 done, 0 failed, 0 done before;/);
  });
});

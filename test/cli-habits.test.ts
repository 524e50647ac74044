import { spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN } from './cli-process.js';

const astronaut = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
/** The quickest fit that still goes through every stage. */
const QUICK = ['--detail', 'coarse', '--texture-size', '256', '--no-preview'];

let folder: string;
let photo: Buffer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-habits-'));
  photo = await readFile(astronaut);
  for (const name of ['b.png', 'a.png']) await copyFile(astronaut, join(folder, name));
  await writeFile(join(folder, 'notes.txt'), 'not an image');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the built CLI in the folder; `input` is its stdin. */
const run = (args: string[], input?: Buffer) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: folder,
    input,
    maxBuffer: 1e9,
  });
  return { code: status, stdout, stderr: stderr.toString() };
};
const lines = (text: Buffer) =>
  text
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('hrn detect', () => {
  it('takes patterns that no shell replaced, and tells of each image on a line of JSON', () => {
    const { code, stdout, stderr } = run(['detect', '*.png', 'notes.txt', '--jsonl']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^hrn: notes\.txt: NOT_AN_IMAGE: /);
    expect(lines(stdout)).toEqual([
      { image: 'a.png', faces: [expect.objectContaining({ score: expect.any(Number) })] },
      { image: 'b.png', faces: [expect.anything()] },
      { image: 'notes.txt', error: { code: 'NOT_AN_IMAGE', message: expect.any(String) } },
    ]);
  });

  it('reads stdin, and prints an array of faces for one image, of images for several', () => {
    const one = run(['detect', '-', '--json'], photo);
    expect(one).toMatchObject({ code: 0, stderr: '' });
    const several = JSON.parse(run(['detect', '-', 'a.png', '--json'], photo).stdout.toString());
    const faces = JSON.parse(one.stdout.toString());
    expect(faces).toHaveLength(1);
    expect(several).toEqual([
      { image: 'stdin', faces },
      { image: 'a.png', faces },
    ]);
  });

  it('names a pattern that nothing matches', () => {
    expect(run(['detect', '*.jpg'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\*\.jpg: FILE_NOT_FOUND/),
    });
  });
});

describe('hrn fit', () => {
  it('reads stdin and writes one file to stdout, the same as into a folder', async () => {
    const piped = run(['fit', '-', '-o', '-', '--format', 'ply', ...QUICK], photo);
    expect(piped).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^stdin: landmark error .* -> stdin\.ply\n$/),
    });
    expect(run(['fit', 'a.png', '-o', 'out', '--format', 'ply', '-q', ...QUICK])).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await readdir(join(folder, 'out'))).toEqual(['a.ply']);
    expect(piped.stdout.equals(await readFile(join(folder, 'out', 'a.ply')))).toBe(true);
  });

  it('prints lines of JSON', () => {
    const { code, stdout } = run(['fit', 'a.png', 'notes.txt', '-o', 'lines', '--jsonl', ...QUICK]);
    expect(code).toBe(1);
    expect(lines(stdout)).toEqual([
      {
        image: 'a.png',
        seconds: expect.any(Number),
        files: [join('lines', 'a.glb')],
        result: expect.objectContaining({ version: 1, quality: expect.anything() }),
      },
      { image: 'notes.txt', error: { code: 'NOT_AN_IMAGE', message: expect.any(String) } },
    ]);
  });

  it.each([
    ['fit', ['--texture-size', '7']],
    ['fit', ['--detail', 'banana']],
    ['fit', ['--device', 'gpu']],
    ['fit', ['--inference', 'banana']],
    ['fit', ['--threads', '0']],
    ['fit', ['--compress', 'zip']],
    ['fit', ['--out', '-', '--format', 'obj']],
    ['fit', ['--out', '-', '--face', 'all']],
    ['detect', ['--max-side', '-1']],
  ])('%s %j is a wrong command line: exit code 2, and nothing is done', async (command, options) => {
    const out = command === 'fit' && !options.includes('--out') ? ['--out', 'nothing'] : [];
    const { code, stdout, stderr } = run([command, 'a.png', ...out, ...options]);
    expect({ code, stdout: stdout.toString() }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/expected|Expected/);
    expect(await readdir(folder)).not.toContain(join('nothing', 'a.glb'));
  });
});

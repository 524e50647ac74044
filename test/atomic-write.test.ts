import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFilesAtomically } from '../lib/atomic-write.js';
import { syntheticHead } from './synthetic-head.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-atomic-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (name: string, text = name) => ({ path: join(folder, name), bytes: Buffer.from(text) });

describe('writeFilesAtomically', () => {
  it('writes a set and replaces what was there', async () => {
    await writeFile(join(folder, 'a.txt'), 'old');
    await writeFilesAtomically([file('a.txt', 'new'), file('b.txt')]);
    expect((await readdir(folder)).sort()).toEqual(['a.txt', 'b.txt']);
    expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('new');
  });

  it('takes names as long as the file system allows', async () => {
    const name = 'ü'.repeat(125);
    await writeFilesAtomically([file(name, 'x')]);
    expect(await readdir(folder)).toEqual([name]);
  });

  it.each([
    ['a folder that does not exist', 'missing/a.txt', 'does not exist'],
    ['a file used as a folder', 'plain/a.txt', 'is not a folder'],
    ['a folder of that name', 'taken', 'a folder of that name'],
    ['a name too long', 'n'.repeat(300), 'too long'],
  ])('refuses %s and leaves nothing of the set', async (_, name, reason) => {
    await writeFile(join(folder, 'plain'), 'a file');
    await mkdir(join(folder, 'taken'));
    const before = await readdir(folder);
    await expect(writeFilesAtomically([file('first.txt'), file(name)])).rejects.toMatchObject({
      code: 'OUTPUT_NOT_WRITABLE',
      message: expect.stringContaining(reason),
    });
    expect(await readdir(folder)).toEqual(before);
  });

  it('rejects with the reason of the signal and leaves nothing', async () => {
    const reason = new Error('enough');
    await expect(writeFilesAtomically([file('a.txt')], AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const big = { path: join(folder, 'big'), bytes: Buffer.alloc(64 << 20) };
    const writing = writeFilesAtomically([file('a.txt'), big], controller.signal);
    setTimeout(() => controller.abort(reason), 5);
    await expect(writing).rejects.toBe(reason);
    expect(await readdir(folder)).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')('says DISK_FULL when space runs out and removes what it wrote', async () => {
    // A limit on the size of files stands for the full disk: the write fails half-way just the same.
    const module = fileURLToPath(new URL('../dist/atomic-write.js', import.meta.url));
    const script = `
      const { writeFilesAtomically } = await import(process.argv[1]);
      const files = [['a', 10], ['b', 1 << 20]].map(([name, size]) => ({ path: process.argv[2] + '/' + name, bytes: Buffer.alloc(size) }));
      await writeFilesAtomically(files).catch((error) => console.log(error.code, error.message));`;
    const { stdout } = await promisify(execFile)('bash', [
      '-c',
      'ulimit -f 100; exec "$0" --input-type=module -e "$1" "$2" "$3"',
      process.execPath,
      script,
      module,
      folder,
    ]);
    expect(stdout).toMatch(/^DISK_FULL No space left to write .*b \(EFBIG\)/);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a format of several files', () => {
  it('leaves none of them behind when one cannot be written', async () => {
    await mkdir(join(folder, 'x.mtl'));
    await expect(syntheticHead().write(join(folder, 'x.obj'))).rejects.toMatchObject({ code: 'OUTPUT_NOT_WRITABLE' });
    expect(await readdir(folder)).toEqual(['x.mtl']);
  });
});

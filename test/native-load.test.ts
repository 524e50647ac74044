import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { load, nativePath } from '../lib/native/load.js';
import { missingPlatform, PLATFORMS, thisHost } from '../lib/native/platform.js';

const run = promisify(execFile);
const distLoad = new URL('../dist/native/load.js', import.meta.url).href;
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hrn-load-'));
});
afterEach(() => rm(root, { recursive: true }));

const built = () => join(root, 'build', 'Release', 'hrn.node');
const prebuilt = () => join(root, 'prebuilds', `${process.platform}-${process.arch}`, 'hrn.glibc.node');
const put = async (path: string, from?: string) => {
  await mkdir(join(path, '..'), { recursive: true });
  await (from ? copyFile(from, path) : writeFile(path, 'not a library'));
};

describe('the loader', () => {
  it('says what it tried and what to do when there is nothing', () => {
    expect(() => load(root, undefined)).toThrow(
      expect.objectContaining({
        code: 'NATIVE_UNAVAILABLE',
        message: expect.stringMatching(/not built[\s\S]*not installed/),
        details: { attempts: [expect.anything(), expect.anything()] },
      }),
    );
  });

  it('advises a build in a checkout', async () => {
    await mkdir(join(root, 'test'));
    expect(() => load(root, undefined)).toThrow('npm run build:all');
  });

  it('keeps the error of each candidate', async () => {
    await put(built());
    await put(prebuilt());
    expect(() => load(root, root)).toThrow(
      expect.objectContaining({
        details: {
          attempts: [
            { path: built(), error: expect.stringMatching(/file too short|invalid ELF/i) },
            { path: prebuilt(), error: expect.stringMatching(/file too short|invalid ELF/i) },
          ],
        },
      }),
    );
  });

  it('goes on to the prebuilt addon when the built one is broken', async () => {
    await put(built());
    await put(prebuilt(), nativePath());
    expect(load(root, root).path).toBe(prebuilt());
  });
});

describe('advice where nothing can be loaded', () => {
  it.each([
    [{ platform: 'linux', arch: 'x64', libc: 'musl' }, /Alpine.*node:22-slim/],
    [{ platform: 'darwin', arch: 'x64' }, /Intel.*linux\/amd64/],
    [{ platform: 'win32', arch: 'arm64' }, /x64 build of node/],
    [{ platform: 'freebsd', arch: 'x64' }, /no package for freebsd-x64; there is one for linux-x64/],
    [{ platform: 'linux', arch: 'arm64', libc: 'glibc' }, /hrn-face-linux-arm64 is not installed.*--omit=optional/],
  ] as const)('for %j', (host, expected) => {
    expect(missingPlatform(host)).toMatch(expected);
  });

  it('knows this machine, and lists the platforms that packages are made for', async () => {
    expect(thisHost()).toMatchObject({ platform: process.platform, arch: process.arch });
    const built = (await import('../scripts/packages/platforms.mjs')) as { PLATFORMS: { name: string }[] };
    expect(PLATFORMS).toEqual(built.PLATFORMS.map(({ name }) => name));
  });
});

describe('the addon', () => {
  it('loads in worker threads, several times over', async () => {
    const source = `import { native } from '${distLoad}';
      import { parentPort } from 'node:worker_threads';
      const context = new (native().Context)({ threads: 2 });
      try { new (native().Context)({ threads: 0 }); } catch (error) { parentPort.postMessage([context.threads, error.code]); }`;
    const path = join(root, 'worker.mjs');
    await writeFile(path, source);
    for (let round = 0; round < 3; ++round) {
      const answers = [0, 1].map(
        () =>
          new Promise((resolve, reject) => {
            new Worker(path).on('message', resolve).on('error', reject);
          }),
      );
      expect(await Promise.all(answers)).toEqual([
        [2, 'INVALID_ARGUMENT'],
        [2, 'INVALID_ARGUMENT'],
      ]);
    }
  });

  it('loads beside a failed attempt in a fresh process', async () => {
    await cp(nativePath(), join(root, 'hrn.node'));
    const { stdout } = await run(process.execPath, [
      '-p',
      `require(${JSON.stringify(join(root, 'hrn.node'))}).backends()`,
    ]);
    expect(stdout).toContain('cpu');
  });
});

import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from './cli-process.js';

const root = fileURLToPath(new URL('..', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('hrn', () => {
  it('tells its version and its commands', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(await runCli(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    const help = await runCli(['--help']);
    expect(help.code).toBe(0);
    for (const word of ['fit', 'detect', 'sample', 'doctor', 'Examples:']) expect(help.stdout).toContain(word);
  });

  it.each([[['bogus']], [['doctor', '--bogus']], [[]]])(
    'refuses the command line %j with exit code 2',
    async (args) => {
      const { code, stdout, stderr } = await runCli(args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/hrn --help|Usage:/);
    },
  );
});

describe('hrn doctor', () => {
  it('finds everything in place', async () => {
    const { code, stdout } = await runCli(['doctor', '--json']);
    const { ok, checks } = JSON.parse(stdout);
    expect({ code, ok, failed: checks.filter((check: { ok: boolean }) => !check.ok) }).toEqual({
      code: 0,
      ok: true,
      failed: [],
    });
    const names = checks.map(({ name }: { name: string }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['node', 'addon', 'device auto', 'onnxruntime', 'sharp', 'head.safetensors']),
    );
  });

  it('tells that sharp has no binary here, and so does a fit', async () => {
    const hooks = `export const resolve = (name, context, next) => {
      if (name === 'sharp') throw new Error('Could not load the "sharp" module\\nmore');
      return next(name, context);
    };`;
    await writeFile(join(folder, 'hooks.mjs'), hooks);
    const register = `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);`;
    await writeFile(join(folder, 'register.mjs'), register);
    const env = { NODE_OPTIONS: `--import ${join(folder, 'register.mjs')}` };
    const doctor = await runCli(['doctor'], { env });
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/^FAIL {2}sharp .*cannot be loaded \(Could not load.*--omit=optional/m);
    const photo = join(root, 'examples', 'astronaut.png');
    const fit = await runCli(['fit', photo, '--out', join(folder, 'sharpless')], { env });
    expect(fit).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/: NATIVE_UNAVAILABLE: sharp/) });
  });

  it('names a corrupted and a missing model and exits with 1', async () => {
    const models = join(folder, 'models');
    await cp(join(root, 'models'), models, { recursive: true, filter: (path) => !path.includes(`${'models'}/build`) });
    const path = join(models, 'face-landmarks.onnx');
    const bytes = await readFile(path);
    bytes[1000]! ^= 1;
    await writeFile(path, bytes);
    await rm(join(models, 'person-segmentation.onnx'));
    const { code, stdout } = await runCli(['doctor', '--models', models]);
    expect(code).toBe(1);
    const broken = stdout.split('\n').filter((line) => line.startsWith('FAIL'));
    expect(broken).toHaveLength(2);
    expect(broken[0]).toMatch(/face-landmarks\.onnx .*sha256/);
    expect(broken[1]).toMatch(/person-segmentation\.onnx .*cannot be read/);
  });
});

describe('hrn sample', () => {
  it('writes a portrait and its truth', async () => {
    const { code, stderr } = await runCli(['sample', '--seed', '3', '--size', '256', '--out', join(folder, 'sample')]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect((await readdir(join(folder, 'sample'))).sort()).toEqual(['sample-3.json', 'sample-3.obj', 'sample-3.png']);
  });
});

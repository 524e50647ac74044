import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addonPath, platformNamed } from '../scripts/packages/platforms.mjs';
import { pack, stageMain, stagePlatform } from '../scripts/packages/stage.mjs';

// The packages as a user gets them, installed where nothing can be compiled and no script runs. The addon is that of the
// checkout; `npm run check:install` does the same with prebuilt ones, and with other package managers.
const execute = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const MINUTES = 60_000;

const platform = platformNamed();
const platformName = `hrn-face-${platform.name}`;
let work: string;
let project: string;
let main: ReturnType<typeof pack>;
let own: ReturnType<typeof pack>;
/** No compiler, and none of what this npm run handed to us. */
const env = (() => {
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config_local|package|lifecycle)/.test(name)),
  );
  return { ...clean, CC: '/bin/false', CXX: '/bin/false', NODE_ENV: undefined, INIT_CWD: undefined };
})();
const run = (command: string, args: string[]) => execute(command, args, { cwd: project, env, maxBuffer: 1 << 26 });

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'hrn-package-'));
  project = join(work, 'project');
  await mkdir(project);
  main = pack(stageMain(work), work);
  own = pack(stagePlatform(work, platform, join(root, 'build', 'Release', 'hrn.node')), work);
  await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', main.path, own.path]);
  await cp(join(root, 'examples', 'astronaut.png'), join(project, 'astronaut.png'));
}, 10 * MINUTES);
afterAll(() => rm(work, { recursive: true, force: true }));

describe('the packed packages', () => {
  it('hold the addon, ONNX Runtime, the models and their licences, and no sources of tests', () => {
    expect(own.files.sort()).toEqual(
      [
        ...['LICENSE', 'README.md', 'package.json'],
        ...['LICENSE', 'ThirdPartyNotices.txt', platform.library].map((name) => `onnxruntime/${name}`),
        addonPath(platform),
      ].sort(),
    );
    for (const path of ['LICENSE', 'README.md', 'models/manifest.json', 'CMakeLists.txt', 'dist/index.d.ts'])
      expect(main.files).toContain(path);
    expect(main.files.filter((path) => /^models\/.*\.(onnx|safetensors)$/.test(path)).length).toBeGreaterThanOrEqual(5);
    expect(main.files.some((path) => path.startsWith('models/licences/'))).toBe(true);
    expect(main.files.some((path) => /^third_party\/onnxruntime\/include\/.*\.h$/.test(path))).toBe(true);
    expect(main.files.filter((path) => /^(test|bench|examples|build|\.ci|models\/build)/.test(path))).toEqual([]);
  });

  it('are small', () => {
    expect(main.size + own.size).toBeLessThan(40e6);
    expect(main.unpackedSize + own.unpackedSize).toBeLessThan(120e6);
  });

  it('have nothing to run at installation, of which package managers would warn', async () => {
    const manifest = JSON.parse(await readFile(join(project, 'node_modules', 'hrn-face', 'package.json'), 'utf8'));
    expect(Object.keys(manifest)).not.toContain('scripts');
    expect(main.files).not.toContain('binding.gyp');
    expect(Object.keys(manifest.dependencies)).not.toContain('onnxruntime-node');
    expect(manifest.optionalDependencies[platformName]).toBe(manifest.version);
  });

  it('hold an addon that needs nothing but libc: no CUDA, no C++ library', async () => {
    const { stdout } = await run('ldd', [join(project, 'node_modules', platformName, addonPath(platform))]);
    const libraries = stdout.match(/^\s*\S+/gm)!.map((path) => path.trim().split('/').at(-1)!);
    expect(libraries.filter((name) => !/^(linux-vdso|ld-linux|libc|libm)\b/.test(name))).toEqual([]);
  });

  it('list every file that the manifest of models names', async () => {
    const manifest = JSON.parse(await readFile(join(root, 'models', 'manifest.json'), 'utf8'));
    const entries = (Array.isArray(manifest) ? manifest : manifest.models) as { file: string }[];
    for (const { file } of entries) expect(main.files).toContain(`models/${file}`);
  });

  it('fit a photo from the command line', { timeout: 5 * MINUTES }, async () => {
    await run('npx', ['--no-install', 'hrn', 'fit', 'astronaut.png', '--out', 'out', '--json']);
    expect((await readdir(join(project, 'out'))).sort()).toEqual([
      'astronaut.glb',
      'astronaut.json',
      'astronaut_preview.png',
    ]);
    expect((await readFile(join(project, 'out', 'astronaut.glb'))).toString('latin1', 0, 4)).toBe('glTF');
  });

  it.each([
    ['imported', 'program.mjs', "import { HrnError, detect } from 'hrn-face';"],
    ['required', 'program.cjs', "const { HrnError, detect } = require('hrn-face');"],
  ])('are %s by name, without a warning', { timeout: 5 * MINUTES }, async (_, file, load) => {
    const program = "detect('astronaut.png').then((faces) => console.log(faces.length, typeof HrnError));";
    await writeFile(join(project, file), `${load}\n${program}`);
    expect(await run(process.execPath, [file])).toEqual({ stdout: '1 function\n', stderr: '' });
  });
});

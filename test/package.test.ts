import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// The package as a user gets it: packed with a prebuilt addon, installed where nothing can be compiled.
const execute = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const MINUTES = 60_000;

let work: string;
let project: string;
let packed: string[];
let packedBytes: number;
/** No compiler, and none of what this npm run handed to us. */
const env = (() => {
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config_local|package|lifecycle)/.test(name)),
  );
  return {
    ...clean,
    CC: '/bin/false',
    CXX: '/bin/false',
    ONNXRUNTIME_NODE_INSTALL: 'skip',
    NODE_ENV: undefined,
    INIT_CWD: undefined,
  };
})();
const run = (command: string, args: string[], cwd: string, environment: NodeJS.ProcessEnv = process.env) =>
  execute(command, args, { cwd, env: environment, maxBuffer: 1 << 26 });

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'hrn-package-'));
  project = join(work, 'project');
  const stage = join(work, 'stage');
  await mkdir(project);
  await mkdir(stage);
  const listing = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], root);
  for (const { path } of JSON.parse(listing.stdout)[0].files as { path: string }[]) {
    await mkdir(dirname(join(stage, path)), { recursive: true });
    await copyFile(join(root, path), join(stage, path));
  }
  // What `npm run prebuild` does, but for the GPUs of this machine alone, which compiles sooner, and outside the checkout,
  // whose own addon it would move away.
  const prebuildify = ['--napi', '--strip', '--tag-libc', '-t', '20.17.0'];
  await run(join(root, 'node_modules', '.bin', 'prebuildify'), prebuildify, stage, {
    ...process.env,
    PREBUILD_NODE_GYP: join(root, 'scripts', 'build-native.mjs'),
  });
  const pack = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], stage);
  const [{ filename, files, size }] = JSON.parse(pack.stdout);
  packedBytes = size;
  packed = files.map(({ path }: { path: string }) => path);
  await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  await run('npm', ['install', '--no-audit', '--no-fund', join(work, filename)], project, env);
}, 10 * MINUTES);
afterAll(() => rm(work, { recursive: true, force: true }));

describe('the packed package', () => {
  it('holds the prebuilt addon, the models and their licences, and no sources of tests', () => {
    expect(packed).toContain(`prebuilds/${process.platform}-${process.arch}/hrn.glibc.node`);
    expect(packed).toContain('LICENSE');
    expect(packed).toContain('models/manifest.json');
    expect(packed.filter((path) => /^models\/.*\.(onnx|safetensors)$/.test(path)).length).toBeGreaterThanOrEqual(5);
    expect(packed.some((path) => path.startsWith('models/licences/'))).toBe(true);
    expect(packed.filter((path) => /^(test|bench|examples|build|\.ci|models\/build)/.test(path))).toEqual([]);
  });

  it('is small, and its addon needs nothing but libc: no CUDA, no C++ library', async () => {
    expect(packedBytes).toBeLessThan(40e6);
    const folder = join(work, 'stage', 'prebuilds', `${process.platform}-${process.arch}`);
    const { stdout } = await run('ldd', [join(folder, 'hrn.glibc.node')], work);
    const libraries = stdout.match(/^\s*\S+/gm)!.map((path) => path.trim().split('/').at(-1)!);
    expect(libraries.filter((name) => !/^(linux-vdso|ld-linux|libc|libm)\b/.test(name))).toEqual([]);
  });

  it('lists every file that its manifest of models names', async () => {
    const manifest = JSON.parse(await readFile(join(root, 'models', 'manifest.json'), 'utf8'));
    const entries = (Array.isArray(manifest) ? manifest : manifest.models) as { file: string }[];
    for (const { file } of entries) expect(packed).toContain(`models/${file}`);
  });

  it('installs without a compiler and does not build', async () => {
    expect(await readdir(join(project, 'node_modules', 'hrn-face'))).not.toContain('build');
  });

  it('fits a photo from the command line', { timeout: 5 * MINUTES }, async () => {
    await cp(join(root, 'examples', 'astronaut.png'), join(project, 'astronaut.png'));
    await run('npx', ['--no-install', 'hrn', 'fit', 'astronaut.png', '--out', 'out', '--json'], project, env);
    expect((await readdir(join(project, 'out'))).sort()).toEqual([
      'astronaut.glb',
      'astronaut.json',
      'astronaut_preview.png',
    ]);
    expect((await readFile(join(project, 'out', 'astronaut.glb'))).toString('latin1', 0, 4)).toBe('glTF');
  });

  it('is imported by name', { timeout: 5 * MINUTES }, async () => {
    const program =
      "import { HrnError, detect } from 'hrn-face'; console.log((await detect('astronaut.png')).length, typeof HrnError);";
    await writeFile(join(project, 'program.js'), program);
    expect((await run(process.execPath, ['program.js'], project, env)).stdout).toBe('1 function\n');
  });
});

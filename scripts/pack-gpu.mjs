#!/usr/bin/env node
// Makes .gpu-kit: what .ci/gpu needs on a machine that has a GPU and neither node nor a network, as archives:
//
//   runtime    node itself
//   libraries  the packages that hrn uses when it runs, ONNX Runtime's CPU library of onnxruntime-node among them
//   programs   the addon, hrn_native_tests and hrn_bench for one GPU architecture, lib and bench as JavaScript, photos
//
//   node scripts/pack-gpu.mjs [ARCHITECTURES]     90-real by default, as HRN_CUDA_ARCHITECTURES
//
// Needs nvcc, strip and xz. Archives whose contents have not changed are kept. Says at the end what would travel: the
// checkout and the kit.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { clearLocales } from './small-node.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const architectures = process.argv[2] ?? '90-real';
const kit = join(root, '.gpu-kit');
const stage = join(root, 'out', 'gpu-kit');
const shared = process.env.HRN_SHARED ?? join(root, '..', 'shared');
/** Sides of photos beyond this are of no use to a fit. */
const PHOTO_PX = 1024;

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error || status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `status ${status}`}`);
}

const folder = (name) => {
  const path = join(stage, name);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  return path;
};
const strip = (from, to) => run('strip', ['-s', '-o', to, from]);

/** Folder of the CUDA toolkit that nvcc is of. */
function toolkit(source) {
  const { stderr } = spawnSync('nvcc', ['--dryrun', source], { encoding: 'utf8' });
  const [, top] = /^#\$ TOP=(.*)$/m.exec(stderr ?? '') ?? [];
  if (!top) throw new Error('nvcc does not tell its toolkit');
  return top;
}

function packRuntime() {
  const to = folder('runtime');
  mkdirSync(join(to, 'bin'));
  const node = join(to, 'bin', 'node');
  strip(realpathSync(process.execPath), node);
  const executable = readFileSync(node);
  clearLocales(executable);
  writeFileSync(node, executable);
}

function packLibraries() {
  const to = join(folder('libraries'), 'node_modules');
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const packages = new Set();
  const add = (name) => {
    const from = join(root, 'node_modules', name);
    if (packages.has(name) || !existsSync(from)) return;
    packages.add(name);
    cpSync(from, join(to, name), { recursive: true, filter: (path) => !/\.(d\.[cm]?ts|map|md|cc|h)$/.test(path) });
    const own = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
    for (const needed of Object.keys({ ...own.dependencies, ...own.optionalDependencies })) add(needed);
  };
  for (const name of Object.keys(dependencies)) add(name);

  const name = 'onnxruntime-node';
  const library = join(name, 'bin', 'napi-v3', process.platform, process.arch, 'libonnxruntime.so.1');
  mkdirSync(dirname(join(to, library)), { recursive: true });
  cpSync(join(root, 'node_modules', name, 'package.json'), join(to, name, 'package.json'));
  strip(join(root, 'node_modules', library), join(to, library));
}

async function packPrograms() {
  const to = folder('programs');
  const env = { ...process.env, HRN_CUDA: 'ON', HRN_CUDA_ARCHITECTURES: architectures };
  const build = (...args) => run(process.execPath, ['scripts/build-native.mjs', ...args], { env });
  const tree = `build-${architectures.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
  mkdirSync(join(to, 'bin'));
  for (const program of ['hrn_native_tests', 'hrn_bench']) {
    build(`--build=${program}`);
    strip(join(root, tree, 'bin', program), join(to, 'bin', program));
  }
  const number = Number.parseInt(architectures, 10);
  const code = `arch=compute_${number},code=sm_${number}`;
  const fault = join(root, 'bench', 'gpu', 'gpu_fault.cu');
  run('nvcc', ['-shared', '-Xcompiler', '-fPIC', '-gencode', code, fault, '-o', join(to, 'bin', 'gpu_fault.so')]);
  // CUPTI of this toolkit comes with it.
  const cupti = dirname(realpathSync(join(toolkit(fault), 'lib64', 'libcupti.so')));
  const beside = ['-L', cupti, '-lcupti', '-Xlinker', '-rpath', '-Xlinker', '$ORIGIN'];
  const tracer = join(root, 'bench', 'gpu', 'gpu_trace.cpp');
  run('nvcc', ['-O2', '-shared', '-Xcompiler', '-fPIC', tracer, ...beside, '-o', join(to, 'bin', 'gpu_trace.so')]);
  const major = readdirSync(cupti).find((name) => /^libcupti\.so\.\d+$/.test(name));
  strip(join(cupti, major), join(to, 'bin', major));
  build(`--product=${join(to, 'build', 'Release')}`);
  strip(join(to, 'build', 'Release', 'hrn.node'), join(to, 'build', 'Release', 'hrn.node'));

  const tsc = createRequire(import.meta.url).resolve('typescript/package.json');
  const compile = (...args) => run(process.execPath, [join(dirname(tsc), 'bin', 'tsc'), ...args]);
  compile('-p', 'tsconfig.build.json', '--outDir', join(to, 'dist'), '--declaration', 'false');
  compile('-p', 'tsconfig.json', '--noEmit', 'false', '--rootDir', '.', '--outDir', to);
  for (const unused of ['test', 'models', 'vitest.config.js']) rmSync(join(to, unused), { recursive: true });
  cpSync(join(root, 'bench', 'gpu', 'peer_loop.py'), join(to, 'bench', 'gpu', 'peer_loop.py'));
  cpSync(join(root, 'package.json'), join(to, 'package.json'));

  // What tests and comparisons take from beside the checkout, where it is.
  const photos = join(shared, 'photos');
  mkdirSync(join(to, 'shared', 'photos'), { recursive: true });
  for (const name of existsSync(photos) ? readdirSync(photos) : []) {
    if (!/\.(png|jpg)$/.test(name)) continue;
    const small = sharp(join(photos, name)).resize(PHOTO_PX, PHOTO_PX, { fit: 'inside', withoutEnlargement: true });
    await small.jpeg({ quality: 90 }).toFile(join(to, 'shared', 'photos', `${name.replace(/\.\w+$/, '')}.jpg`));
  }
  const loop = join(shared, 'prototypes', 'peer-loop');
  if (existsSync(loop)) {
    const at = join(to, 'shared', 'prototypes', 'peer-loop');
    cpSync(loop, at, { recursive: true });
    run('g++', ['-O3', '-shared', '-fPIC', '-s', join(at, 'vis.cpp'), '-o', join(at, 'vis.so')]);
  }
}

/** One number for what a folder holds. */
function digest(path) {
  const hash = createHash('sha256');
  const names = readdirSync(path, { recursive: true }).sort();
  for (const name of names) {
    const file = join(path, name);
    if (statSync(file).isFile()) hash.update(name).update(readFileSync(file));
  }
  return hash.digest('hex');
}

packRuntime();
packLibraries();
await packPrograms();
mkdirSync(kit, { recursive: true });
const version = [];
for (const name of ['runtime', 'libraries', 'programs']) {
  const [archive, now] = [join(kit, `${name}.tar.xz`), digest(join(stage, name))];
  const before = existsSync(join(stage, `${name}.digest`)) && readFileSync(join(stage, `${name}.digest`), 'utf8');
  if (before !== now || !existsSync(archive)) {
    // Branches of x86 code are rewritten, which makes executables a tenth smaller.
    const xz = 'xz --x86 --lzma2=preset=6,dict=64MiB';
    run('tar', ['-I', xz, '-cf', archive, '--owner=0', '--group=0', '-C', join(stage, name), '.']);
    writeFileSync(join(stage, `${name}.digest`), now);
  }
  version.push(`${name} ${now.slice(0, 12)}`);
}
const commit = spawnSync('git', ['describe', '--always', '--dirty'], { cwd: root, encoding: 'utf8' }).stdout.trim();
writeFileSync(join(kit, 'version'), `${commit} for ${architectures}, ${version.join(', ')}\n`);

const listed = spawnSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' });
const bytes = (paths) => paths.reduce((sum, path) => sum + (existsSync(path) ? statSync(path).size : 0), 0);
const checkout = bytes(
  listed.stdout
    .split('\0')
    .filter(Boolean)
    .map((path) => join(root, path)),
);
const own = bytes(readdirSync(kit).map((name) => join(kit, name)));
const mebibytes = (value) => (value / 2 ** 20).toFixed(1);
console.log(
  `checkout ${mebibytes(checkout)} MiB, .gpu-kit ${mebibytes(own)} MiB, together ${mebibytes(checkout + own)} MiB`,
);

#!/usr/bin/env node
// Builds a target of CMakeLists.txt with cmake-js. Incremental: only changed sources are compiled again.
//
//   node scripts/build-native.mjs [--sanitize] [--product=DIR]             the addon
//   node scripts/build-native.mjs --run=TARGET [--sanitize] [-- ARGS...]   a program (hrn_native_tests, hrn_bench), and
//                                                                          runs it
//   node scripts/build-native.mjs --build=TARGET                           the same, and does not run it
//   node scripts/build-native.mjs --run=TARGET --races [-- ARGS...]        with kernels that look for races
//
// The addon is copied to DIR (build/Release in the current folder by default), where node-gyp would have put it and the
// loader looks for it.
// Also started by binding.gyp, and by prebuildify in node-gyp's place: arguments meant for node-gyp are ignored.
// --sanitize builds with ASan and UBSan in a tree of its own, and copies the addon only if told where to.
// A tree that CMake configured for sources elsewhere (a checkout that was copied) is made anew.
// In the environment: HRN_TARGET, a platform's name, with HRN_ZIG_TARGET and HRN_ZIG_TOOLS (cmake/zig.cmake) or
// HRN_GLIBC_STUBS (cmake/AddonLinking.cmake), as scripts/packages/prebuild.mjs sets them; HRN_CUDA and HRN_CUDA_ARCHITECTURES as in cmake/Cuda.cmake; CMAKE_BUILD_PARALLEL_LEVEL, the number
// of compilers run at a time (default: every core).
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const own = process.argv.slice(2);
const passed = own.includes('--') ? own.splice(own.indexOf('--')).slice(1) : [];
const option = (name) => own.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const sanitize = own.includes('--sanitize');
const races = own.includes('--races');
const program = option('run') ?? option('build');
const env = { ...process.env };
const zig = env.HRN_ZIG_TARGET && [
  `--CDCMAKE_TOOLCHAIN_FILE=${join(root, 'cmake', 'zig.cmake')}`,
  `--CDHRN_ZIG_TARGET=${env.HRN_ZIG_TARGET}`,
  `--CDHRN_ZIG_TOOLS=${env.HRN_ZIG_TOOLS}`,
];
const stubs = env.HRN_GLIBC_STUBS && [`--CDHRN_GLIBC_STUBS=${env.HRN_GLIBC_STUBS}`];
const cuda = races ? 'EMULATED' : (env.HRN_CUDA ?? 'AUTO');
const architectures = env.HRN_CUDA_ARCHITECTURES ?? 'AUTO';
// Outside build/, which node-gyp's clean removes. Trees of their own for what takes minutes to compile.
const kind = [
  sanitize && 'sanitize',
  races ? 'races' : cuda === 'EMULATED' && 'emulated',
  architectures !== 'AUTO' && architectures.toLowerCase().replace(/[^a-z0-9]+/g, '-'),
  env.HRN_TARGET,
];
const tree = join(root, ['build', ...(kind.some(Boolean) ? kind.filter(Boolean) : ['cmake'])].join('-'));

env.CMAKE_BUILD_PARALLEL_LEVEL ??= String(availableParallelism());
// gyp runs this from make, whose variables would reach CMake's own make.
for (const name of ['MAKEFLAGS', 'MFLAGS', 'MAKELEVEL', 'V', 'BUILDTYPE']) delete env[name];

/** CMake refuses a tree that belongs to other sources. */
function removeForeignTree() {
  const cache = join(tree, 'CMakeCache.txt');
  if (!existsSync(cache)) return;
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1];
  if (home === undefined || resolve(home) !== resolve(root)) rmSync(tree, { recursive: true });
}

function run(command, args) {
  const { error, status } = spawnSync(command, args, { stdio: 'inherit', env });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

removeForeignTree();
const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');
const config = sanitize ? 'RelWithDebInfo' : 'Release';
const common = [cmakeJs, '-l', 'warn', '-d', root, '-O', tree, '-B', config];
run(process.execPath, [
  ...common,
  'configure',
  `--CDHRN_SANITIZE=${sanitize ? 'ON' : 'OFF'}`,
  `--CDHRN_CUDA=${cuda}`,
  `--CDHRN_RACES=${races ? 'ON' : 'OFF'}`,
  `--CDHRN_CUDA_ARCHITECTURES=${architectures}`,
  ...(zig || stubs || []),
]);
run(process.execPath, [...common, 'build', '--target', program ?? 'hrn']);

if (option('run')) {
  run(join(tree, 'bin', program), passed);
} else if (!program && (!sanitize || option('product'))) {
  const product = resolve(option('product') ?? join('build', config));
  mkdirSync(product, { recursive: true });
  // Renamed into place: a process that has the old file open keeps it.
  copyFileSync(join(tree, config, 'hrn.node'), join(product, 'hrn.node.partial'));
  renameSync(join(product, 'hrn.node.partial'), join(product, 'hrn.node'));
}

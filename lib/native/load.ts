import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HrnError } from '../errors.js';
import type { NativeBinding } from './binding.js';
import { missingPlatform, packageFolder, platformPackage } from './platform.js';

/** Folder of package.json; the same number of levels up from lib/native and from dist/native. */
export const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

const require = createRequire(import.meta.url);
let loaded: { binding: NativeBinding; path: string } | undefined;

/**
 * The native addon, loaded on first use.
 *
 * @throws HrnError NATIVE_UNAVAILABLE with every candidate's error in `details.attempts` when none loads.
 */
export function native(): NativeBinding {
  loaded ??= load(packageRoot);
  return loaded.binding;
}

/** Path of the addon in use; loads it if need be. */
export function nativePath(): string {
  loaded ??= load(packageRoot);
  return loaded.path;
}

/**
 * Tries the addon built in place, then the prebuilt one of the platform's package.
 *
 * @param root folder in which a build leaves its addon
 * @param prebuilt folder of the platform's package
 */
export function load(
  root: string,
  prebuilt: string | undefined = packageFolder(platformPackage()),
): { binding: NativeBinding; path: string } {
  const attempts: { path: string; error: string }[] = [];
  const candidates: [string, () => string][] = [
    [root, () => builtPath(root)],
    [prebuilt ?? platformPackage(), () => prebuiltPath(prebuilt)],
  ];
  for (const [place, find] of candidates) {
    let path = place;
    try {
      path = find();
      const binding = require(path) as NativeBinding;
      binding.setErrorClass(HrnError);
      return { binding, path };
    } catch (error) {
      attempts.push({ path, error: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) });
    }
  }
  const tried = attempts.map(({ path, error }) => `  ${path}: ${error}`).join('\n');
  throw new HrnError(
    'NATIVE_UNAVAILABLE',
    `hrn's native addon could not be loaded:\n${tried}\n${advice(root, tried)}`,
    {
      details: { attempts },
    },
  );
}

function builtPath(root: string): string {
  const path = join(root, 'build', 'Release', 'hrn.node');
  if (!existsSync(path)) throw new Error('not built');
  return path;
}

function prebuiltPath(root: string | undefined): string {
  if (root === undefined) throw new Error('not installed');
  const folder = join(root, 'prebuilds', `${process.platform}-${process.arch}`);
  // node-gyp-build's own search would look into build/Release first; these are the parts that choose among prebuilds.
  const gyp = require('node-gyp-build/node-gyp-build.js') as PrebuildTags;
  const fitting = (existsSync(folder) ? readdirSync(folder) : [])
    .map(gyp.parseTags)
    .filter(gyp.matchTags('node', process.versions.modules))
    .sort(gyp.compareTags('node'));
  if (!fitting[0]) throw new Error(`no prebuilt addon for ${process.platform}-${process.arch}`);
  return join(folder, fitting[0].file);
}

interface PrebuildTags {
  parseTags(file: string): { file: string } | undefined;
  matchTags(runtime: string, abi: string): (tags: { file: string } | undefined) => tags is { file: string };
  compareTags(runtime: string): (a: { file: string }, b: { file: string }) => number;
}

function advice(root: string, tried: string): string {
  if (existsSync(join(root, 'test'))) {
    const compiler = process.platform === 'linux' ? ' (on Debian: apt-get install g++ cmake make)' : '';
    return `Build it with \`npm run build:all\`; that needs a C++20 compiler and CMake 3.25 or newer${compiler}.`;
  }
  const sentence = /GLIBC_/.test(tried)
    ? 'this Linux is too old: hrn needs glibc 2.28 or newer (Debian 10, Ubuntu 20.04, RHEL 8 and later have it).'
    : missingPlatform();
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

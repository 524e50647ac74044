#!/usr/bin/env node
// Lists the licence of every package of package-lock.json in docs/licences.md, by who gets it. Fails where one is of a kind
// that is not allowed. `--check` writes nothing.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { packages } = JSON.parse(readFileSync(at('package-lock.json'), 'utf8'));
const manifest = JSON.parse(readFileSync(at('package.json'), 'utf8'));

const FREE = [
  'MIT',
  'MIT-0',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  '0BSD',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'Unlicense',
  'Python-2.0',
  'Zlib',
];
/** Others, and why they may be here. */
const ALLOWED = [
  [
    /^@img\/sharp-(libvips-|win32-|wasm32)/,
    'LGPL-3.0-or-later',
    'libvips, a shared library of its own that can be replaced',
  ],
  [/^libheif-js$/, 'LGPL-3.0', 'libheif, a file of its own that can be replaced; only where HEIC is read'],
  [/^jsfive$/, 'SEE LICENSE IN LICENSE.txt', 'public domain; made from pyfive, BSD-3-Clause'],
  [/^lightningcss/, 'MPL-2.0', 'part of the test runner, unchanged'],
];

/** The entry that `name` means to the package at `from`, as node looks for it. */
function resolve(from, name) {
  for (let folder = from; ; folder = folder.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (packages[path]) return path;
    if (folder === '') return undefined;
  }
}

/** Everything that comes with these packages. */
function closure(names, without = new Set()) {
  const found = new Set();
  const queue = Object.keys(names ?? {}).map((name) => ['', name]);
  for (let next = queue.shift(); next; next = queue.shift()) {
    const path = resolve(...next);
    if (path === undefined || found.has(path) || without.has(path)) continue;
    found.add(path);
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = packages[path];
    const peers = Object.keys(peerDependencies ?? {}).filter((name) => !peerDependenciesMeta?.[name]?.optional);
    const needed = [...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {}), ...peers];
    for (const name of needed) queue.push([path, name]);
  }
  return found;
}

const installed = closure({ ...manifest.dependencies, ...manifest.optionalDependencies });
const services = closure(manifest.peerDependencies, installed);
const rest = new Set(
  Object.keys(packages).filter((path) => path !== '' && !installed.has(path) && !services.has(path)),
);

const bad = [];
function row(path) {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const { version, license } = packages[path];
  const text = license ?? 'none given';
  const kinds = text.replace(/[()]/g, '').split(/ OR /);
  const free = kinds.some((kind) => kind.split(/ AND /).every((part) => FREE.includes(part)));
  const exception = ALLOWED.find(([pattern, kind]) => pattern.test(name) && text.includes(kind));
  if (!free && !exception) bad.push(`${name} ${version}: ${text}`);
  return `| ${name} | ${version} | ${text}${free || !exception ? '' : ` (${exception[2]})`} |`;
}
const table = (paths) =>
  ['| package | version | licence |', '| --- | --- | --- |', ...[...new Set([...paths].sort().map(row))]].join('\n');

const page = `# Licences of the packages that hrn uses

Written by \`npm run licences\` from package-lock.json, which holds the packages of every platform. What is inside hrn itself
is listed in the [README](../README.md#licences); the page of \`hrn serve\` contains three.js (MIT), whose licence it serves
at \`/licences.txt\`.

## Installed with hrn-face

${table(installed)}

## For hrn serve, hrn worker and hrn enqueue, when they are installed

${table(services)}

## For developing hrn: building and testing it

${table(rest)}
`;
if (bad.length > 0) {
  console.error(`Licences that are not allowed:\n${bad.join('\n')}`);
  process.exitCode = 1;
} else if (process.argv[2] !== '--check') {
  writeFileSync(at('docs/licences.md'), page);
}

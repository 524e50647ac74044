#!/usr/bin/env node
// Builds viewer/ into dist/viewer: three static files and the licences of what is inside, for `hrn serve` or any web server.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const from = new URL('../viewer/', import.meta.url);
const to = new URL('../dist/viewer/', import.meta.url);

await mkdir(to, { recursive: true });
await build({
  entryPoints: [fileURLToPath(new URL('main.ts', from))],
  outfile: fileURLToPath(new URL('viewer.js', to)),
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
});
for (const name of ['index.html', 'viewer.css']) await copyFile(new URL(name, from), new URL(name, to));
const three = await readFile(new URL('../node_modules/three/LICENSE', import.meta.url), 'utf8');
const own = await readFile(new URL('../LICENSE', import.meta.url), 'utf8');
await writeFile(new URL('licences.txt', to), `This page is part of hrn.\n\n${own}\nIt contains three.js.\n\n${three}`);

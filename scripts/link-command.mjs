#!/usr/bin/env node
// Part of `npm install` in a checkout: node_modules/.bin/hrn, which `npx hrn` and npm scripts find. The checkout's
// package.json names no command of its own: npx would install the checkout into its cache to run it, and two that do so
// at once break each other.
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../node_modules/.bin', import.meta.url));
mkdirSync(folder, { recursive: true });
if (process.platform === 'win32') {
  writeFileSync(join(folder, 'hrn.cmd'), '@node "%~dp0\\..\\..\\dist\\cli\\main.js" %*\r\n');
} else {
  // Renamed into place: it may be in use.
  const partial = join(folder, `hrn.${process.pid}`);
  symlinkSync(join('..', '..', 'dist', 'cli', 'main.js'), partial);
  renameSync(partial, join(folder, 'hrn'));
}

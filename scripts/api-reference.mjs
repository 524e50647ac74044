#!/usr/bin/env node
// `npm run docs:api`: writes docs/api.md from the comments in lib/. typedoc needs an older TypeScript than the project has,
// so both live in a folder of their own in .cache.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGES = ['typedoc@0.28.20', 'typedoc-plugin-markdown@4.14.1', 'typescript@6.0.3'];

const root = fileURLToPath(new URL('..', import.meta.url));
const tools = join(root, '.cache', 'typedoc-0.28.20');
if (!existsSync(join(tools, 'node_modules', 'typedoc'))) {
  mkdirSync(tools, { recursive: true });
  writeFileSync(join(tools, 'package.json'), '{ "private": true }\n');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--save-exact', ...PACKAGES], {
    cwd: tools,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
const out = mkdtempSync(join(tmpdir(), 'hrn-api-'));
try {
  const typedoc = join(tools, 'node_modules', 'typedoc', 'bin', 'typedoc');
  const plugin = join(tools, 'node_modules', 'typedoc-plugin-markdown', 'dist', 'index.js');
  execFileSync(process.execPath, [typedoc, '--plugin', plugin, '--out', out, '--logLevel', 'Warn'], {
    cwd: root,
    stdio: 'inherit',
  });
  copyFileSync(join(out, 'api.md'), join(root, 'docs', 'api.md'));
} finally {
  rmSync(out, { recursive: true });
}

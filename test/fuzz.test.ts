import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'hrn-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('survives 10,000 mutated inputs', { timeout: 10 * 60_000 }, () => {
  const last = join(folder, 'last-case');
  // In a process of its own: a crash there is a failed test here.
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('fuzz/main.ts', import.meta.url)), last],
    { encoding: 'utf8', timeout: 9 * 60_000, cwd: fileURLToPath(new URL('..', import.meta.url)) },
  );
  const story = () => `${stderr.slice(-3000)}\nlast case: ${readFileSync(last, 'utf8').trim()}`;
  expect({ status, signal }, story()).toEqual({ status: 0, signal: null });
  const { refused, accepted } = JSON.parse(stdout.trim().split('\n').at(-1)!);
  expect(refused + accepted).toBeGreaterThanOrEqual(10_000);
  expect(refused).toBeGreaterThan(3000);
  expect(accepted).toBeGreaterThan(500);
});

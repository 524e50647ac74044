import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

// The native tests, one by one, as the program hrn_native_tests reports them; built here if the sources changed.
const root = fileURLToPath(new URL('..', import.meta.url));
const { output, status } = await new Promise<{ output: string; status: number | string | null }>((resolve, reject) => {
  const program = spawn(process.execPath, ['scripts/build-native.mjs', '--run=hrn_native_tests'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [program.stdout, program.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  program.on('error', reject).on('close', (code, signal) => resolve({ output: text, status: code ?? signal }));
});

const reports = [...output.matchAll(/^(ok|not ok) - (.*?)(?:: (.*?))?(?: # SKIP (.*))?$/gm)].map(
  ([, verdict, name, failure, skipped]) => ({ name: name!, passed: verdict === 'ok', failure, skipped }),
);

describe('native tests', () => {
  for (const { name, passed, failure, skipped } of reports) {
    it(name, ({ skip }) => {
      if (skipped) skip(skipped);
      expect(passed, failure).toBe(true);
    });
  }

  it('build, and end with a summary', () => {
    expect(output.slice(-4000)).toMatch(/^# passed \d+, failed \d+, skipped \d+$/m);
    expect(status).toBe(0);
  });
});

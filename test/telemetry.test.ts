import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runCli } from './cli-process.js';

const astronaut = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));

it('networks leave no device id, database or log of ONNX Runtime behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hrn-telemetry-'));
  try {
    const home = join(folder, 'home');
    const temporary = join(folder, 'temporary');
    await Promise.all([home, temporary].map((path) => mkdir(path)));
    const env = {
      HOME: home,
      XDG_CACHE_HOME: join(home, '.cache'),
      TMPDIR: temporary,
      TMP: temporary,
      TEMP: temporary,
    };
    const run = await runCli(['detect', astronaut], { env });
    expect(run.stderr).toBe('');
    expect(run.code).toBe(0);
    expect(await readdir(folder, { recursive: true })).toEqual(['home', 'temporary']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

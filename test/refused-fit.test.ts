import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { animalPortrait } from '../bench/robust/animals.js';

const library = new URL('../dist/index.js', import.meta.url).href;

it('a fit that is refused leaves nothing running: a process may end at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hrn-refused-'));
  try {
    const photo = join(folder, 'cat.png');
    await writeFile(photo, await animalPortrait(703, 512, 'cat'));
    const script = `
      const hrn = await import(${JSON.stringify(library)});
      const instance = await hrn.create();
      const code = await instance.fit(${JSON.stringify(photo)}).catch((error) => error.code);
      process.stdout.write(String(code), () => process.exit(0));`;
    // Without waiting, one in two complained.
    for (let run = 0; run < 4; run++) {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
      expect({ stdout, stderr }).toEqual({ stdout: 'FACE_NOT_VISIBLE', stderr: '' });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);

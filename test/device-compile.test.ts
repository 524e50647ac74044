import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const hasNvcc = spawnSync('nvcc', ['--version']).status === 0;

it.skipIf(!hasNvcc)(
  'the kernels compile as device code without warnings (needs nvcc)',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hrn-device-'));
    try {
      const source = join(root, 'test', 'native', 'device', 'kernels.cu');
      const flags = ['-std=c++20', '-arch=compute_80', '-ptx', '--fmad=false', '-Werror', 'all-warnings'];
      const nvcc = spawn('nvcc', [...flags, '-I', join(root, 'native'), source, '-o', join(folder, 'kernels.ptx')]);
      let output = '';
      for (const stream of [nvcc.stdout, nvcc.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
        });
      }
      const status = await new Promise((resolve, reject) => nvcc.on('error', reject).on('close', resolve));
      expect(output).toBe('');
      expect(status).toBe(0);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  180_000,
);

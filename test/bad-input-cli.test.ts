import { spawn, spawnSync } from 'node:child_process';
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, runCli } from './cli-process.js';
import { blank } from './photos.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const ASTRONAUT = join(root, 'examples', 'astronaut.png');
const QUICK = ['--detail', 'coarse', '--texture-size', '256', '--no-preview'];

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-bad-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('bad images', () => {
  /** File name and the code that it must fail with. */
  const EXPECTED: Record<string, string> = {
    'missing.jpg': 'FILE_NOT_FOUND',
    'folder.jpg': 'IS_DIRECTORY',
    'text.jpg': 'NOT_AN_IMAGE',
    'empty.png': 'IMAGE_EMPTY',
    'cut.jpg': 'IMAGE_TRUNCATED',
    'cut.png': 'IMAGE_TRUNCATED',
    'cut.webp': 'IMAGE_TRUNCATED',
    'large.png': 'IMAGE_TOO_LARGE',
    'pixel.png': 'IMAGE_TOO_SMALL',
    'blank.png': 'NO_FACE',
    'small.png': 'FACE_TOO_SMALL',
  };
  let run: Finished;
  beforeAll(async () => {
    await mkdir(at('folder.jpg'));
    await writeFile(at('text.jpg'), 'not an image');
    await writeFile(at('empty.png'), '');
    for (const [name, format] of [
      ['cut.jpg', 'jpeg'],
      ['cut.png', 'png'],
      ['cut.webp', 'webp'],
    ] as const) {
      const bytes = await sharp(ASTRONAUT).toFormat(format).toBuffer();
      await writeFile(at(name), bytes.subarray(0, bytes.length * 0.7));
    }
    await sharp({ create: { width: 16_500, height: 40, channels: 3, background: 'red' } }).toFile(at('large.png'));
    await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } }).toFile(at('pixel.png'));
    await sharp(blank(300, 300).data, { raw: { width: 300, height: 300, channels: 3 } }).toFile(at('blank.png'));
    await sharp(ASTRONAUT).resize(120).toFile(at('small.png'));
    await copyFile(ASTRONAUT, at('good.png'));
    const images = [...Object.keys(EXPECTED), 'good.png'].map((name) => at(name));
    run = await runCli(['fit', ...images, '--out', at('out'), ...QUICK]);
  });

  it.each(Object.entries(EXPECTED))('%s: %s, in one line that says what to do', (name, code) => {
    const lines = run.stderr.split('\n').filter((line) => line.includes(`/${name}: ${code}: `));
    expect(lines, run.stderr).toHaveLength(1);
    expect(lines[0]!.length).toBeGreaterThan(name.length + code.length + 40);
  });

  it('leave the good one done, nothing else written, and exit code 1', async () => {
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(Object.keys(EXPECTED).length);
    expect(run.code).toBe(1);
    expect(await readdir(at('out'))).toEqual(['good.glb']);
  });
});

describe('limits', () => {
  it('can be set', async () => {
    for (const command of [['fit', '--out', at('limits')], ['detect']]) {
      const { code, stderr } = await runCli([...command, ASTRONAUT, '--max-pixels', '1000']);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('IMAGE_TOO_LARGE') });
    }
  });
});

describe('a wrong device or model', () => {
  it.each([
    [['--device', 'cuda:999'], 'DEVICE_UNAVAILABLE', 1],
    [['--device', 'gpu'], 'INVALID_OPTION', 2],
    [['--detail', 'fine'], 'INVALID_OPTION', 2],
    [['--models', '/nowhere'], 'MODEL_MISSING', 1],
  ] as const)('%j: %s', async (flags, code, expected) => {
    const out = at('device');
    const { code: status, stderr } = await runCli(['fit', ASTRONAUT, '--out', out, ...flags]);
    expect({ status, stderr }).toEqual({ status: expected, stderr: expect.stringContaining(`: ${code}: `) });
    expect(await readdir(out).catch(() => [])).toEqual([]);
  });

  it('a corrupted model', async () => {
    const models = at('models');
    await cp(join(root, 'models'), models, { recursive: true, filter: (path) => !/models.build|licences/.test(path) });
    const bytes = await readFile(join(models, 'face-landmarks.onnx'));
    bytes[1000]! ^= 1;
    await writeFile(join(models, 'face-landmarks.onnx'), bytes);
    const { code, stderr } = await runCli(['fit', ASTRONAUT, '--out', at('corrupt'), '--models', models]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('MODEL_CORRUPT: ') });
    expect(await readdir(at('corrupt'))).toEqual([]);
  });
});

describe('a full disk', () => {
  const shell = (script: string) =>
    new Promise<{ code: number | null; stderr: string }>((resolve) => {
      const child = spawn('bash', ['-c', script, process.execPath, join(root, 'dist', 'cli', 'main.js'), ASTRONAUT]);
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (part: string) => {
        stderr += part;
      });
      child.stdout.resume();
      child.on('close', (code) => resolve({ code, stderr }));
    });

  it('met as a file-size limit: DISK_FULL, and nothing left behind', async () => {
    const out = at('limited');
    const { code, stderr } = await shell(`ulimit -f 64; "$0" "$1" fit "$2" --out "${out}" ${QUICK.join(' ')}`);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(': DISK_FULL: ') });
    expect(await readdir(out)).toEqual([]);
  });

  // A file system of 256 kB in a mount namespace of its own: where the kernel lets us.
  const namespaces = spawnSync('unshare', ['-rm', 'true']).status === 0;
  it.skipIf(!namespaces)('met as a tiny file system: DISK_FULL, and nothing left behind', async () => {
    const out = at('tiny');
    await mkdir(out);
    const { code, stderr } = await shell(
      `exec unshare -rm bash -c 'mount -t tmpfs -o size=256k none "$3" && "$0" "$1" fit "$2" --out "$3" ${QUICK.join(' ')}
       status=$?; ls -A "$3" >&2; exit $status' "$0" "$1" "$2" "${out}"`,
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/: DISK_FULL: [^\n]*\n$/) });
  });
});

describe('an output folder', () => {
  it('in whose place, or on whose way, is a file', async () => {
    await writeFile(at('file'), '');
    for (const out of [at('file'), at('file', 'inside'), '/dev/null/x']) {
      const { code, stderr } = await runCli(['fit', ASTRONAUT, '--out', out, ...QUICK]);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('OUTPUT_NOT_WRITABLE: ') });
    }
  });
});

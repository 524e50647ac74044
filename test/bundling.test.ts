import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// docs/bundling.md, with esbuild.
const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-bundle-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(root, join(folder, 'node_modules', 'hrn-face'), 'junction');
  const photo = JSON.stringify(join(root, 'examples', 'astronaut.png'));
  const program = `import { detect, version } from 'hrn-face';
    detect(${photo}).then((faces) => console.log(version.length > 0, faces.length));`;
  await writeFile(join(folder, 'program.ts'), program);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const bundle = async (format: 'esm' | 'cjs', external: string[]) => {
  const outfile = join(
    folder,
    external.length > 0 ? 'out' : 'inside',
    format === 'esm' ? 'program.mjs' : 'program.cjs',
  );
  await build({
    entryPoints: [join(folder, 'program.ts')],
    bundle: true,
    platform: 'node',
    logLevel: 'silent',
    format,
    outfile,
    external: [...external, '*.node'],
  });
  return outfile;
};

describe('a bundle', () => {
  it.each(['esm', 'cjs'] as const)('with hrn-face outside works: %s', async (format) => {
    const { stdout, stderr } = await run(process.execPath, [await bundle(format, ['hrn-face'])]);
    expect({ stdout, stderr }).toEqual({ stdout: 'true 1\n', stderr: expect.not.stringContaining('Error') });
  });

  it.each(['esm', 'cjs'] as const)('with hrn-face inside says what to do: %s', async (format) => {
    const outfile = await bundle(format, []);
    await expect(run(process.execPath, [outfile])).rejects.toMatchObject({
      stderr: expect.stringMatching(/hrn-face cannot be bundled.*--external:hrn-face.*docs\/bundling\.md/),
    });
  });
});

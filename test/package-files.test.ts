import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';

const read = async (path: string) => JSON.parse(await readFile(new URL(`../${path}`, import.meta.url), 'utf8'));

describe('package-lock.json', () => {
  it('names no download address and pins every package by hash', async () => {
    const { packages } = (await read('package-lock.json')) as { packages: Record<string, Record<string, unknown>> };
    const entries = Object.entries(packages).filter(([path]) => path !== '');
    expect(entries.length).toBeGreaterThan(50);
    expect(entries.filter(([, entry]) => 'resolved' in entry).map(([path]) => path)).toEqual([]);
    expect(entries.filter(([, entry]) => !entry.integrity && !entry.inBundle).map(([path]) => path)).toEqual([]);
  });

  it('keeps npm 10 from running the install script of onnxruntime-node, which downloads; npm 11 has allowScripts', async () => {
    const { packages } = await read('package-lock.json');
    expect(packages['node_modules/onnxruntime-node']).not.toHaveProperty('hasInstallScript');
    expect((await read('package.json')).allowScripts).toMatchObject({ 'onnxruntime-node': false });
  });

  it('agrees with package.json', async () => {
    const manifest = await read('package.json');
    const root = (await read('package-lock.json')).packages[''];
    for (const field of ['version', 'dependencies', 'devDependencies', 'engines'])
      expect(root[field]).toEqual(manifest[field]);
  });
});

describe('package.json', () => {
  it('names no repository but the one that is published from', async () => {
    const { publishedManifest, repositoryField } = await import('../scripts/packages/manifests.mjs');
    const checkout = await read('package.json');
    expect(checkout).not.toHaveProperty('repository');
    expect(repositoryField({})).toEqual({});
    const url = 'git+https://example.org/one/hrn-face.git';
    expect(repositoryField({ HRN_REPOSITORY: url })).toEqual({ repository: { type: 'git', url } });
    expect(repositoryField({ GITHUB_SERVER_URL: 'https://example.org', GITHUB_REPOSITORY: 'one/hrn-face' })).toEqual({
      repository: { type: 'git', url },
    });
    expect(publishedManifest(checkout)).toMatchObject({ bin: { hrn: 'dist/cli/main.js' } });
  });

  it("runs no install script but the checkout's own", async () => {
    const { packages } = (await read('package-lock.json')) as { packages: Record<string, Record<string, unknown>> };
    const scripted = Object.keys(packages).filter((path) => packages[path]?.hasInstallScript && path !== '');
    const { allowScripts } = await read('package.json');
    expect(scripted.map((path) => allowScripts[path.replace(/^.*node_modules\//, '')])).toEqual(
      scripted.map(() => false),
    );
  });

  it('has no script build: npm would run prebuild before it', async () => {
    expect((await read('package.json')).scripts).not.toHaveProperty('build');
  });

  it('pins exact versions', async () => {
    const { dependencies, devDependencies } = await read('package.json');
    for (const version of Object.values({ ...dependencies, ...devDependencies }))
      expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  });
});

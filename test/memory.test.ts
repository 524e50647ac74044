import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const INDEX = new URL('../dist/index.js', import.meta.url).href;
const PHOTO = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));

/** Peak of a process that makes one head, bytes. */
function peakBytes(textureSize: number): number {
  const script = `
    const { create } = await import('${INDEX}');
    const hrn = await create({ device: 'cpu' });
    await hrn.fit(${JSON.stringify(PHOTO)}, { detail: 'coarse', textureSize: ${textureSize} });
    await hrn.dispose();
    console.log(process.resourceUsage().maxRSS);`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
  if (status !== 0) throw new Error(`${stderr}`);
  return 1024 * Number(`${stdout}`.trim());
}

// README.md, "Memory": the limits here leave some room above what it says.
it('grows with the texture by what the documentation says', { timeout: 60_000 }, () => {
  const [small, large] = [1024, 4096] as const;
  const [least, most] = [peakBytes(small), peakBytes(large)];
  expect((most - least) / (large ** 2 - small ** 2)).toBeLessThan(11);
  expect(least / 1e6).toBeLessThan(500);
});

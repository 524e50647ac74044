import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { canRunReference, fixture, numbersOf, referenceCode, runReference } from './peer.js';

const V = 41 * 41;
const lossesFile = fileURLToPath(new URL('../native/fixtures/reference_losses.inc', import.meta.url));

/** The largest difference in shares of the largest value. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let [worst, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return worst / largest;
}

it.skipIf(!canRunReference)(
  `networks, losses and the loop are what is kept here (${referenceCode})`,
  async () => {
    await runReference('oracle_parts.py', [fixture('network-shapes.json')], '.', (folder) => {
      for (const name of ['coefficients', 'mid', 'high', 'retouch'])
        expect(apart(numbersOf(join(folder, `${name}.npy`)), numbersOf(fixture(`${name}.npy`)))).toBeLessThan(1e-5);
      const fresh = JSON.parse(readFileSync(join(folder, 'losses.json'), 'utf8'));
      const kept = [...readFileSync(lossesFile, 'utf8').matchAll(/\{"(\w+)", ([^,]+), \{([^}]*)\}/g)];
      expect(kept.map(([, name]) => name).sort()).toEqual(Object.keys(fresh).sort());
      for (const [, name, value, gradient] of kept) {
        expect(Math.abs(fresh[name!].value / Number(value) - 1)).toBeLessThan(1e-6);
        expect(apart(fresh[name!].gradient, gradient!.split(',').map(Number))).toBeLessThan(1e-6);
      }
      const [now, then] = [numbersOf(join(folder, 'loop.npy')), numbersOf(fixture('loop.npy'))];
      expect(Math.abs(now[0]! / then[0]! - 1)).toBeLessThan(1e-5);
      // Where a vertex lies on a pixel's centre two machines may see another triangle.
      expect(apart(now.subarray(0, 10), then.subarray(0, 10))).toBeLessThan(1e-3);
      expect(apart(now.subarray(-3 * V), then.subarray(-3 * V))).toBeLessThan(1e-3);
    });
  },
  300_000,
);

import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Hrn } from '../lib/hrn.js';
import { create } from '../lib/index.js';
import { astronaut } from './photos.js';

/** Processor time of this thread, which other programs do not lengthen; known on Linux alone. */
const TIMES = '/proc/thread-self/schedstat';
const processorMs = () => Number(readFileSync(TIMES, 'utf8').split(' ')[0]) / 1e6;
/** What takes longer belongs in a native job. A warm fit's longest turn is 10 ms on a slow core. */
const LONGEST_TURN_MS = 40;

describe.skipIf(!existsSync(TIMES))('the event loop (skipped where a thread cannot tell its processor time)', () => {
  let instance: Hrn;
  beforeAll(async () => {
    instance = await create({ device: 'cpu' });
  });
  afterAll(() => instance.dispose());

  it('has its turn all through a warm fit', { timeout: 120_000 }, async () => {
    const photo = await astronaut();
    await instance.fit(photo);
    const longest: number[] = [];
    for (let run = 0; run < 3; run++) {
      let [last, most, turns] = [processorMs(), 0, 0];
      const watch = setInterval(() => {
        const now = processorMs();
        [last, most, turns] = [now, Math.max(most, now - last), turns + 1];
      }, 1);
      await instance.fit(photo);
      clearInterval(watch);
      expect(turns).toBeGreaterThan(20);
      longest.push(most);
    }
    // The least of three: the engine compiles and collects garbage when it likes.
    expect(Math.min(...longest)).toBeLessThan(LONGEST_TURN_MS);
  });
});

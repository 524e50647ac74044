import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Document, Schedule } from '../bench/gpu/schedule.js';
import { jsonLines, type Step } from '../bench/gpu/step.js';

/** A step that runs JavaScript; what it prints as JSON are its figures. */
function step(name: string, source: string, limits: Partial<Step> = {}): Step {
  return {
    name,
    command: [process.execPath, '-e', source],
    limitS: 30,
    leastS: 0,
    read: ({ text }) => ({
      figures: jsonLines(text).flatMap((line) =>
        Object.entries(line).map(([figure, value]) => ({ name: figure, value: value as number, unit: 'ms' })),
      ),
    }),
    ...limits,
  };
}
const says = (value: number) => `console.log('{"figure": ${value}}')`;

describe('the schedule of .ci/gpu', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hrn-schedule-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const schedule = (resume = false) => new Schedule(folder, { gpu: 'none' }, { resume });
  const kept = () => JSON.parse(readFileSync(join(folder, 'gpu.json'), 'utf8')) as Document;
  const states = () => Object.fromEntries(kept().results.map(({ name, state }) => [name, state]));

  it('keeps figures, and what is wanted of them, as JSON and CSV', async () => {
    const read: Step['read'] = () => ({ figures: [{ name: 'fit', value: 120, unit: 'ms', limit: 100, at: 'most' }] });
    await schedule().run([step('fits', '', { read })], 60);
    expect(kept().results).toMatchObject([{ name: 'fits', state: 'done', figures: [{ value: 120, limit: 100 }] }]);
    expect(readFileSync(join(folder, 'gpu.csv'), 'utf8')).toBe(
      '"step","figure","value","unit","wanted","limit","met"\n"fits","fit",120,"ms","at most",100,false\n',
    );
  });

  it('ends a step whose time is over with all that it started, and keeps what it had said', async () => {
    const child = "require('node:child_process').execFileSync('sleep', ['60'])";
    const begin = performance.now();
    await schedule().run([step('slow', `${says(1)}; ${child}`, { limitS: 1 })], 60);
    expect(performance.now() - begin).toBeLessThan(10_000);
    expect(kept().results).toMatchObject([{ name: 'slow', state: 'stopped', figures: [{ value: 1 }] }]);
  });

  it('does not begin what the time left is too short for', async () => {
    await schedule().run([step('long', says(1), { leastS: 20 }), step('short', says(2))], 10);
    expect(states()).toEqual({ long: 'not reached', short: 'done' });
  });

  it('says what failed, what cannot run here, and goes on', async () => {
    const steps = [
      step('fails', 'process.exit(3)'),
      step('odd', says(1), {
        read: () => {
          throw new Error('no such figure');
        },
      }),
      { ...step('absent', ''), command: undefined, reason: 'not here' } as unknown as Step,
      step('last', says(2)),
    ];
    await schedule().run(steps, 60);
    expect(kept().results.map(({ state, reason }) => [state, reason])).toEqual([
      ['failed', 'ended with status 3'],
      ['failed', expect.stringContaining('no such figure')],
      ['skipped', 'not here'],
      ['done', undefined],
    ]);
  });

  it('goes on where it stopped: what is done is not run again', async () => {
    await schedule().run([step('first', says(1)), step('second', says(2), { leastS: 99 })], 30);
    await schedule(true).run([step('first', 'process.exit(1)'), step('second', says(3))], 30);
    expect(kept().results).toMatchObject([
      { name: 'first', state: 'done', figures: [{ value: 1 }] },
      { name: 'second', state: 'done', figures: [{ value: 3 }] },
    ]);
    await schedule().run([step('second', says(4))], 30);
    expect(states()).toEqual({ second: 'done' });
  });
});

import { describe, expect, it } from 'vitest';
import { type ProgressEvent, ProgressReporter, STAGES } from '../lib/progress.js';

describe('ProgressReporter', () => {
  it('goes from 0 to 1 and never back, whatever is reported', () => {
    const events: ProgressEvent[] = [];
    const progress = new ProgressReporter((event) => events.push(event));
    for (const stage of STAGES) {
      const report = progress.of(stage);
      report(0, 10);
      report(7, 10);
      report(3, 10);
      if (stage !== 'decode') progress.report('decode', 9, 10);
      report(10, 10);
    }
    expect(events.map(({ stage }) => stage)).toEqual(STAGES.flatMap((stage) => [stage, stage, stage]));
    expect(events[0]!.fraction).toBe(0);
    expect(events.at(-1)!.fraction).toBe(1);
    for (let i = 1; i < events.length; ++i) expect(events[i]!.fraction).toBeGreaterThanOrEqual(events[i - 1]!.fraction);
  });

  it('goes to 1 without the stages that are skipped', () => {
    const fractions: number[] = [];
    const progress = new ProgressReporter(({ fraction }) => fractions.push(fraction), ['detail', 'regress']);
    for (const stage of STAGES) if (stage !== 'detail' && stage !== 'regress') progress.report(stage, 1, 1);
    expect(fractions.at(-1)).toBe(1);
    expect(fractions.at(-2)).toBeGreaterThan(0.75);
  });

  it('ends a stage that converged early in the steps it counted in', () => {
    const steps: [number, number][] = [];
    const progress = new ProgressReporter(({ done, total }) => steps.push([done, total]));
    for (const [done, total] of [
      [0, 1],
      [1, 20],
      [8, 20],
      [1, 1],
      [1, 1],
    ] as const) {
      progress.report('refine', done, total);
    }
    expect(steps).toEqual([
      [0, 1],
      [1, 20],
      [8, 20],
      [20, 20],
    ]);
  });

  it('passes on what the listener throws', () => {
    const progress = new ProgressReporter(() => {
      throw new RangeError('mine');
    });
    expect(() => progress.report('detect', 0, 1)).toThrow('mine');
  });

  it('takes no listener', () => {
    new ProgressReporter(undefined).report('detect', 0, 1);
  });
});

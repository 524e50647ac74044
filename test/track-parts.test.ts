import { describe, expect, it } from 'vitest';
import { pictures } from '../lib/track/ffmpeg.js';
import type { TrackedFrame } from '../lib/track/frame.js';
import { liveLinkCsv } from '../lib/track/live-link.js';
import { quaternionOf, rotationOf } from '../lib/track/rotation.js';
import { smoothed } from '../lib/track/smooth.js';

describe('pictures of a pipe', () => {
  it('come whole, wherever the pipe cuts them', async () => {
    const picture = (value: number) => Buffer.concat([Buffer.from('P6\n3 2\n255\n'), Buffer.alloc(18, value)]);
    const bytes = Buffer.concat([picture(1), picture(2)]);
    for (const size of [1, 5, 7, 29, 1000]) {
      async function* chunks() {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      }
      const found = [];
      for await (const { width, height, data } of pictures(chunks())) found.push([width, height, ...new Set(data)]);
      expect(found).toEqual([
        [3, 2, 1],
        [3, 2, 2],
      ]);
    }
  });
});

describe('the motion filter', () => {
  const noise = Float64Array.of(0.02);
  const series = (value: (i: number) => number) => Array.from({ length: 21 }, (_, i) => Float64Array.of(value(i)));

  it('keeps steady motion and acceleration, without lag', () => {
    const values = series((i) => 0.1 + 0.004 * i + 0.0005 * i * i);
    for (const at of [0, 5, 10, 20]) expect(smoothed(values, at, noise)[0]).toBeCloseTo(values[at]![0]!, 6);
  });

  it('removes jitter', () => {
    const values = series((i) => 0.3 + 0.02 * Math.sin(7 * i * i));
    const second = (list: number[]) =>
      list.slice(2).reduce((sum, value, i) => sum + Math.abs(value - 2 * list[i + 1]! + list[i]!), 0);
    const after = values.map((_, i) => smoothed(values, i, noise)[0]!);
    expect(second(after)).toBeLessThan(0.4 * second(values.map(([value]) => value!)));
  });

  it('keeps a blink as high as it is, and reaches across no gap', () => {
    const values = series((i) => (i === 10 ? 0.9 : i === 9 || i === 11 ? 0.5 : 0.05));
    expect(smoothed(values, 10, noise)[0]).toBeGreaterThan(0.85);
    expect(smoothed(values, 7, noise)[0]).toBeLessThan(0.08);
    const cut = [...series(() => 0).slice(0, 3), undefined, ...series(() => 1)];
    expect(smoothed(cut, 2, noise)[0]).toBeCloseTo(0, 6);
    expect(smoothed(cut, 4, noise)[0]).toBeCloseTo(1, 6);
  });
});

describe('rotations', () => {
  it('are the same by way of quaternions', () => {
    const turns: [number, number, number, number][] = [
      [0, 0, 0, 1],
      [1, 0, 0, 0],
      [0.1, -0.7, 0.2, 0.3],
      [0.6, 0.1, -0.9, -0.01],
    ];
    for (const q of turns) {
      const rotation = rotationOf(...q);
      const [x, y, z, w] = quaternionOf(rotation);
      const again = rotationOf(x, y, z, w);
      for (let k = 0; k < 9; k++) expect(again[k]).toBeCloseTo(rotation[k]!, 9);
    }
  });
});

describe('the Live Link Face CSV', () => {
  const frame = (index: number, expression: Record<string, number>): TrackedFrame => ({
    index,
    timeSeconds: 61.5 + index / 60,
    status: 'tracked',
    cut: false,
    expression,
    // Turned by 30 degrees to the subject's left.
    pose: { rotation: [0.866, 0, 0.5, 0, -1, 0, 0.5, 0, -0.866], translation: [0, 0, 600] },
    camera: { focalLengthPx: 1000, principalPointPx: [320, 240] },
    lighting: new Float32Array(27),
    quality: { landmarkErrorPercent: 1, presence: 1, sharpness: 1 },
  });

  it('has a line a frame, 52 shapes and nine angles', () => {
    const frames = [frame(0, { jawOpen: 0.25, eyeLookOutLeft: 1 }), { ...frame(1, {}), status: 'lost' as const }];
    const [header, row, ...others] = liveLinkCsv(frames).trimEnd().split('\n');
    expect(others).toEqual([]);
    const names = header!.split(',');
    const values = row!.split(',');
    expect(names).toHaveLength(63);
    expect(values).toHaveLength(63);
    expect(names.slice(0, 4)).toEqual(['Timecode', 'BlendshapeCount', 'EyeBlinkLeft', 'EyeLookDownLeft']);
    const value = (name: string) => Number(values[names.indexOf(name)]);
    expect(values.slice(0, 2)).toEqual(['00:01:01:30.000', '61']);
    expect(value('JawOpen')).toBe(0.25);
    expect(value('HeadYaw')).toBeCloseTo(Math.PI / 6, 3);
    expect(value('HeadRoll')).toBeCloseTo(0, 3);
    expect(value('LeftEyeYaw')).toBeCloseTo((26 * Math.PI) / 180, 5);
  });
});

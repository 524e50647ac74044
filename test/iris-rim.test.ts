import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeContext } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';
import { measureIrises } from '../lib/stages/iris-rim.js';
import { jointMetricScale } from '../lib/stages/iris-scale.js';
import type { DenseLandmarks } from '../lib/stages/landmarks.js';
import { IMAGE_LEFT_IRIS, IMAGE_RIGHT_IRIS } from '../lib/stages/mesh-points.js';
import { Photo } from '../lib/stages/photo.js';

const [WIDTH, HEIGHT] = [300, 120];
const EYES = [
  [80.3, 60.7],
  [219.6, 59.2],
] as const;

/** Irises of these diameters in the whites of eyes, under lids that cover their tops. */
function drawEyes(diameters: readonly [number, number]): Uint8Array {
  const data = new Uint8Array(3 * WIDTH * HEIGHT);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      let value = 150;
      for (const [eye, [cx, cy]] of EYES.entries()) {
        const [dx, dy] = [x + 0.5 - cx, y + 0.5 - cy];
        if ((dx / 32) ** 2 + ((dy - 1) / 10) ** 2 > 1) continue;
        const inside = Math.min(1, Math.max(0, diameters[eye]! / 2 - Math.hypot(dx, dy) + 0.5));
        value = 200 + inside * (60 - 200);
      }
      data.fill(value, 3 * (y * WIDTH + x), 3 * (y * WIDTH + x) + 3);
    }
  }
  return data;
}

/** As a network sees them that takes every iris for 24 px wide. */
function seen(): DenseLandmarks {
  const pixels = new Float32Array(2 * 478);
  [IMAGE_LEFT_IRIS, IMAGE_RIGHT_IRIS].forEach(([centre, right, top, left, bottom], eye) => {
    const [x, y] = [EYES[eye]![0] + 1, EYES[eye]![1] - 0.6];
    for (const [point, dx, dy] of [
      [centre, 0, 0],
      [right, 12, 0],
      [top, 0, -12],
      [left, -12, 0],
      [bottom, 0, 12],
    ] as const)
      pixels.set([x + dx, y + dy], 2 * point!);
  });
  return { pixels, region: { x: WIDTH / 2, y: HEIGHT / 2, size: WIDTH, angle: 0 } } as unknown as DenseLandmarks;
}

describe('irises measured in the photo', () => {
  let context: NativeContext;
  const measure = async (data: Uint8Array) => {
    const photo = new Photo(context, { data, width: WIDTH, height: HEIGHT, channels: 3 });
    try {
      return await measureIrises(photo, seen());
    } finally {
      photo.dispose();
    }
  };
  beforeAll(() => {
    context = new (native().Context)({ threads: 1 });
  });
  afterAll(() => context.dispose());

  it.each([
    [24, 24],
    [21, 22],
    [27.5, 26.5],
  ] as const)('tells diameters of %f and %f px within 2 percent, whatever the network says', async (left, right) => {
    const [a, b] = await measure(drawEyes([left, right]));
    expect(Math.abs(a / left - 1)).toBeLessThan(0.02);
    expect(Math.abs(b / right - 1)).toBeLessThan(0.02);
  });

  it('tells nothing where there is no iris', async () => {
    expect(await measure(new Uint8Array(3 * WIDTH * HEIGHT).fill(150))).toEqual([0, 0]);
  });

  it('sets the size by the rims of photos from the front, and by nothing else where there are some', () => {
    const camera = {
      rotation: Float64Array.from([1, 0, 0, 0, -1, 0, 0, 0, -1]),
      translation: Float64Array.from([0, 0, 519]),
      focalPx: 1000,
    };
    // 11.7 mm at 500 mm are 23.4 px; a head fitted 10 % too small shows them larger by as much.
    const small = jointMetricScale([{ landmarks: seen(), camera, rims: [23.4 / 1.1, 23.4 / 1.1] }]);
    expect(small.source).toBe('iris');
    expect(Math.log(small.factor) / Math.log(1.1)).toBeGreaterThan(0.7);
    expect(small.factor).toBeLessThan(1.1);
    const right = jointMetricScale([{ landmarks: seen(), camera, rims: [23.4, 23.4] }]);
    expect(right.factor).toBeCloseTo(1, 9);
    const one = jointMetricScale([{ landmarks: seen(), camera, rims: [23.4, 0] }]);
    const none = jointMetricScale([{ landmarks: seen(), camera }]);
    expect(one).toEqual(none);
  });
});

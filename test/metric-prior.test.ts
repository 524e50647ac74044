import { describe, expect, it } from 'vitest';
import { focalLengthPrior } from '../lib/stages/focal-length.js';
import { metricScale } from '../lib/stages/iris-scale.js';
import type { DenseLandmarks } from '../lib/stages/landmarks.js';
import {
  ALL_POINTS,
  IMAGE_LEFT_IRIS,
  IMAGE_RIGHT_IRIS,
  LEFT_EYE_OUTER,
  RIGHT_EYE_OUTER,
} from '../lib/stages/mesh-points.js';

const blankLandmarks = () =>
  ({ pixels: new Float32Array(2 * ALL_POINTS), depth: new Float32Array(ALL_POINTS) }) as DenseLandmarks;

describe('focalLengthPrior', () => {
  /** Outer eye corners `width` pixels apart in the image and `deep` in depth. */
  function eyes(width: number, deep = 0): DenseLandmarks {
    const landmarks = blankLandmarks();
    landmarks.pixels.set([300 - width / 2, 200], 2 * RIGHT_EYE_OUTER);
    landmarks.pixels.set([300 + width / 2, 200], 2 * LEFT_EYE_OUTER);
    landmarks.depth[LEFT_EYE_OUTER] = deep;
    return landmarks;
  }

  it('takes what the caller knows as known', () => {
    expect(focalLengthPrior(eyes(100), 1234, 800)).toEqual({ px: 1234, logSigma: 0, source: 'option' });
  });

  it('takes EXIF nearly as known', () => {
    const prior = focalLengthPrior(eyes(100), undefined, 800);
    expect(prior).toMatchObject({ px: 800, source: 'exif' });
    expect(prior.logSigma).toBeGreaterThan(0);
    expect(prior.logSigma).toBeLessThan(focalLengthPrior(eyes(100), undefined, undefined).logSigma);
  });

  it('else puts the face at a usual distance: a larger face, a longer lens', () => {
    const one = focalLengthPrior(eyes(100), undefined, undefined);
    expect(one.source).toBe('estimated');
    expect(one.logSigma).toBeGreaterThan(0.1);
    expect(focalLengthPrior(eyes(300), undefined, undefined).px).toBeCloseTo(3 * one.px, 3);
    // Of a head about 0.3 to 2 metres away, whose outer eye corners are nearly a decimetre apart.
    const distanceMm = (one.px * 92) / 100;
    expect(distanceMm).toBeGreaterThan(300);
    expect(distanceMm).toBeLessThan(2000);
  });

  it('does not take a turned head for a distant one', () => {
    const turned = focalLengthPrior(eyes(60, 80), undefined, undefined);
    expect(turned.px).toBeCloseTo(focalLengthPrior(eyes(100), undefined, undefined).px, 3);
    expect(focalLengthPrior(eyes(60, -80), undefined, undefined).px).toBeCloseTo(turned.px, 6);
  });
});

describe('metricScale', () => {
  const IRIS_MM = 11.7;
  interface Eyes {
    /** Horizontal and vertical diameters of both irises, pixels. */
    wide?: readonly [number, number];
    high?: readonly [number, number];
    opening?: readonly [number, number];
    yawDegrees?: number;
    focalPx?: number;
    distanceMm?: number;
  }

  function scaleOf({
    wide = [23.4, 23.4],
    high = wide,
    opening = wide,
    yawDegrees = 0,
    focalPx = 1000,
    distanceMm = 500,
  }: Eyes) {
    const landmarks = blankLandmarks();
    const lids = [
      [159, 145],
      [386, 374],
    ] as const;
    [IMAGE_LEFT_IRIS, IMAGE_RIGHT_IRIS].forEach(([centre, right, top, left, bottom], eye) => {
      const [x, y] = [200 + 100 * eye, 150];
      const put = (point: number, dx: number, dy: number) => landmarks.pixels.set([x + dx, y + dy], 2 * point);
      put(centre!, 0, 0);
      put(right!, wide[eye]! / 2, 0);
      put(left!, -wide[eye]! / 2, 0);
      put(top!, 0, -high[eye]! / 2);
      put(bottom!, 0, high[eye]! / 2);
      put(lids[eye]![0], 0, -opening[eye]! / 2);
      put(lids[eye]![1], 0, opening[eye]! / 2);
    });
    const [c, s] = [Math.cos((yawDegrees * Math.PI) / 180), Math.sin((yawDegrees * Math.PI) / 180)];
    const rotation = Float64Array.from([c, 0, s, 0, -1, 0, s, 0, -c]);
    return metricScale(landmarks, { rotation, translation: Float64Array.from([0, 0, distanceMm]), focalPx });
  }
  const prior = { factor: 1, source: 'prior' };

  it.each([0.9, 0.95, 1, 1.04, 1.1])('goes part of the way to the size %f that the irises tell', (reading) => {
    // An iris of 11.7 mm at `reading` times the fitted distance.
    const px = (IRIS_MM * 1000) / (500 * reading);
    const scale = scaleOf({ wide: [px, px] });
    expect(scale.source).toBe('iris');
    // The reading is the less certain of the two.
    const share = reading === 1 ? 1 / 3 : Math.log(scale.factor) / Math.log(reading);
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.5);
    if (reading === 1) expect(scale.factor).toBeCloseTo(1, 6);
    expect(scale.irisDiameterPx).toBeCloseTo(px, 3);
  });

  it('averages both diameters of both eyes', () => {
    const scale = scaleOf({ wide: [22, 18], high: [19, 24.8], opening: [20, 20] });
    expect(scale.irisDiameterPx).toBeCloseTo((22 + 18 + 19 + 24.8) / 4, 3);
  });

  it('does not depend on what the camera is, only on the size in millimetres', () => {
    const one = scaleOf({});
    expect(scaleOf({ focalPx: 2000, distanceMm: 1000 }).factor).toBeCloseTo(one.factor, 9);
  });

  it('keeps the prior size with one eye closed', () => {
    expect(scaleOf({ opening: [23, 2], distanceMm: 550 })).toEqual(prior);
    expect(scaleOf({ opening: [2, 23], distanceMm: 550 })).toEqual(prior);
  });

  // A reading 10 % too small: how much of it is believed.
  const share = (eyes: Eyes) => Math.log(scaleOf({ ...eyes, distanceMm: 550 }).factor) / Math.log(500 / 550);

  it('believes irises the less the further the head is turned, without a jump', () => {
    const shares = Array.from({ length: 71 }, (_, degrees) => {
      const across = 23.4 * Math.cos((degrees * Math.PI) / 180);
      return share({ yawDegrees: degrees, wide: [across, across], high: [23.4, 23.4], opening: [20, 20] });
    });
    for (const [i, value] of shares.entries()) if (i > 0) expect(value).toBeLessThanOrEqual(shares[i - 1]!);
    expect(shares[30]).toBeGreaterThan(0.15);
    expect(shares[50]).toBeLessThan(0.05);
    expect(largestStep(shares)).toBeLessThan(0.02);
  });

  it('and the less the fewer pixels they have, without a jump', () => {
    const shares = Array.from({ length: 50 }, (_, i) => {
      const px = 25 - i / 2;
      return share({ wide: [px, px], focalPx: (1000 * px) / 23.4 });
    });
    for (const [i, value] of shares.entries()) if (i > 0) expect(value).toBeLessThanOrEqual(shares[i - 1]!);
    expect(largestStep(shares)).toBeLessThan(0.06);
    expect(shares.at(-1)).toBeLessThan(0.06);
  });

  it('and the less the lids are open, without a jump', () => {
    const shares = Array.from({ length: 100 }, (_, i) => share({ opening: [20 - i / 5, 20] }));
    for (const [i, value] of shares.entries()) if (i > 0) expect(value).toBeLessThanOrEqual(shares[i - 1]!);
    expect(largestStep(shares)).toBeLessThan(0.02);
  });

  it('moves the size by a few percent at most, whatever the irises say', () => {
    for (const distanceMm of [150, 200, 300, 400, 450, 550, 600, 700, 1500]) {
      expect(Math.abs(Math.log(scaleOf({ distanceMm }).factor))).toBeLessThan(0.035);
    }
    expect(scaleOf({ wide: [Number.NaN, 20] })).toEqual(prior);
  });
});

function largestStep(values: readonly number[]): number {
  return Math.max(...values.slice(1).map((value, i) => Math.abs(value - values[i]!)));
}

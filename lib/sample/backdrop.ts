/** What stands behind a synthetic head: a soft, blotchy wall and, below the neck, a plain garment. */
import type { Backdrop } from './portrait-renderer.js';
import type { Random } from './random.js';

/** Where the shoulders go, in pixels of the picture. */
export interface Shoulders {
  /** Middle of the neck's lower end. */
  neckPx: readonly [number, number];
  /** Half the width of the neck there. */
  halfNeckPx: number;
}

const BLOTCHES = 5;

/** A random backdrop for a picture of `size` pixels a side. */
export function randomBackdrop(random: Random, size: number, { neckPx, halfNeckPx }: Shoulders): Backdrop {
  const grey = random.uniform(0.15, 0.85);
  const tinted = (): number[] => [0, 1, 2].map(() => random.normal(0, 0.03));
  const wall = tinted().map((c) => grey + c);
  const slope = [random.normal(0, 0.12), random.normal(0, 0.12)] as const;
  const blotches = Array.from({ length: BLOTCHES }, () => {
    const brightness = random.normal(0, 0.1);
    return {
      x: random.uniform(0, size),
      y: random.uniform(0, size),
      radius: random.uniform(0.12, 0.4) * size,
      colour: tinted().map((c) => c + brightness),
    };
  });
  const brightness = random.uniform(0.08, 0.65);
  const cloth = tinted().map((c) => brightness * (1 + 3 * c));
  const collar = random.uniform(0.15, 0.35) * halfNeckPx;
  return (x, y, rgb) => {
    const ramp = slope[0] * (x / size - 0.5) + slope[1] * (y / size - 0.5);
    for (let k = 0; k < 3; k++) rgb[k] = wall[k]! + ramp;
    for (const b of blotches) {
      const d = ((x - b.x) ** 2 + (y - b.y) ** 2) / (b.radius * b.radius);
      const weight = Math.exp(-d);
      for (let k = 0; k < 3; k++) rgb[k]! += weight * b.colour[k]!;
    }
    // Shoulders slope away from the neck and round off at about three neck widths.
    const across = Math.abs(x - neckPx[0]) / halfNeckPx;
    const slopeDown = 0.3 * Math.max(0, across - 1) + 0.1 * Math.max(0, across - 1) ** 2;
    const top = neckPx[1] - collar + halfNeckPx * (slopeDown + 1.5 * Math.max(0, across - 2.7) ** 2);
    const cover = Math.min(1, Math.max(0, (y - top) / 2 + 0.5));
    const shade = 0.85 + 0.15 * Math.cos(Math.min(3, across));
    for (let k = 0; k < 3; k++) rgb[k]! += cover * (cloth[k]! * shade - rgb[k]!);
  };
}

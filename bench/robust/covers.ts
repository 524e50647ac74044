/** What lies over faces. */
import type { Raster } from '../../lib/result.js';
import type { Random } from '../../lib/sample/random.js';

/** Masks of any colour, dark glasses, a hand's colour over one side or over the mouth. Faces lie about the middle. */
export function cover(random: Random, raster: Raster): Raster {
  const data = Uint8Array.from(raster.data);
  const { width, height } = raster;
  const unit = 0.5 * width;
  const [cx, cy] = [width / 2, height / 2];
  const at = (x: number, y: number) => 3 * (Math.round(y) * width + Math.round(x));
  const skin = [0, 1, 2].map((k) => data[at(cx, cy) + k]!);
  const colour = random.chance(0.3)
    ? skin.map((c) => c * random.uniform(0.8, 1.05))
    : [0, 1, 2].map(() => random.uniform(10, 245));
  const which = random.integer(4);
  const inside: ((u: number, v: number) => boolean)[] = [
    (u, v) => v > 0.08 && v < 0.75 && Math.abs(u) < 0.55,
    (u, v) => Math.abs(v + 0.13) < 0.11 && Math.abs(u) < 0.45,
    (u, v) => u > 0.02 && u < 0.7 && Math.abs(v) < 0.7,
    (u, v) => (u / 0.3) ** 2 + ((v - 0.32) / 0.2) ** 2 < 1,
  ];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!inside[which]!((x - cx) / unit, (y - cy) / unit)) continue;
      const shade = 1 + 0.05 * Math.sin(x * 0.4) * Math.sin(y * 0.3);
      for (let k = 0; k < 3; k++) data[3 * (y * width + x) + k] = Math.min(255, colour[k]! * shade);
    }
  }
  return { ...raster, data };
}

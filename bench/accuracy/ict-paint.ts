/**
 * Colours for ICT-FaceKit heads, which come without any: skin, brows, lips, eyes, teeth and cropped hair are painted as
 * functions of the neutral head's coordinates (mm), so that they move with the surface. Linear light, 0..1.
 */
import type { Random } from '../../lib/sample/random.js';
import { smoothstep } from '../../lib/smoothstep.js';
import type { IctModel, IctPart } from './ict-head.js';

type Rgb = readonly [number, number, number];
type Point = readonly [number, number];

export interface Paint {
  /** Writes the colour of a surface point; (x, y, z) lie on the neutral head. */
  (part: IctPart, x: number, y: number, z: number, rgb: Float64Array): void;
  /** Of plain skin. */
  tone: readonly number[];
}

const SKIN_TONES: readonly Rgb[] = [
  [0.62, 0.4, 0.3],
  [0.56, 0.34, 0.24],
  [0.48, 0.29, 0.2],
  [0.36, 0.2, 0.13],
  [0.22, 0.12, 0.075],
];
const HAIR: readonly Rgb[] = [
  [0.02, 0.014, 0.01],
  [0.05, 0.03, 0.018],
  [0.11, 0.065, 0.035],
];
const IRISES: readonly Rgb[] = [
  [0.05, 0.025, 0.012],
  [0.12, 0.065, 0.03],
  [0.12, 0.2, 0.26],
  [0.11, 0.16, 0.08],
];
/** Human irises hardly vary: 11.7 mm across. */
const IRIS_RADIUS_MM = 5.85;
const PUPIL_RADIUS_MM = 1.9;

/**
 * A random complexion for a head of `model`.
 *
 * @param positions of the head: its irises are as large as everybody's, whatever the size of its eyes
 */
export function randomPaint(model: IctModel, positions: ArrayLike<number>, random: Random): Paint {
  const landmark = (i: number): [number, number, number] => {
    const v = 3 * model.landmarks68[i]!;
    return [model.neutral[v]!, model.neutral[v + 1]!, model.neutral[v + 2]!];
  };
  const flat = (first: number, last: number): Point[] => {
    const points: Point[] = [];
    for (let i = first; i <= last; i++) points.push([landmark(i)[0], landmark(i)[1]]);
    return points;
  };
  const brows = [flat(17, 21), flat(22, 26).reverse()];
  const outerLips = flat(48, 59);
  const lids = [flat(36, 41), flat(42, 47)];
  const noseTip = landmark(30);
  const chin = landmark(8);
  const eyes = eyeballs(model, positions);

  const tone = pick(random, SKIN_TONES).map((c) => c * random.uniform(0.9, 1.1));
  const hair = pick(random, HAIR);
  const iris = pick(random, IRISES);
  const browStrength = random.uniform(0.65, 0.95);
  const beard = random.chance(0.35) ? random.uniform(0.1, 0.35) : 0;
  const lipRed = random.uniform(0.5, 0.9);
  const hairline = landmark(19)[1] + random.uniform(38, 50);
  const grain = random.uniform(0.03, 0.08);
  const grainSeed = random.integer(1 << 20);

  const paintSkin = (x: number, y: number, z: number, rgb: Float64Array): void => {
    const texture =
      1 + grain * (2 * valueNoise(x / 2, y / 2, z / 2, grainSeed) - 1 + valueNoise(x / 9, y / 9, z / 9, grainSeed));
    for (let k = 0; k < 3; k++) rgb[k] = tone[k]! * texture;
    // Cheeks, nose tip and ears are redder.
    const cheek = blob(Math.abs(x) - 42, y - (noseTip[1] + 2), 20) * 0.12 + blob(x, y - noseTip[1], 12) * 0.12;
    rgb[1]! *= 1 - cheek;
    rgb[2]! *= 1 - cheek;
    if (beard > 0) {
      const jaw =
        smoothstep(noseTip[1] - 8, noseTip[1] - 22, y) *
        smoothstep(chin[1] - 30, chin[1] - 10, y) *
        smoothstep(20, 45, z);
      mix(rgb, hair, beard * jaw);
    }
    const lips = z > 60 && isNear(outerLips, x, y) ? smoothstep(0.8, -0.8, polygonDistance(outerLips, x, y)) : 0;
    if (lips > 0) mix(rgb, [tone[0]! * 0.82, tone[1]! * 0.5, tone[2]! * 0.55], lips * lipRed);
    if (z > 50) {
      for (const lid of lids) {
        if (!isNear(lid, x, y)) continue;
        // The rim of the lids is darker, as lashes make it.
        const d = Math.abs(polygonDistance(lid, x, y));
        mix(rgb, [tone[0]! * 0.35, tone[1]! * 0.25, tone[2]! * 0.22], 0.6 * smoothstep(2.2, 0.6, d));
      }
      for (const brow of brows) {
        if (!isNear(brow, x, y)) continue;
        const [distance, along] = polylineDistance(brow, x, y + 2);
        const half = 4.2 - 2.2 * along;
        const strands = 0.75 + 0.5 * valueNoise(x * 1.3 + y, y * 0.4, z, grainSeed + 1);
        mix(rgb, hair, browStrength * strands * smoothstep(half + 1.2, half - 1.2, distance));
      }
    }
    // Cropped hair above the hairline and behind the temples.
    const temple = Math.max(0, Math.abs(x) - 45) * 0.9;
    const scalp =
      smoothstep(hairline - 4 - temple, hairline + 6 - temple, y) * 1 +
      smoothstep(0, -30, z) * smoothstep(-20, 10, y) * smoothstep(45, 60, Math.abs(x) + y);
    mix(rgb, hair, Math.min(0.92, scalp) * (0.8 + 0.2 * valueNoise(x, y, z, grainSeed + 2)));
  };

  const paint = (part: IctPart, x: number, y: number, z: number, rgb: Float64Array): void => {
    if (part === 'skin') paintSkin(x, y, z, rgb);
    else if (part === 'eye') paintEye(eyes[x < 0 ? 0 : 1]!, iris, x, y, z, rgb);
    else {
      // Little light reaches the inside of the mouth: the deeper, the darker.
      const light = smoothstep(landmark(48)[2] - 45, landmark(48)[2] + 5, z);
      rgb.set(part === 'teeth' ? [0.62, 0.56, 0.46] : part === 'gums' ? [0.4, 0.14, 0.13] : [0.3, 0.09, 0.08]);
      for (let k = 0; k < 3; k++) rgb[k]! *= 0.04 + 0.8 * light;
    }
  };
  return Object.assign(paint, { tone });
}

interface Eyeball {
  centre: [number, number, number];
  /** The head's over the neutral one's. */
  scale: number;
}

/** Right (x < 0) and left eyeball: centre of their vertices' bounding box in x and y, and of their back half in z. */
function eyeballs(model: IctModel, positions: ArrayLike<number>): Eyeball[] {
  return [-1, 1].map((side) => {
    const box = (of: ArrayLike<number>) => {
      const low = [Infinity, Infinity, Infinity];
      const high = [-Infinity, -Infinity, -Infinity];
      for (let t = 0; t < model.parts.length; t++) {
        if (model.parts[t] !== 'eye') continue;
        for (let corner = 0; corner < 3; corner++) {
          const v = 3 * model.triangles[3 * t + corner]!;
          if (Math.sign(model.neutral[v]!) !== side) continue;
          for (let k = 0; k < 3; k++) {
            low[k] = Math.min(low[k]!, of[v + k]!);
            high[k] = Math.max(high[k]!, of[v + k]!);
          }
        }
      }
      return { low, high, radius: (high[0]! - low[0]! + high[1]! - low[1]!) / 4 };
    };
    const { low, high, radius } = box(model.neutral);
    return {
      centre: [(low[0]! + high[0]!) / 2, (low[1]! + high[1]!) / 2, low[2]! + radius],
      scale: box(positions).radius / radius,
    };
  });
}

function paintEye({ centre, scale }: Eyeball, iris: Rgb, x: number, y: number, z: number, rgb: Float64Array): void {
  // mm of the head itself.
  const radius = scale * Math.hypot(x - centre[0], y - centre[1]);
  rgb.set([0.72, 0.68, 0.64]);
  // Red towards the corners.
  const side = smoothstep(6, 13, radius);
  rgb[1]! *= 1 - 0.2 * side;
  rgb[2]! *= 1 - 0.25 * side;
  if (z < centre[2]) return;
  mix(rgb, iris, smoothstep(IRIS_RADIUS_MM + 0.25, IRIS_RADIUS_MM - 0.25, radius));
  const ring =
    smoothstep(IRIS_RADIUS_MM - 1.3, IRIS_RADIUS_MM - 0.5, radius) *
    smoothstep(IRIS_RADIUS_MM + 0.3, IRIS_RADIUS_MM, radius);
  mix(rgb, [iris[0] * 0.3, iris[1] * 0.3, iris[2] * 0.3], ring * 0.7);
  mix(rgb, [0.004, 0.004, 0.004], smoothstep(PUPIL_RADIUS_MM + 0.2, PUPIL_RADIUS_MM - 0.2, radius));
  // A window reflected in the cornea.
  mix(rgb, [1, 1, 1], 0.9 * smoothstep(1, 0.5, Math.hypot(x - centre[0] + 1.8, y - centre[1] - 2)));
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.integer(list.length)]!;
}

function mix(rgb: Float64Array, to: ArrayLike<number>, weight: number): void {
  const w = weight < 0 ? 0 : weight > 1 ? 1 : weight;
  for (let k = 0; k < 3; k++) rgb[k]! += w * (to[k]! - rgb[k]!);
}

/** 0 at `from`, 1 at `to` (which may be smaller), smooth between. */

function blob(dx: number, dy: number, radius: number): number {
  return Math.exp(-(dx * dx + dy * dy) / (radius * radius));
}

/** Distance to the polyline, and how far along it (0..1) the nearest point lies. */
function polylineDistance(line: readonly Point[], x: number, y: number): [distance: number, along: number] {
  let best = Infinity;
  let along = 0;
  for (let i = 0; i + 1 < line.length; i++) {
    const [ax, ay] = line[i]!;
    const [bx, by] = line[i + 1]!;
    const ux = bx - ax;
    const uy = by - ay;
    const t = Math.min(1, Math.max(0, ((x - ax) * ux + (y - ay) * uy) / (ux * ux + uy * uy)));
    const d = Math.hypot(x - ax - t * ux, y - ay - t * uy);
    if (d < best) {
      best = d;
      along = 1 - (i + t) / (line.length - 1);
    }
  }
  return [best, along];
}

/** Whether a point lies in the box around some points, or a little outside it: most of the head is far from all features. */
function isNear(points: readonly Point[], x: number, y: number): boolean {
  const margin = 9;
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [px, py] of points) {
    if (px < left) left = px;
    if (px > right) right = px;
    if (py < bottom) bottom = py;
    if (py > top) top = py;
  }
  return x > left - margin && x < right + margin && y > bottom - margin && y < top + margin;
}

/** Signed distance to a closed polygon, negative inside. */
function polygonDistance(polygon: readonly Point[], x: number, y: number): number {
  let inside = false;
  let best = Infinity;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[j]!;
    const [bx, by] = polygon[i]!;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
    const ux = bx - ax;
    const uy = by - ay;
    const t = Math.min(1, Math.max(0, ((x - ax) * ux + (y - ay) * uy) / (ux * ux + uy * uy)));
    best = Math.min(best, Math.hypot(x - ax - t * ux, y - ay - t * uy));
  }
  return inside ? -best : best;
}

/** Smoothed lattice noise, 0..1. */
function valueNoise(x: number, y: number, z: number, seed: number): number {
  const xi = Math.floor(x);
  const yi = Math.floor(y);
  const zi = Math.floor(z);
  const fade = (t: number): number => t * t * (3 - 2 * t);
  const u = fade(x - xi);
  const v = fade(y - yi);
  const w = fade(z - zi);
  const lerp = (a: number, b: number, t: number): number => a + t * (b - a);
  const row = (dy: number, dz: number): number =>
    lerp(latticeValue(xi, yi + dy, zi + dz, seed), latticeValue(xi + 1, yi + dy, zi + dz, seed), u);
  return lerp(lerp(row(0, 0), row(1, 0), v), lerp(row(0, 1), row(1, 1), v), w);
}

function latticeValue(x: number, y: number, z: number, seed: number): number {
  let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ Math.imul(z, 0x3c6ef372) ^ seed;
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 0x100000000;
}

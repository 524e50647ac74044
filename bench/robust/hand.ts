/** A hand of rods with round ends: wrist, palm, four fingers of three joints and a thumb, lit from one side. */
import type { Random } from '../../lib/sample/random.js';
import { valueNoise } from '../../models/train/value-noise.js';
import type { Overlay, Point } from './overlay.js';

export interface HandPose {
  /** Where the tip of the middle finger lies, pixels. */
  tip: Point;
  /** Of its fingers in the picture, radians. */
  angle: number;
  /** 0: stretched, 1: a fist. */
  curl: number;
  /** 0 to 255 */
  skin: readonly number[];
  /** From wrist to the tip of the middle finger, pixels. */
  length: number;
}

/** In lengths of the hand, from the wrist along the fingers and across them: where a finger begins, how long and thick it is. */
const FINGERS = [
  { along: 0.5, across: -0.14, length: 0.4, radius: 0.045, spread: -0.16 },
  { along: 0.53, across: -0.045, length: 0.46, radius: 0.047, spread: -0.04 },
  { along: 0.52, across: 0.05, length: 0.42, radius: 0.045, spread: 0.06 },
  { along: 0.48, across: 0.135, length: 0.33, radius: 0.04, spread: 0.17 },
] as const;
const MIDDLE = 1;
const JOINTS = [0.45, 0.3, 0.25] as const;

interface Rod {
  a: Point;
  b: Point;
  r0: number;
  r1: number;
  /** Height of its axis towards the camera, in radii. */
  lift: number;
}

export function drawHand(random: Random, overlay: Overlay, pose: HandPose): void {
  const size = pose.length * random.uniform(0.85, 1.1);
  const mirror = random.chance(0.5) ? 1 : -1;
  const spread = random.uniform(0.2, 1.3);
  const rods = rodsOf(random, pose.curl, spread, mirror);
  const tip = fingertip(rods);
  const [c, s] = [Math.cos(pose.angle), Math.sin(pose.angle)];
  const place = ([x, y]: Point): Point => {
    const [u, v] = [(x - tip[0]) * size, (y - tip[1]) * size];
    return [pose.tip[0] + c * u - s * v, pose.tip[1] + s * u + c * v];
  };
  const placed = rods.map((rod) => ({
    ...rod,
    a: place(rod.a),
    b: place(rod.b),
    r0: rod.r0 * size,
    r1: rod.r1 * size,
  }));
  const heights = heightsOf(placed, overlay.width, overlay.height);
  paint(random, overlay, heights, pose.skin, size);
}

/** Fingers along x. */
function rodsOf(random: Random, curl: number, spread: number, mirror: number): Rod[] {
  const rods: Rod[] = [
    { a: [-1.4, 0], b: [0.02, 0], r0: 0.17, r1: 0.105, lift: 0 },
    { a: [0.02, -0.02], b: [0.5, -0.13], r0: 0.1, r1: 0.06, lift: 0.1 },
    { a: [0.02, 0], b: [0.53, -0.045], r0: 0.1, r1: 0.06, lift: 0.15 },
    { a: [0.02, 0.02], b: [0.52, 0.05], r0: 0.1, r1: 0.06, lift: 0.1 },
    { a: [0.02, 0.03], b: [0.48, 0.13], r0: 0.1, r1: 0.055, lift: 0 },
  ];
  for (const { along, across, length, radius, spread: own } of FINGERS) {
    let angle = own * spread + random.normal(0, 0.04);
    let at: Point = [along, across];
    const bent = Math.min(1, Math.max(0, curl + random.normal(0, 0.08)));
    for (const [joint, share] of JOINTS.entries()) {
      // A bent joint points towards the camera: shorter in the picture, and its end comes back.
      const seen = Math.cos(bent * [0.9, 2.0, 2.6][joint]!);
      const next: Point = [
        at[0] + length * share * seen * Math.cos(angle),
        at[1] + length * share * seen * Math.sin(angle),
      ];
      const [r0, r1] = [radius * (1 - 0.06 * joint), radius * (0.96 - 0.08 * joint)];
      rods.push({ a: at, b: next, r0, r1, lift: 0.4 + 1.2 * bent * joint });
      at = next;
      angle += random.normal(0, 0.03);
    }
  }
  const out = random.uniform(0.25, 0.9);
  const knuckle: Point = [0.26, -0.2 - 0.06 * out];
  const thumb: Point = [0.26 + 0.17 * Math.cos(out), -0.26 - 0.15 * Math.sin(out)];
  const end: Point = [thumb[0] + 0.13 * Math.cos(out * 0.5), thumb[1] - 0.1 * Math.sin(out * 0.7)];
  rods.push({ a: [0.08, -0.06], b: knuckle, r0: 0.085, r1: 0.062, lift: 0.2 });
  rods.push({ a: knuckle, b: thumb, r0: 0.058, r1: 0.05, lift: 0.4 });
  rods.push({ a: thumb, b: end, r0: 0.05, r1: 0.042, lift: 0.5 });
  const flip = ([x, y]: Point): Point => [x, mirror * y];
  return rods.map((rod) => ({ ...rod, a: flip(rod.a), b: flip(rod.b) }));
}

function fingertip(rods: readonly Rod[]): Point {
  return rods[5 + JOINTS.length * (MIDDLE + 1) - 1]!.b;
}

/** Height of the hand over the photo, pixels; -1 where there is none. */
function heightsOf(rods: readonly Rod[], width: number, height: number): Float32Array {
  const heights = new Float32Array(width * height).fill(-1);
  for (const { a, b, r0, r1, lift } of rods) {
    const reach = Math.max(r0, r1);
    const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    const squared = dx * dx + dy * dy;
    const [left, right] = [Math.min(a[0], b[0]) - reach, Math.max(a[0], b[0]) + reach];
    const [top, bottom] = [Math.min(a[1], b[1]) - reach, Math.max(a[1], b[1]) + reach];
    for (let y = Math.max(0, Math.floor(top)); y < Math.min(height, bottom); y++) {
      for (let x = Math.max(0, Math.floor(left)); x < Math.min(width, right); x++) {
        const [px, py] = [x + 0.5 - a[0], y + 0.5 - a[1]];
        const t = squared > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / squared)) : 0;
        const radius = r0 + t * (r1 - r0);
        const up = radius * radius - (px - t * dx) ** 2 - (py - t * dy) ** 2;
        if (up < 0) continue;
        const at = y * width + x;
        heights[at] = Math.max(heights[at]!, Math.sqrt(up) + lift * radius);
      }
    }
  }
  return heights;
}

function paint(random: Random, overlay: Overlay, heights: Float32Array, skin: readonly number[], size: number): void {
  const { width } = overlay;
  const tone = random.uniform(0.78, 1.12);
  const warmth = random.normal(0, 0.03);
  const base = [skin[0]! * tone * (1 + warmth), skin[1]! * tone, skin[2]! * tone * (1 - warmth)];
  const [lx, ly] = [random.uniform(-0.7, 0.7), random.uniform(-0.9, 0.2)];
  const ambient = random.uniform(0.45, 0.75);
  const seed = random.integer(1 << 20);
  const around = Math.max(1, Math.round(0.025 * size));
  const heightAt = (at: number) => heights[at] ?? -1;
  overlay.fill((x, y) => {
    const at = Math.floor(y) * width + Math.floor(x);
    const here = heightAt(at);
    if (here < 0) return undefined;
    const slope = (step: number) => {
      const [before, after] = [heightAt(at - step), heightAt(at + step)];
      const gradient = 0.5 * ((after < 0 ? here - 1 : after) - (before < 0 ? here - 1 : before));
      return Math.min(3, Math.max(-3, gradient));
    };
    const [gx, gy] = [slope(1), slope(width)];
    const length = Math.hypot(gx, gy, 1);
    const lambert = Math.max(0, (-gx * lx - gy * ly + 0.75) / length / Math.hypot(lx, ly, 0.75));
    const light = ambient + (1 - ambient) * 1.35 * lambert;
    // Between fingers less light comes.
    const higher = [-around, around, -around * width, around * width].reduce(
      (sum, step) => sum + Math.max(0, heightAt(at + step) - here),
      0,
    );
    const open = Math.exp((-1.6 * higher) / (around * 4));
    const spots = 1 + 0.08 * (valueNoise((40 * x) / size, (40 * y) / size, 0, seed) - 0.5);
    const pores = 1 + 0.06 * (valueNoise((160 * x) / size, (160 * y) / size, 1, seed) - 0.5);
    const shade = light * (0.35 + 0.65 * open) * spots * pores;
    // What light there is in creases has gone through skin.
    const red = 1 + 0.25 * (1 - open) + 0.1 * (1 - lambert);
    return { alpha: 1, colour: [base[0]! * shade * red, base[1]! * shade, base[2]! * shade * 0.98] };
  });
}

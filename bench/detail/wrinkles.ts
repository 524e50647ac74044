/**
 * Procedural relief of a face, 0.02 to 2 mm: lines of the forehead and between the brows, crow's feet, bags under the
 * eyes, nasolabial folds, lines of the lips and the chin, pores. A height in mm over a FaceChart, along the normal.
 */
import type { Random } from '../../lib/sample/random.js';
import { smoothstep } from '../../lib/smoothstep.js';
import { boxOf, ChartGrid, type FaceChart, isInside, type Place, polylineDistance } from './face-chart.js';

interface Groove {
  line: readonly Place[];
  /** mm */
  depth: number;
  /** Half width, mm: a standard deviation of the profile. */
  width: number;
  /** Height of the skin that is pushed up to the left and right of it, as shares of the depth. */
  shoulders?: readonly [left: number, right: number];
  /** Width of the shoulders, as multiple of the groove's. */
  shoulderWidth?: number;
}

export interface Relief {
  /** mm along the normal. */
  relief: ChartGrid;
  /** The same without pores. */
  folds: ChartGrid;
}

/** Wrinkles of one person; `age` 0 to 1 scales how many and how deep. */
export function wrinkles(chart: FaceChart, random: Random, age: number): Relief {
  const grid = ChartGrid.overFace(chart);
  const strength = 0.35 + 0.65 * age;
  const vary = (value: number, by = 0.3): number => value * (1 + random.normal(0, by, 2));
  const groove = (g: Groove): void => cut(grid, { ...g, depth: strength * vary(g.depth), width: vary(g.width, 0.2) });

  for (const g of forehead(chart, random, age)) groove(g);
  for (const side of [-1, 1] as const) {
    for (const g of besideEye(chart, random, side, age)) groove(g);
    for (const g of underEye(chart, random, side)) groove(g);
    for (const g of besideMouth(chart, random, side, age)) groove(g);
  }
  for (const g of lips(chart, random, age)) groove(g);
  clearOpenings(grid, chart);
  const relief = ChartGrid.overFace(chart);
  relief.values.set(grid.values);
  pores(relief, chart, random);
  clearOpenings(relief, chart);
  return { relief, folds: grid };
}

function forehead(chart: FaceChart, random: Random, age: number): Groove[] {
  const grooves: Groove[] = [];
  const brow = chart.mean(19, 24)[1];
  const count = 1 + random.integer(2 + Math.round(2 * age));
  for (let i = 0; i < count; i++) {
    const height = brow + 14 + i * random.uniform(6.5, 10) + random.normal(0, 1.5);
    const [from, to] = [random.uniform(-42, -18), random.uniform(18, 42)];
    const sag = random.uniform(-3, 3);
    const line = Array.from({ length: 13 }, (_, k): Place => {
      const x = from + ((to - from) * k) / 12;
      return [x, height + sag * Math.cos(x / 18) + random.normal(0, 0.35)];
    });
    grooves.push({ line, depth: 0.45, width: random.uniform(0.55, 1.2), shoulders: [0.35, 0.35] });
  }
  // Between the brows, upright.
  for (const side of [-1, 1]) {
    if (!random.chance(0.75)) continue;
    const inner = chart.landmarks[side < 0 ? 21 : 22]!;
    const x = inner[0] * random.uniform(0.45, 0.75);
    const line: Place[] = [0, 1, 2, 3, 4].map((k) => [
      x - side * 0.5 * k * 0.3 + random.normal(0, 0.15),
      inner[1] - 3 + 3.4 * k,
    ]);
    grooves.push({ line, depth: 0.5, width: random.uniform(0.6, 1.1), shoulders: [0.4, 0.4] });
  }
  return grooves;
}

function besideEye(chart: FaceChart, random: Random, side: -1 | 1, age: number): Groove[] {
  const corner = chart.landmarks[side < 0 ? 36 : 45]!;
  const count = 2 + random.integer(2 + Math.round(2 * age));
  return Array.from({ length: count }, (_, i) => {
    const angle = ((i - (count - 1) / 2) * random.uniform(14, 22) * Math.PI) / 180;
    const length = random.uniform(8, 16);
    const start = random.uniform(4, 6.5);
    const bend = random.normal(0, 0.012);
    const line = Array.from({ length: 6 }, (_unused, k): Place => {
      const r = start + (length * k) / 5;
      const a = angle + bend * r;
      return [corner[0] + side * r * Math.cos(a), corner[1] + r * Math.sin(a)];
    });
    return { line, depth: 0.26, width: random.uniform(0.45, 0.8), shoulders: [0.35, 0.35] as const };
  });
}

/** The bag and the hollow below it. */
function underEye(chart: FaceChart, random: Random, side: -1 | 1): Groove[] {
  const [inner, outer] = (side < 0 ? [39, 36] : [42, 45]).map((l) => chart.landmarks[l]!) as [Place, Place];
  const low = chart.mean(...(side < 0 ? [40, 41] : [46, 47]));
  const arc = (drop: number): Place[] =>
    Array.from({ length: 9 }, (_, k) => {
      const t = k / 8;
      const x = inner[0] + (outer[0] - inner[0]) * t;
      return [x, low[1] - drop * (0.35 + 0.65 * Math.sin(Math.PI * (0.12 + 0.76 * t)))];
    });
  const drop = random.uniform(8, 11);
  // Left of the direction is up for the subject's left eye (inner to outer runs to +x) and down for the other.
  const shoulders = side > 0 ? ([0.8, 0.1] as const) : ([0.1, 0.8] as const);
  const grooves: Groove[] = [{ line: arc(drop), depth: 0.65, width: random.uniform(1.2, 2), shoulders }];
  for (let i = 0; i < 2; i++) {
    grooves.push({ line: arc(drop * random.uniform(0.3, 0.65)), depth: 0.15, width: random.uniform(0.4, 0.6) });
  }
  return grooves;
}

function besideMouth(chart: FaceChart, random: Random, side: -1 | 1, age: number): Groove[] {
  const wing = chart.landmarks[side < 0 ? 31 : 35]!;
  const corner = chart.landmarks[side < 0 ? 48 : 54]!;
  const from: Place = [wing[0] + side * 5, wing[1] + 4];
  const to: Place = [corner[0] + side * random.uniform(5, 9), corner[1] + random.uniform(-5, 3)];
  const bow = random.uniform(2, 5);
  const line = Array.from({ length: 9 }, (_, k): Place => {
    const t = k / 8;
    return [from[0] + (to[0] - from[0]) * t + side * bow * Math.sin(Math.PI * t), from[1] + (to[1] - from[1]) * t];
  });
  // Downwards, the subject's left of the direction is +x: the cheek of the subject's left side lies there.
  const shoulders = side > 0 ? ([0.7, 0.1] as const) : ([0.1, 0.7] as const);
  const grooves: Groove[] = [{ line, depth: 1.5, width: random.uniform(1.3, 2.4), shoulders, shoulderWidth: 2.2 }];
  if (age > 0.4) {
    const down: Place[] = [0, 1, 2, 3].map((k) => [corner[0] + side * (2.5 + 0.8 * k), corner[1] - 3 - 4 * k]);
    grooves.push({ line: down, depth: 0.6, width: random.uniform(0.9, 1.5), shoulders });
  }
  return grooves;
}

function lips(chart: FaceChart, random: Random, age: number): Groove[] {
  const grooves: Groove[] = [];
  const [left, right] = [chart.landmarks[48]!, chart.landmarks[54]!];
  const upper = chart.landmarks[51]![1];
  const lower = chart.landmarks[57]![1];
  for (let i = 0; i < 9; i++) {
    const x = left[0] + (right[0] - left[0]) * random.uniform(0.15, 0.85);
    const y = lower + random.uniform(0.5, 2.5);
    grooves.push({
      line: [
        [x, y],
        [x + random.normal(0, 0.4), y + 3.5],
      ],
      depth: 0.12,
      width: 0.4,
    });
  }
  for (let i = 0; i < Math.round(7 * age); i++) {
    const x = left[0] + (right[0] - left[0]) * random.uniform(0.2, 0.8);
    const y = upper + random.uniform(2, 3.5);
    grooves.push({
      line: [
        [x, y],
        [x + random.normal(0, 0.8), y + 6],
      ],
      depth: 0.22,
      width: 0.5,
    });
  }
  // Under the lower lip.
  const fold = lower - random.uniform(5, 7);
  const line = [-12, -6, 0, 6, 12].map((x): Place => [x, fold - Math.abs(x) * 0.12]);
  grooves.push({ line, depth: 0.7, width: random.uniform(1.5, 2.2), shoulders: [0.2, 0.5] });
  return grooves;
}

/** Dimples of nose and cheeks. */
function pores(grid: ChartGrid, chart: FaceChart, random: Random): void {
  const nose = chart.landmarks[30]!;
  const depth = random.uniform(0.02, 0.06);
  for (let i = 0; i < 2600; i++) {
    const x = nose[0] + random.normal(0, 26, 2.2);
    const y = nose[1] + random.normal(4, 13, 2.2);
    const width = random.uniform(0.18, 0.35);
    const deep = depth * random.uniform(0.5, 1.3);
    grid.within(x - 3 * width, y - 3 * width, x + 3 * width, y + 3 * width, (c, cx, cy) => {
      grid.values[c]! -= deep * Math.exp(-((cx - x) ** 2 + (cy - y) ** 2) / (2 * width * width));
    });
  }
}

function cut(grid: ChartGrid, { line, depth, width, shoulders = [0, 0], shoulderWidth = 1.8 }: Groove): void {
  const wide = width * shoulderWidth;
  const reach = Math.max(4 * width, 4 * wide);
  const { left, bottom, right, top } = boxOf(line, reach);
  grid.within(left, bottom, right, top, (c, x, y) => {
    const { distance, side, along } = polylineDistance(line, x, y);
    if (distance > reach) return;
    const taper = smoothstep(0, 0.2, along) * smoothstep(1, 0.8, along) * 0.9 + 0.1;
    const share = shoulders[side > 0 ? 0 : 1];
    const t = distance / width;
    const s = (distance - wide) / wide;
    const shoulder = share * Math.exp(-2 * s * s) * smoothstep(0, 1, distance / wide);
    grid.values[c]! += depth * taper * (shoulder - Math.exp(-t * t * 0.5));
  });
}

/** The relief ends at the lids and between the lips. */
function clearOpenings(grid: ChartGrid, { landmarks }: FaceChart): void {
  for (const [first, last] of [
    [36, 41],
    [42, 47],
    [60, 67],
  ] as const) {
    const ring = landmarks.slice(first, last + 1);
    const { left, bottom, right, top } = boxOf(ring, 4);
    const closed = [...ring, ring[0]!];
    grid.within(left, bottom, right, top, (c, x, y) => {
      const { distance } = polylineDistance(closed, x, y);
      grid.values[c]! *= isInside(ring, x, y) ? 0 : smoothstep(1, 3, distance);
    });
  }
}

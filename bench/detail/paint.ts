/**
 * Paint without shape over a FaceChart: moles, freckles, stubble, blush, lipstick, the colour of scars, and the border of
 * a cast shadow. What must leave no trace in a displacement map.
 */
import type { Random } from '../../lib/sample/random.js';
import { smoothstep } from '../../lib/smoothstep.js';
import { boxOf, ChartGrid, type FaceChart, isInside, type Place, polylineDistance } from './face-chart.js';

/** How pigment and blood change the logarithm of linear red, green and blue, per unit. */
const MELANIN = [-0.45, -0.8, -1.15] as const;
const BLOOD = [-0.12, -0.65, -0.5] as const;
const SOOT = [-1, -1, -1] as const;

export interface Paint {
  /** Change of the logarithm of linear red, green, blue. */
  logAlbedo: ChartGrid;
  /** Share of the key light that arrives. */
  lit: ChartGrid;
  /** 0..1 where there is paint whose borders are finer than 6 mm. */
  fine: ChartGrid;
}

export function paint(chart: FaceChart, random: Random): Paint {
  const logAlbedo = ChartGrid.overFace(chart, 3);
  const fine = ChartGrid.overFace(chart);
  const lit = ChartGrid.overFace(chart);
  lit.values.fill(1);
  const add = (i: number, colour: readonly number[], amount: number, isFine: boolean): void => {
    for (let k = 0; k < 3; k++) logAlbedo.values[i + k]! += amount * colour[k]!;
    if (isFine && amount > 0.05) fine.values[i / 3] = 1;
  };
  const disc = (x: number, y: number, radius: number, colour: readonly number[], amount: number): void => {
    const edge = Math.max(0.25, 0.3 * radius);
    logAlbedo.within(x - radius - edge, y - radius - edge, x + radius + edge, y + radius + edge, (i, cx, cy) => {
      add(i, colour, amount * smoothstep(radius + edge, radius - edge, Math.hypot(cx - x, cy - y)), true);
    });
  };
  const nose = chart.landmarks[30]!;
  const anywhere = (): Place => [random.normal(0, 32, 2), nose[1] + random.normal(8, 34, 2)];

  for (let i = 3 + random.integer(6); i > 0; i--) {
    disc(...anywhere(), random.uniform(0.7, 2), MELANIN, random.uniform(0.5, 1.4));
  }
  if (random.chance(0.5)) {
    for (let i = random.integer(260); i > 0; i--) {
      const place: Place = [random.normal(0, 26, 2.2), nose[1] + random.normal(12, 14, 2.2)];
      disc(...place, random.uniform(0.3, 1), MELANIN, random.uniform(0.1, 0.4));
    }
  }
  for (const side of [-1, 1]) {
    const amount = random.uniform(0, 0.35);
    const [x, y] = [side * random.uniform(34, 44), nose[1] + random.uniform(-4, 10)];
    logAlbedo.within(x - 45, y - 45, x + 45, y + 45, (i, cx, cy) => {
      add(i, BLOOD, amount * Math.exp(-((cx - x) ** 2 + (cy - y) ** 2) / 500), false);
    });
  }
  if (random.chance(0.35)) stubble(chart, random, disc, logAlbedo, add);
  if (random.chance(0.4)) lipstick(chart, random, logAlbedo, add);
  for (let i = random.integer(3); i > 0; i--) {
    const [x, y] = anywhere();
    const angle = random.uniform(0, Math.PI);
    const line: Place[] = [0, 1, 2, 3].map((k) => [x + 5 * k * Math.cos(angle), y + 5 * k * Math.sin(angle)]);
    const [width, amount] = [random.uniform(0.4, 1), random.uniform(0.15, 0.45)];
    const colour = random.chance(0.5) ? BLOOD : [0.5, 0.6, 0.65];
    const box = boxOf(line, 3);
    logAlbedo.within(box.left, box.bottom, box.right, box.top, (j, cx, cy) => {
      const t = polylineDistance(line, cx, cy).distance / width;
      add(j, colour, amount * Math.exp(-t * t), true);
    });
  }
  if (random.chance(0.4)) castShadow(chart, random, lit, fine);
  return { logAlbedo, lit, fine };
}

type Add = (i: number, colour: readonly number[], amount: number, isFine: boolean) => void;
type Disc = (x: number, y: number, radius: number, colour: readonly number[], amount: number) => void;

function stubble(chart: FaceChart, random: Random, disc: Disc, grid: ChartGrid, add: Add): void {
  const mouth = chart.mean(48, 54);
  const upper = chart.landmarks[33]![1] - 3;
  const amount = random.uniform(0.1, 0.4);
  const where = (x: number, y: number): number =>
    smoothstep(upper + 6, upper - 3, y - Math.max(0, Math.abs(x) - 28) * 0.5) * smoothstep(75, 60, Math.abs(x));
  // A shade of roots under the skin, and the hairs themselves.
  grid.within(-80, chart.landmarks[8]![1] - 20, 80, upper + 30, (i, x, y) =>
    add(i, SOOT, 0.35 * amount * where(x, y), false),
  );
  for (let i = 0; i < 5000; i++) {
    const [x, y] = [random.uniform(-70, 70), mouth[1] + random.uniform(-40, 22)];
    if (random.chance(where(x, y))) disc(x, y, random.uniform(0.1, 0.2), SOOT, amount * random.uniform(1, 2.5));
  }
}

function lipstick(chart: FaceChart, random: Random, grid: ChartGrid, add: Add): void {
  const ring = chart.landmarks.slice(48, 60);
  const { left, bottom, right, top } = boxOf(ring, 2);
  const amount = random.uniform(0.4, 1);
  const closed = [...ring, ring[0]!];
  grid.within(left, bottom, right, top, (i, x, y) => {
    const { distance } = polylineDistance(closed, x, y);
    const inside = isInside(ring, x, y) ? distance : -distance;
    add(i, BLOOD, amount * smoothstep(-0.4, 0.4, inside), Math.abs(inside) < 2);
  });
}

/** Of a hat, hair or the nose: beyond a bent line the key light does not arrive. */
function castShadow(chart: FaceChart, random: Random, lit: ChartGrid, fine: ChartGrid): void {
  const nose = chart.landmarks[30]!;
  const angle = random.uniform(0, 2 * Math.PI);
  const [nx, ny] = [Math.cos(angle), Math.sin(angle)];
  const offset = random.uniform(14, 34);
  const softness = random.uniform(0.4, 2.5);
  const wave = random.uniform(0, 4);
  for (let r = 0; r < lit.rows; r++) {
    for (let c = 0; c < lit.columns; c++) {
      const x = lit.left + c * ChartGrid.STEP_MM;
      const y = lit.bottom + r * ChartGrid.STEP_MM - nose[1];
      const d = nx * x + ny * y - offset + wave * Math.sin((nx * y - ny * x) / 9);
      const i = r * lit.columns + c;
      lit.values[i] = smoothstep(softness, -softness, d) * 0.9 + 0.1;
      if (Math.abs(d) < softness + 1) fine.values[i] = 1;
    }
  }
}

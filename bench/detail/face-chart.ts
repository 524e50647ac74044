/**
 * The front of a face unrolled: a cylinder about a vertical axis behind the eyes, cut open at the back. Two coordinates in
 * about millimetres, x to the subject's left and y up, in which wrinkles and paint are laid out for any head model that
 * has the 68 landmarks.
 */
export type Place = readonly [x: number, y: number];

/** Between the axis and the skin at the outer corners of the eyes, mm. */
const AXIS_BEHIND_EYES_MM = 55;
const RADIUS_MM = 80;

export class FaceChart {
  readonly #axisZ: number;
  /** Where the 68 landmarks (iBUG order) lie. */
  readonly landmarks: readonly Place[];

  /** @param landmarks `[68][3]`, mm, of the neutral mean head whose coordinates are unrolled */
  constructor(landmarks: ArrayLike<number>) {
    this.#axisZ = (landmarks[3 * 36 + 2]! + landmarks[3 * 45 + 2]!) / 2 - AXIS_BEHIND_EYES_MM;
    this.landmarks = Array.from({ length: 68 }, (_, l) =>
      this.place(landmarks[3 * l]!, landmarks[3 * l + 1]!, landmarks[3 * l + 2]!),
    );
  }

  place(x: number, y: number, z: number): [number, number] {
    return [RADIUS_MM * Math.atan2(x, z - this.#axisZ), y];
  }

  /** `[vertices][2]` */
  placeAll(positions: Float32Array): Float32Array {
    const out = new Float32Array((positions.length / 3) * 2);
    for (let v = 0; v < out.length / 2; v++) {
      out.set(this.place(positions[3 * v]!, positions[3 * v + 1]!, positions[3 * v + 2]!), 2 * v);
    }
    return out;
  }

  mean(...landmarks: number[]): [number, number] {
    const sum: [number, number] = [0, 0];
    for (const l of landmarks) for (const k of [0, 1] as const) sum[k] += this.landmarks[l]![k] / landmarks.length;
    return sum;
  }
}

/** A function over the chart, tabulated. */
export class ChartGrid {
  static readonly STEP_MM = 0.125;
  readonly columns: number;
  readonly rows: number;
  readonly values: Float32Array;

  constructor(
    readonly left: number,
    readonly bottom: number,
    right: number,
    top: number,
    readonly channels = 1,
  ) {
    this.columns = Math.ceil((right - left) / ChartGrid.STEP_MM) + 1;
    this.rows = Math.ceil((top - bottom) / ChartGrid.STEP_MM) + 1;
    this.values = new Float32Array(this.columns * this.rows * channels);
  }

  /** A grid that covers the face of a chart. */
  static overFace({ landmarks }: FaceChart, channels = 1): ChartGrid {
    const chin = landmarks[8]![1];
    const brow = landmarks[19]![1];
    return new ChartGrid(-115, chin - 25, 115, brow + 65, channels);
  }

  /** A grid like this one with other values. */
  with(values: Float32Array): ChartGrid {
    return Object.assign(Object.create(ChartGrid.prototype), this, { values }) as ChartGrid;
  }

  /** Visits the cells of a box: `visit(index of the first channel, x, y)`. */
  within(left: number, bottom: number, right: number, top: number, visit: (i: number, x: number, y: number) => void) {
    const step = ChartGrid.STEP_MM;
    const c0 = Math.max(0, Math.floor((left - this.left) / step));
    const c1 = Math.min(this.columns - 1, Math.ceil((right - this.left) / step));
    const r0 = Math.max(0, Math.floor((bottom - this.bottom) / step));
    const r1 = Math.min(this.rows - 1, Math.ceil((top - this.bottom) / step));
    for (let r = r0; r <= r1; r++) {
      for (let c = c0; c <= c1; c++) {
        visit((r * this.columns + c) * this.channels, this.left + c * step, this.bottom + r * step);
      }
    }
  }

  /** Bilinear; 0 outside. */
  at(x: number, y: number, channel = 0): number {
    const s = (x - this.left) / ChartGrid.STEP_MM;
    const t = (y - this.bottom) / ChartGrid.STEP_MM;
    const c = Math.floor(s);
    const r = Math.floor(t);
    if (!(c >= 0 && r >= 0 && c + 1 < this.columns && r + 1 < this.rows)) return 0;
    const u = s - c;
    const i = (r * this.columns + c) * this.channels + channel;
    const up = i + this.columns * this.channels;
    const low = this.values[i]! + u * (this.values[i + this.channels]! - this.values[i]!);
    const high = this.values[up]! + u * (this.values[up + this.channels]! - this.values[up]!);
    return low + (t - r) * (high - low);
  }

  /** Central differences over a cell to each side, per mm. */
  slope(x: number, y: number): [number, number] {
    const d = ChartGrid.STEP_MM;
    return [(this.at(x + d, y) - this.at(x - d, y)) / (2 * d), (this.at(x, y + d) - this.at(x, y - d)) / (2 * d)];
  }
}

/** Distance to a polyline; `side` is positive to the left of its direction; `along` 0 at its start to 1 at its end. */
export function polylineDistance(line: readonly Place[], x: number, y: number) {
  let best = Infinity;
  let side = 0;
  let along = 0;
  for (let i = 0; i + 1 < line.length; i++) {
    const [ax, ay] = line[i]!;
    const ux = line[i + 1]![0] - ax;
    const uy = line[i + 1]![1] - ay;
    const t = Math.min(1, Math.max(0, ((x - ax) * ux + (y - ay) * uy) / (ux * ux + uy * uy || 1)));
    const dx = x - ax - t * ux;
    const dy = y - ay - t * uy;
    const d = dx * dx + dy * dy;
    if (d >= best) continue;
    best = d;
    side = Math.sign(ux * (y - ay) - uy * (x - ax));
    along = (i + t) / (line.length - 1);
  }
  return { distance: Math.sqrt(best), side, along };
}

/** Even-odd rule. */
export function isInside(polygon: readonly Place[], x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[j]!;
    const [bx, by] = polygon[i]!;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

export function boxOf(points: readonly Place[], margin: number) {
  let [left, bottom, right, top] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    left = Math.min(left, x - margin);
    right = Math.max(right, x + margin);
    bottom = Math.min(bottom, y - margin);
    top = Math.max(top, y + margin);
  }
  return { left, bottom, right, top };
}

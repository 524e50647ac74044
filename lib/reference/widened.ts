import { resized } from './uv-grid.js';

/** Lines of a face in a picture: `[points][2]`, px. */
export interface FaceLines {
  /** From temple to temple by the chin. */
  outline: Float32Array;
  /** Brows, nose, and closed ones around eyes and mouth. */
  inner: readonly { points: Float32Array; closed: boolean }[];
  box: { x0: number; y0: number; x1: number; y1: number };
}

/** What the reference draws in, and the share of the face's size by which it widens. */
const CANVAS_PX = 400;
const DEGREE = 0.03;
const SPREAD_PX = 100;
/** Shorter ways are left out, px; nearer to a pixel than this its colour is taken. */
const LEAST_WAY = 0.2;
const SNAP = 0.2;

/**
 * The picture with the face drawn outwards along its outline by 3 percent of its size, so that what is behind the face
 * does not come into the texture: the reference's liquify brush.
 *
 * @param picture `[side][side][3]`, in steps of 1/255
 */
export function widened(picture: Float32Array, side: number, { outline, inner, box }: FaceLines): Float32Array {
  const scale = CANVAS_PX / side;
  const drawn = (lines: FaceLines['inner'], width: number) => {
    const canvas = new Float32Array(CANVAS_PX * CANVAS_PX);
    for (const { points, closed } of lines) drawLines(canvas, points, scale, width, closed);
    return canvas;
  };
  const [x0, y0, x1, y1] = [box.x0, box.y0, box.x1, box.y1].map((x) => scale * x) as [number, number, number, number];
  const enlarged = (low: number, high: number) => {
    const half = Math.trunc((high - low) * 0.5);
    return Math.trunc(Math.min(CANVAS_PX, high + half)) - Math.trunc(Math.max(0, low - half));
  };
  const lineWidth = Math.max(1, Math.floor(Math.min(enlarged(x0, x1), enlarged(y0, y1)) / 10));
  const near = blurredLines(drawn([{ points: outline, closed: false }], lineWidth), 2 * lineWidth + 1);
  const kept = blurredLines(drawn(inner, 2 * lineWidth), 2 * lineWidth + 1);

  const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const room = Math.min(cx - 1, cy - 1, CANVAS_PX - cy - 1, CANVAS_PX - cx - 1);
  const length = Math.trunc(2 * Math.min(Math.max(x1 - x0, y1 - y0), room));
  if (length < 2) return picture.slice();
  const spread = resized(spreadFlow(length * DEGREE), SPREAD_PX, length, 2);
  const flow = new Float32Array(2 * CANVAS_PX * CANVAS_PX);
  const [left, top] = [Math.trunc(cx - length / 2), Math.trunc(cy - length / 2)];
  for (let y = 0; y < length; y++)
    for (let x = 0; x < length; x++) {
      const at = (top + y) * CANVAS_PX + left + x;
      const share = near[at]! * (1 - kept[at]!);
      for (let k = 0; k < 2; k++) flow[2 * at + k] = (share * spread[2 * (y * length + x) + k]!) / scale;
    }
  return warped(picture, side, resized(flow, CANVAS_PX, side, 2));
}

/** Ways to the middle, longest half-way out: `[100][100][2]`. */
function spreadFlow(longest: number): Float32Array {
  const out = new Float32Array(2 * SPREAD_PX * SPREAD_PX);
  const radius = SPREAD_PX / 2;
  for (let y = 0; y < SPREAD_PX; y++)
    for (let x = 0; x < SPREAD_PX; x++) {
      const [dx, dy] = [radius - x, radius - y];
      const distance = Math.hypot(dx, dy);
      if (distance > radius || distance === 0) continue;
      const way = longest * (distance <= radius / 2 ? (2 * distance) / radius : 2 - (2 * distance) / radius);
      out.set([(way * dx) / distance, (way * dy) / distance], 2 * (y * SPREAD_PX + x));
    }
  return out;
}

/** Lines with round ends: 1 where they are. */
function drawLines(canvas: Float32Array, points: Float32Array, scale: number, width: number, closed: boolean): void {
  const count = points.length / 2;
  const place = (i: number, k: number) => Math.trunc(scale * points[2 * (i % count) + k]!);
  const clamp = (i: number) => Math.min(CANVAS_PX - 1, Math.max(0, i));
  for (let i = 0; i + 1 < count + Number(closed); i++) {
    const [ax, ay, bx, by] = [place(i, 0), place(i, 1), place(i + 1, 0), place(i + 1, 1)];
    const square = (bx - ax) ** 2 + (by - ay) ** 2;
    const half = width / 2;
    for (let y = clamp(Math.floor(Math.min(ay, by) - half)); y <= clamp(Math.ceil(Math.max(ay, by) + half)); y++)
      for (let x = clamp(Math.floor(Math.min(ax, bx) - half)); x <= clamp(Math.ceil(Math.max(ax, bx) + half)); x++) {
        const along = square > 0 ? ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / square : 0;
        const t = Math.min(1, Math.max(0, along));
        if (Math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay)) <= half) canvas[y * CANVAS_PX + x] = 1;
      }
  }
}

/** By a Gaussian of n taps (odd), of the width that OpenCV gives it; the border is mirrored without repeating its pixels. */
function blurredLines(canvas: Float32Array, n: number): Float32Array {
  const half = (n - 1) / 2;
  const sigma = 0.3 * (half - 1) + 0.8;
  const taps = Float64Array.from({ length: n }, (_, i) => Math.exp(-((i - half) ** 2) / (2 * sigma * sigma)));
  const sum = taps.reduce((a, b) => a + b, 0);
  const mirror = (i: number) => (i < 0 ? -i : i < CANVAS_PX ? i : 2 * (CANVAS_PX - 1) - i);
  const padded = new Float64Array(CANVAS_PX + 2 * half);
  const along = (from: Float32Array, step: number, line: number) => {
    const out = new Float32Array(from.length);
    for (let a = 0; a < CANVAS_PX; a++) {
      let isEmpty = true;
      for (let i = 0; i < padded.length; i++) {
        padded[i] = from[a * line + mirror(i - half) * step]!;
        isEmpty &&= padded[i] === 0;
      }
      if (isEmpty) continue;
      for (let b = 0; b < CANVAS_PX; b++) {
        let value = 0;
        for (let d = 0; d < n; d++) value += taps[d]! * padded[b + d]!;
        out[a * line + b * step] = value / sum;
      }
    }
    return out;
  };
  return along(along(canvas, 1, CANVAS_PX), CANVAS_PX, 1);
}

/** Colours from where the flow leads, `[side][side][2]`, px. */
function warped(picture: Float32Array, side: number, flow: Float32Array): Float32Array {
  const out = picture.slice();
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const [dx, dy] = [flow[2 * (y * side + x)]!, flow[2 * (y * side + x) + 1]!];
      if (Math.abs(dx) < LEAST_WAY && Math.abs(dy) < LEAST_WAY) continue;
      const clamp = (i: number) => Math.min(side - 1, Math.max(0, i));
      const [px, py] = [clamp(x + dx), clamp(y + dy)];
      const [column, row] = [Math.floor(px), Math.floor(py)];
      let [fx, fy] = [px - column, py - row];
      const isNear = (f: number) => f < SNAP || f > 1 - SNAP;
      if (isNear(fx) && isNear(fy)) [fx, fy] = [Math.round(fx), Math.round(fy)];
      const [right, lower] = [Math.min(side - 1, column + 1), Math.min(side - 1, row + 1)];
      for (let k = 0; k < 3; k++) {
        const at = (r: number, c: number) => picture[3 * (r * side + c) + k]!;
        const upper = at(row, column) * (1 - fx) + at(row, right) * fx;
        const value = upper * (1 - fy) + (at(lower, column) * (1 - fx) + at(lower, right) * fx) * fy;
        // Down to a whole step, as the reference's pictures go.
        out[3 * (y * side + x) + k] = Math.floor(255 * value + 1e-3) / 255;
      }
    }
  return out;
}

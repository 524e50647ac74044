/** Things that people hold before their faces, drawn into a photo of a bare one: hands, a microphone, a cup, locks of hair. */
import type { Raster } from '../../lib/result.js';
import type { Random } from '../../lib/sample/random.js';
import { valueNoise } from '../../models/train/value-noise.js';
import { drawHand } from './hand.js';
import { Overlay, type Point } from './overlay.js';

export const THINGS = [
  'hand at the cheek',
  'hand at the chin',
  'hand over the mouth',
  'hand at the brow',
  'microphone',
  'cup',
  'lock',
] as const;
export type Thing = (typeof THINGS)[number];

/** Landmarks of the mesh: where a face begins and ends, and what a thing lies before. */
const AT = {
  top: 10,
  chin: 152,
  right: 234,
  left: 454,
  mouth: 13,
  rightCheek: 50,
  leftCheek: 280,
  underLip: 18,
} as const;

/** Where a face lies in a photo: its middle, half its width along `right`, half its height along `up`, in pixels. */
interface Frame {
  at: (landmark: number) => Point;
  /** Along the face, in shares of its width: right in the photo, and up. */
  point: (from: Point, right: number, up: number) => Point;
  width: number;
  /** Of the face's up in the photo, radians: -pi / 2 where it is upright. */
  upAngle: number;
}

export interface Covered {
  raster: Raster;
  /** Share of the landmarks that lie behind it. */
  share: number;
  /** Whether a pixel of the photo does. */
  covers: (x: number, y: number) => boolean;
}

/** @param pixels `[478][2]`, the mesh's landmarks in the photo */
export function put(thing: Thing, random: Random, photo: Raster, pixels: Float32Array): Covered {
  const frame = frameOf(pixels);
  const overlay = new Overlay(photo);
  const side = random.chance(0.5) ? 1 : -1;
  const cheek = frame.at(side > 0 ? AT.leftCheek : AT.rightCheek);
  const hand = (tip: Point, angle: number, curl: number) =>
    drawHand(random, overlay, { tip, angle, curl, ...skinAt(frame, photo) });
  switch (thing) {
    case 'hand at the cheek':
      hand(
        frame.point(cheek, side * random.uniform(-0.05, 0.15), random.uniform(0.05, 0.35)),
        frame.upAngle + side * random.uniform(-0.35, 0.25),
        random.uniform(0, 0.3),
      );
      break;
    case 'hand at the chin':
      hand(
        frame.point(frame.at(AT.chin), side * random.uniform(-0.2, 0.2), random.uniform(0.12, 0.38)),
        frame.upAngle + side * random.uniform(-0.2, 1.2),
        random.uniform(0.1, 0.8),
      );
      break;
    case 'hand over the mouth':
      hand(
        frame.point(frame.at(AT.mouth), -side * random.uniform(0, 0.25), random.uniform(-0.1, 0.1)),
        frame.upAngle - side * random.uniform(0.9, 1.5),
        random.uniform(0, 0.4),
      );
      break;
    case 'hand at the brow':
      hand(
        frame.point(frame.at(AT.top), side * random.uniform(0, 0.3), random.uniform(-0.3, -0.1)),
        frame.upAngle - side * random.uniform(0.8, 1.6),
        random.uniform(0, 0.3),
      );
      break;
    case 'microphone':
      drawMicrophone(random, overlay, frame);
      break;
    case 'cup':
      drawCup(random, overlay, frame);
      break;
    case 'lock':
      drawLock(random, overlay, frame, side, photo);
      break;
  }
  const covers = (x: number, y: number) => overlay.alphaAt(x, y) > 0.5;
  let behind = 0;
  for (let i = 0; i < pixels.length; i += 2) if (covers(pixels[i]!, pixels[i + 1]!)) behind++;
  const soft = frame.width * random.uniform(0.01, 0.05);
  const shadow = overlay.shadow(random.uniform(0, 0.5), soft, [random.normal(0, soft), soft]);
  return { raster: overlay.over(shadow), share: (2 * behind) / pixels.length, covers };
}

function frameOf(pixels: Float32Array): Frame {
  const at = (i: number): Point => [pixels[2 * i]!, pixels[2 * i + 1]!];
  const [top, chin, right, left] = [at(AT.top), at(AT.chin), at(AT.right), at(AT.left)];
  const upAngle = Math.atan2(top[1] - chin[1], top[0] - chin[0]);
  // A turned face is narrower than it is wide.
  const width = Math.max(
    Math.hypot(left[0] - right[0], left[1] - right[1]),
    0.75 * Math.hypot(top[0] - chin[0], top[1] - chin[1]),
  );
  const up: Point = [Math.cos(upAngle), Math.sin(upAngle)];
  const point = (from: Point, x: number, y: number): Point => [
    from[0] + width * (-x * up[1] + y * up[0]),
    from[1] + width * (x * up[0] + y * up[1]),
  ];
  return { at, point, width, upAngle };
}

/** The face's own colour in its own light, 0 to 255, and how long its hand is. */
function skinAt({ at, width }: Frame, photo: Raster): { skin: number[]; length: number } {
  const channels = ([AT.rightCheek, AT.leftCheek, 4, 151] as const).map((i) => colourAt(photo, at(i), 0.03 * width));
  const skin = [0, 1, 2].map((k) => channels.map((colour) => colour[k]!).sort((a, b) => a - b)[2]!);
  return { skin, length: 1.15 * width };
}

/** Mean over a square; `half` in pixels. */
function colourAt({ data, width, height, channels }: Raster, [x, y]: Point, half: number): number[] {
  const sum = [0, 0, 0];
  let count = 0;
  const inside = (value: number, extent: number) => Math.min(extent - 1, Math.max(0, Math.round(value)));
  for (let v = inside(y - half, height); v <= inside(y + half, height); v++) {
    for (let u = inside(x - half, width); u <= inside(x + half, width); u++) {
      for (let k = 0; k < 3; k++) sum[k]! += data[channels * (v * width + u) + k]!;
      count++;
    }
  }
  return sum.map((value) => value / count);
}

/** A ball of wire mesh before chin or mouth, on a stick that comes from below. */
function drawMicrophone(random: Random, overlay: Overlay, frame: Frame): void {
  const radius = frame.width * random.uniform(0.11, 0.19);
  const lean = random.uniform(-0.5, 0.5);
  const middle = frame.point(frame.at(AT.underLip), random.uniform(-0.15, 0.15), random.uniform(-0.16, 0.02));
  const grey = random.uniform(20, 110);
  const below = frame.upAngle + Math.PI + lean;
  const end: Point = [middle[0] + 6 * radius * Math.cos(below), middle[1] + 6 * radius * Math.sin(below)];
  const stick = random.uniform(15, 60);
  overlay.capsule(middle, end, 0.5 * radius, 0.6 * radius, ({ nx, nz }) => {
    const shade = 0.35 + 0.5 * Math.max(0, nz) + 0.5 * Math.max(0, nx - 0.3);
    return [stick * shade, stick * shade, stick * shade];
  });
  const pitch = Math.max(2.5, radius / 9);
  overlay.capsule(middle, middle, radius, radius, ({ x, y, nx, ny, nz }) => {
    const mesh = 0.6 + 0.4 * Math.sign(Math.sin((x + y) / pitch) * Math.sin((x - y) / pitch));
    const shade = 0.3 + 0.7 * Math.max(0, 0.7 * nz - 0.5 * ny - 0.3 * nx);
    const light = 90 * Math.max(0, 0.8 * nz - 0.5 * ny - 0.3 * nx) ** 12;
    return [grey, grey, grey * 1.03].map((c) => c * mesh * shade * 1.6 + light);
  });
}

/** A cup at the lips, or a little below: its side hides mouth and chin. */
function drawCup(random: Random, overlay: Overlay, frame: Frame): void {
  const half = frame.width * random.uniform(0.18, 0.3);
  const high = half * random.uniform(1.5, 2.4);
  const rim = frame.point(frame.at(AT.mouth), random.uniform(-0.12, 0.12), random.uniform(-0.14, 0.05));
  const colour = random.chance(0.4)
    ? [235, 233, 228].map((c) => c * random.uniform(0.75, 1))
    : [0, 1, 2].map(() => random.uniform(25, 230));
  const [ux, uy] = [Math.cos(frame.upAngle), Math.sin(frame.upAngle)];
  const lean = random.normal(0, 0.1);
  const open = random.uniform(0.08, 0.3);
  const narrowing = random.uniform(0.65, 1);
  const light = random.uniform(-0.6, 0.6);
  overlay.fill((x, y) => {
    const [dx, dy] = [x - rim[0], y - rim[1]];
    const down = -(dx * ux + dy * uy);
    const across = -dx * uy + dy * ux - lean * down;
    const at = half * (1 + (narrowing - 1) * Math.min(1, Math.max(0, down / high)));
    const bend = open * half * Math.sqrt(Math.max(0, 1 - (across / at) ** 2));
    const alpha = Math.min(at - Math.abs(across), down + bend, high + bend - down);
    if (alpha <= 0) return undefined;
    const n = Math.min(1, Math.max(-1, across / at));
    const isInside = down < bend;
    const shade = isInside ? 0.45 - 0.25 * n * light : 0.6 + 0.4 * Math.sqrt(1 - (n - light) ** 2 / 2.6);
    return { alpha, colour: colour.map((c) => c * shade) };
  });
}

/** Locks of the head's own hair that hang from above over brow, eye or cheek. */
function drawLock(random: Random, overlay: Overlay, frame: Frame, side: number, photo: Raster): void {
  const above = frame.point(frame.at(AT.top), 0, random.uniform(0.12, 0.22));
  const hair = colourAt(photo, above, 0.03 * frame.width);
  const skin = colourAt(photo, frame.at(4), 0.03 * frame.width);
  // A bald or a cropped head gets dark hair.
  const isSkin = Math.hypot(...hair.map((c, k) => c - skin[k]!)) < 60;
  const base = isSkin ? skin.map((c) => 0.3 * c) : hair;
  const start = frame.point(frame.at(AT.top), side * random.uniform(0, 0.4), random.uniform(0.1, 0.25));
  const end = frame.point(frame.at(AT.chin), side * random.uniform(0.15, 0.5), random.uniform(-0.05, 0.6));
  const spread = frame.width * random.uniform(0.03, 0.13);
  const bend = side * frame.width * random.uniform(-0.12, 0.2);
  const [dx, dy] = [end[0] - start[0], end[1] - start[1]];
  const length = Math.hypot(dx, dy);
  const [sx, sy] = [-dy / length, dx / length];
  const thick = Math.max(0.7, frame.width * random.uniform(0.002, 0.005));
  for (let i = 0, count = 12 + random.integer(60); i < count; i++) {
    const across = spread * random.normal(0, 0.5);
    const [fray, own] = [spread * random.normal(0, 0.35), bend + spread * random.normal(0, 0.2)];
    const tone = random.uniform(0.7, 1.25);
    let before: Point = [start[0] + sx * across * 0.6, start[1] + sy * across * 0.6];
    for (let step = 1; step <= 14; step++) {
      const t = step / 14;
      const off = across * (0.6 + 0.4 * t) + fray * t * t + own * Math.sin(Math.PI * t);
      const next: Point = [start[0] + dx * t + sx * off, start[1] + dy * t + sy * off];
      const shine = 0.85 + 0.35 * valueNoise(5 * t, i, 0, 7);
      overlay.capsule(before, next, thick, thick * (1 - 0.4 * t), () => base.map((c) => c * tone * shine));
      before = next;
    }
  }
}

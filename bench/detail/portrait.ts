/**
 * Draws a wrinkled, painted head with its true normals: per pixel and not per vertex, so that relief is as fine as it is.
 * Key light with a cast shadow, light from all around that is dimmer in furrows, shine; blur, noise and JPEG of a camera.
 */
import sharp from 'sharp';
import { gaussian } from '../../lib/gaussian.js';
import type { NativeContext } from '../../lib/native/binding.js';
import { native } from '../../lib/native/load.js';
import type { Raster } from '../../lib/result.js';
import { randomBackdrop } from '../../lib/sample/backdrop.js';
import { randomCamera, type SampleCamera } from '../../lib/sample/camera.js';
import { Random } from '../../lib/sample/random.js';
import { ChartGrid } from './face-chart.js';
import type { BareHead } from './heads.js';
import { type Paint, paint } from './paint.js';
import { wrinkles } from './wrinkles.js';

export interface DetailPortrait {
  name: string;
  image: Raster;
  camera: SampleCamera;
  /** `[height][width][3]`, unit, camera frame; zero where no skin of the face is seen. */
  normals: Float32Array;
  /** `[height][width]`: 1 where figures are taken: skin of the face, not seen at a glancing angle. */
  face: Uint8Array;
  /** `[height][width]`: 1 where there is fine paint and no relief to speak of. */
  paintOnly: Uint8Array;
  /** `[height][width]`: 1 where there is relief to speak of. */
  wrinkled: Uint8Array;
}

export interface PortraitOptions {
  sizePx: number;
  yawDegrees: number;
  /** Of wrinkles and paint. */
  seed: number;
  /** Of light, camera and noise; default the same. */
  lightSeed?: number;
  /** 0 to 1; default random. */
  age?: number;
  /** Of the lens, standard deviation; default none: noise and compression come after it, as in a camera. */
  blurPx?: number;
}

/** Samples per pixel and axis. */
const SAMPLES = 2;
/** Relief to speak of: this steep within so many millimetres; and none within so many. */
const STEEP = 0.04;
const FURROW_DIMMING = 0.5;
/**
 * How far red, green and blue light goes through skin, standard deviation: relief is softest in red light, so wrinkles
 * change the hue too (Ma et al. 2007, normals of one face by channel; d'Eon and Luebke 2007).
 */
const SCATTERING_MM = [1, 0.5, 0.25] as const;

export async function drawDetailPortrait(
  context: NativeContext,
  head: BareHead,
  { sizePx, yawDegrees, seed, lightSeed = seed, age, blurPx = 0 }: PortraitOptions,
): Promise<DetailPortrait> {
  const random = new Random(seed ^ 0x3a71);
  const { relief, folds } = wrinkles(head.chart, random, age ?? random.uniform(0, 1));
  const painted = paint(head.chart, random);
  const light = new Random(lightSeed ^ 0x11c4);
  const camera = randomCamera(new Random(seed ^ 0xca3), sizePx, yawDegrees, head.centreMm);
  const lamp = randomLamp(light);
  const side = sizePx * SAMPLES;
  const { triangleId, barycentrics } = await native().render(context, {
    positions: head.positions,
    indices: head.triangles,
    rotation: camera.rotation,
    translation: camera.translation,
    focalLengthPx: camera.focalLengthPx * SAMPLES,
    principalPointPx: camera.principalPointPx.map((c) => c * SAMPLES),
    width: side,
    height: side,
    supersampling: 1,
    light: 'none',
    geometry: true,
  }).promise;
  const steep = steepness(folds);
  const chin = head.chart.landmarks[8]![1];
  const brow = head.chart.landmarks[19]![1];
  const shader = new SkinShader(
    head,
    camera,
    relief,
    SCATTERING_MM.map((sigma) => scattered(relief, sigma)),
    painted,
    lamp,
  );
  const linear = new Float32Array(3 * sizePx * sizePx);
  const normals = new Float32Array(3 * sizePx * sizePx);
  const face = new Uint8Array(sizePx * sizePx);
  const paintOnly = new Uint8Array(sizePx * sizePx);
  const wrinkled = new Uint8Array(sizePx * sizePx);
  const backdrop = randomBackdrop(light, sizePx, { neckPx: [sizePx / 2, 2 * sizePx], halfNeckPx: sizePx / 4 });
  const rgb = new Float64Array(3);
  for (let y = 0; y < sizePx; y++) {
    for (let x = 0; x < sizePx; x++) {
      const o = y * sizePx + x;
      let hits = 0;
      for (let s = 0; s < SAMPLES * SAMPLES; s++) {
        const i = (y * SAMPLES + Math.floor(s / SAMPLES)) * side + x * SAMPLES + (s % SAMPLES);
        const t = triangleId![i]!;
        if (t < 0) {
          backdrop(x + 0.5, y + 0.5, rgb);
          for (let k = 0; k < 3; k++) linear[3 * o + k]! += rgb[k]! ** 2.2 / SAMPLES ** 2;
          continue;
        }
        shader.shade(t, barycentrics![2 * i]!, barycentrics![2 * i + 1]!, rgb);
        for (let k = 0; k < 3; k++) linear[3 * o + k]! += rgb[k]! / SAMPLES ** 2;
        if (head.isSkin[t] !== 1) continue;
        hits++;
        for (let k = 0; k < 3; k++) normals[3 * o + k]! += shader.normal[k]!;
      }
      if (hits < SAMPLES * SAMPLES) {
        normals.fill(0, 3 * o, 3 * o + 3);
        continue;
      }
      const length = Math.hypot(normals[3 * o]!, normals[3 * o + 1]!, normals[3 * o + 2]!) || 1;
      for (let k = 0; k < 3; k++) normals[3 * o + k]! /= length;
      const [px, py] = shader.place;
      const isFace = py > chin + 2 && py < brow + 45 && Math.abs(px) < 72 && -shader.baseNormal[2]! > 0.45;
      if (!isFace) continue;
      face[o] = 1;
      const s = steep.at(px, py);
      if (s > STEEP) wrinkled[o] = 1;
      else if (s < 0.4 * STEEP && painted.fine.at(px, py) > 0.5) paintOnly[o] = 1;
    }
    if (y % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const arrived = blurPx > 0 ? gaussian(linear, { columns: sizePx, rows: sizePx, channels: 3 }, blurPx) : linear;
  const image = await photograph(arrived, sizePx, light);
  return { name: `${head.name} ${yawDegrees.toFixed(0)}`, image, camera, normals, face, paintOnly, wrinkled };
}

interface Lamp {
  /** Camera frame, towards the light; unit. */
  key: readonly [number, number, number];
  keyColour: readonly number[];
  ambient: readonly number[];
  /** Camera frame: where more of the light from all around comes from. */
  sky: readonly [number, number, number];
  shine: number;
  gloss: number;
  exposure: number;
}

function randomLamp(random: Random): Lamp {
  const direction = (spread: number): [number, number, number] => {
    const a = (random.uniform(-spread, spread) * Math.PI) / 180;
    const e = (random.uniform(-10, 60) * Math.PI) / 180;
    return [Math.sin(a) * Math.cos(e), -Math.sin(e), -Math.cos(a) * Math.cos(e)];
  };
  const warm = random.normal(0, 0.06, 2);
  const cold = random.normal(0, 0.06, 2);
  const share = random.uniform(0.35, 0.75);
  return {
    key: direction(65),
    keyColour: [1 + warm, 1, 1 - warm].map((c) => c * share),
    ambient: [1 + cold, 1, 1 - cold].map((c) => c * (1 - share)),
    sky: direction(120),
    shine: random.chance(0.5) ? random.uniform(0.02, 0.15) : 0,
    gloss: random.uniform(12, 50),
    exposure: random.uniform(1.5, 2.1),
  };
}

/** The relief that light shows which has gone through the skin. */
function scattered(relief: ChartGrid, sigmaMm: number): ChartGrid {
  const { columns, rows, values } = relief;
  return relief.with(gaussian(values, { columns, rows, channels: 1 }, sigmaMm / ChartGrid.STEP_MM));
}

class SkinShader {
  readonly normal = new Float64Array(3);
  readonly baseNormal = new Float64Array(3);
  place: [number, number] = [0, 0];
  readonly #albedo = new Float64Array(3);
  /** Normals that diffuse light of each channel sees. */
  readonly #diffuse = [0, 1, 2].map(() => new Float64Array(3));

  constructor(
    private readonly head: BareHead,
    private readonly camera: SampleCamera,
    private readonly relief: ChartGrid,
    /** The relief that diffuse red, green and blue light show. */
    private readonly scattered: readonly ChartGrid[],
    private readonly painted: Paint,
    private readonly lamp: Lamp,
  ) {}

  /** Linear light of a point; leaves its normals (camera frame) and its place. */
  shade(t: number, w0: number, w1: number, rgb: Float64Array): void {
    const { head, lamp, painted, relief, scattered } = this;
    const w2 = 1 - w0 - w1;
    const { triangles, normals, places } = head;
    const [a, b, c] = [triangles[3 * t]!, triangles[3 * t + 1]!, triangles[3 * t + 2]!];
    const mix = (values: Float32Array, k: number, n: number): number =>
      w0 * values[n * a + k]! + w1 * values[n * b + k]! + w2 * values[n * c + k]!;
    let [nx, ny, nz] = [mix(normals, 0, 3), mix(normals, 1, 3), mix(normals, 2, 3)];
    const length = Math.hypot(nx, ny, nz) || 1;
    nx /= length;
    ny /= length;
    nz /= length;
    this.#turn(nx, ny, nz, this.baseNormal);
    const [px, py] = [mix(places, 0, 2), mix(places, 1, 2)];
    this.place = [px, py];
    head.colour(t, w0, w1, w2, this.#albedo);
    let lit = 1;
    let depth = 0;
    this.#turn(nx, ny, nz, this.normal);
    for (const diffuse of this.#diffuse) diffuse.set(this.normal);
    if (head.isSkin[t] === 1) {
      this.#bend(relief, [a, b, c], [nx, ny, nz], this.normal);
      for (const [k, soft] of scattered.entries()) this.#bend(soft, [a, b, c], [nx, ny, nz], this.#diffuse[k]!);
      depth = relief.at(px, py);
      lit = painted.lit.at(px, py) || 1;
      for (let k = 0; k < 3; k++) this.#albedo[k]! *= Math.exp(painted.logAlbedo.at(px, py, k));
    }
    const [x, y, z] = this.normal as unknown as [number, number, number];
    const open = Math.min(1.08, Math.max(0.5, 1 + FURROW_DIMMING * depth * (depth < 0 ? 0.5 : 0.15)));
    // Blinn: halfway between the light and the camera, which is towards -z.
    const [bx, by, bz] = [lamp.key[0], lamp.key[1], lamp.key[2] - 1];
    const half = Math.hypot(bx, by, bz) || 1;
    const shine = lamp.shine * lit * Math.max(0, (x * bx + y * by + z * bz) / half) ** lamp.gloss;
    for (let k = 0; k < 3; k++) {
      const [u, v, w] = this.#diffuse[k]! as unknown as [number, number, number];
      const facing = Math.max(0, u * lamp.key[0] + v * lamp.key[1] + w * lamp.key[2]);
      const sky = 0.72 + 0.28 * (u * lamp.sky[0] + v * lamp.sky[1] + w * lamp.sky[2]);
      const irradiance = lamp.keyColour[k]! * facing * lit + lamp.ambient[k]! * sky * open;
      rgb[k] = lamp.exposure * (this.#albedo[k]! * irradiance + shine * lamp.keyColour[k]!);
    }
  }

  /** The normal, camera frame, of a surface that a relief displaces: m = n - grad h. */
  #bend(relief: ChartGrid, [a, b, c]: readonly number[], normal: readonly number[], out: Float64Array): void {
    const { positions, places } = this.head;
    const [hx, hy] = relief.slope(...this.place);
    if (hx === 0 && hy === 0) return;
    // The slope along the triangle's edges, and from it the gradient on the surface.
    const edge = (to: number): number[] => [0, 1, 2].map((k) => positions[3 * to + k]! - positions[3 * a! + k]!);
    const along = (to: number): number =>
      hx * (places[2 * to]! - places[2 * a!]!) + hy * (places[2 * to + 1]! - places[2 * a! + 1]!);
    const [u, v] = [edge(b!), edge(c!)];
    const dot = (p: number[], q: number[]): number => p[0]! * q[0]! + p[1]! * q[1]! + p[2]! * q[2]!;
    const [uu, uv, vv] = [dot(u, u), dot(u, v), dot(v, v)];
    const det = uu * vv - uv * uv || 1;
    const [du, dv] = [along(b!), along(c!)];
    const p = (vv * du - uv * dv) / det;
    const q = (uu * dv - uv * du) / det;
    const m = normal.map((n, k) => n - p * u[k]! - q * v[k]!);
    const norm = Math.hypot(...m) || 1;
    this.#turn(m[0]! / norm, m[1]! / norm, m[2]! / norm, out);
  }

  #turn(x: number, y: number, z: number, out: Float64Array): void {
    const r = this.camera.rotation;
    for (let k = 0; k < 3; k++) out[k] = r[3 * k]! * x + r[3 * k + 1]! * y + r[3 * k + 2]! * z;
  }
}

/** The steepest slope within 1.5 mm, so that the calm middle of a furrow belongs to it. */
function steepness(relief: ChartGrid): ChartGrid {
  const step = 4;
  const { columns, rows } = relief;
  const cells = new Float32Array(Math.ceil(columns / step) * Math.ceil(rows / step));
  const width = Math.ceil(columns / step);
  for (let r = 1; r + 1 < rows; r++) {
    for (let c = 1; c + 1 < columns; c++) {
      const i = r * columns + c;
      const hx = relief.values[i + 1]! - relief.values[i - 1]!;
      const hy = relief.values[i + columns]! - relief.values[i - columns]!;
      if (hx === 0 && hy === 0) continue;
      const s = Math.hypot(hx, hy) * 4;
      const cell = Math.floor(r / step) * width + Math.floor(c / step);
      if (s > cells[cell]!) cells[cell] = s;
    }
  }
  const out = relief.with(new Float32Array(relief.values.length));
  const reach = 3;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      let best = 0;
      const [cr, cc] = [Math.floor(r / step), Math.floor(c / step)];
      for (let dr = -reach; dr <= reach; dr++) {
        for (let dc = -reach; dc <= reach; dc++) {
          const value = cells[(cr + dr) * width + cc + dc];
          if (value !== undefined && value > best) best = value;
        }
      }
      out.values[r * columns + c] = best;
    }
  }
  return out;
}

/** Linear light to an 8-bit JPEG and back: noise of a sensor, rounding, compression. */
async function photograph(linear: Float32Array, sizePx: number, random: Random): Promise<Raster> {
  const sigma = random.uniform(0.5, 2.2);
  const bytes = Buffer.alloc(linear.length);
  for (let i = 0; i < linear.length; i++) {
    const x = Math.min(1, Math.max(0, linear[i]!));
    const encoded = x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055;
    bytes[i] = Math.min(255, Math.max(0, Math.round(255 * encoded + random.normal(0, sigma))));
  }
  const raw = { width: sizePx, height: sizePx, channels: 3 as const };
  const jpeg = await sharp(bytes, { raw })
    .blur(random.uniform(0.35, 0.6))
    .jpeg({ quality: 85 + random.integer(11), chromaSubsampling: random.chance(0.5) ? '4:4:4' : '4:2:0' })
    .toBuffer();
  const { data } = await sharp(jpeg).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: sizePx, height: sizePx, channels: 3 };
}

/**
 * Colours of training heads, per vertex: the model's own albedo with its tone, contrast and features changed far beyond
 * what is natural, so that a network cannot rely on them, and hair, which also stands out from the head.
 */
import { type MorphableModel, REGION_NAMES } from '../../lib/morphable-model.js';
import type { Random } from '../../lib/sample/random.js';
import { smoothstep } from '../../lib/smoothstep.js';
import { valueNoise } from './value-noise.js';

export interface Complexion {
  /** `[vertices][3]`, sRGB-encoded 0..1. */
  colours: Float32Array;
  /** `[vertices]`, mm outwards: the thickness of the hair. */
  hairMm: Float32Array;
  /** Whether hair hangs over the forehead. */
  hasFringe: boolean;
  /** Whether there is a beard of a colour that no hair grows in. */
  hasDyedBeard: boolean;
}

type Rgb = [number, number, number];

const region = (name: (typeof REGION_NAMES)[number]): number => REGION_NAMES.indexOf(name);
const [MOUTH, EYES, EARS, NECK, SCALP] = [
  region('mouth'),
  region('eyes'),
  region('ears'),
  region('neck'),
  region('scalp'),
];
/** The points of a brow among the 68 landmarks, from its inner end. */
const BROWS = [
  [21, 20, 19, 18, 17],
  [22, 23, 24, 25, 26],
];
const BROW_REACH_MM = 11;

/** What does not change from portrait to portrait. */
export class ComplexionPainter {
  readonly #model: MorphableModel;
  readonly #skinEnd: number;
  readonly #brows: Rgb[][];
  readonly #browDistance: Float32Array;
  /** 1 on the red of the lips, 0 around them. */
  readonly #lips: Float32Array;

  constructor(model: MorphableModel) {
    this.#model = model;
    const skin = model.parts.find((part) => part.name === 'skin')!;
    let end = 0;
    for (let i = 3 * skin.firstTriangle; i < 3 * (skin.firstTriangle + skin.triangleCount); i++) {
      end = Math.max(end, model.triangles[i]! + 1);
    }
    this.#skinEnd = end;
    this.#brows = BROWS.map((points) => points.map((l) => landmark(model, l)));
    this.#browDistance = Float32Array.from({ length: model.vertexCount }, (_, v) =>
      this.#isFront(v) ? Math.min(...this.#brows.map((brow) => distanceTo(brow, this.#x(v), this.#y(v)))) : Infinity,
    );
    const outline = Array.from({ length: 12 }, (_, i) => landmark(model, 48 + i));
    this.#lips = Float32Array.from({ length: model.vertexCount }, (_, v) => {
      if (v >= end || model.regions[v] !== MOUTH) return 0;
      const distance = distanceTo([...outline, outline[0]!], this.#x(v), this.#y(v));
      return smoothstep(-1, 1, isInside(outline, this.#x(v), this.#y(v)) ? distance : -distance);
    });
  }

  /** @param albedo `[vertices][3]`, the model's own for random coefficients; changed and returned */
  paint(random: Random, albedo: Float32Array): Complexion {
    const { vertexCount, regions, mean } = this.#model;
    const base = this.#skinColour(albedo);
    const tone = Math.exp(random.normal(0, 0.35, 2));
    const skin = base.map((c) => clamp(c * tone * Math.exp(random.normal(0, 0.07)), 0.08, 0.92)) as Rgb;
    const contrast = random.uniform(0.4, 1.5);
    const lipContrast = random.uniform(0.2, 2);
    const lip: Rgb = [random.normal(0, 0.1), random.normal(0, 0.08), random.normal(0, 0.08)];
    const hair = hairColour(random);
    const seed = random.integer(1 << 20);
    const grain = random.chance(0.6) ? random.uniform(0, 0.12) : 0;
    const blotch = random.chance(0.6) ? random.uniform(0, 0.18) : 0;
    const redness = random.uniform(0, 0.16);
    const stubble = random.chance(0.3) ? random.uniform(0.1, 0.6) : 0;
    const lidShade = random.chance(0.4) ? random.uniform(-0.3, 0.1) : 0;
    const ownBrows = random.chance(0.35);
    const colours = albedo;
    for (let v = 0; v < this.#skinEnd; v++) {
      const x = mean[3 * v]!;
      const y = mean[3 * v + 1]!;
      const z = mean[3 * v + 2]!;
      const lips = this.#lips[v]!;
      const nearBrow = ownBrows ? 0 : smoothstep(BROW_REACH_MM, BROW_REACH_MM - 4, this.#browDistance[v]!);
      let change = 1;
      if (grain > 0) change += grain * (2 * valueNoise(x / 2.5, y / 2.5, z / 2.5, seed) - 1);
      if (blotch > 0) change += blotch * (2 * valueNoise(x / 14, y / 14, z / 14, seed + 1) - 1);
      const red = redness * (blob(Math.abs(x) - 38, y + 32, 16) + blob(x, y + 33, 11));
      const beard = stubble * smoothstep(-44, -58, y) * smoothstep(-60, -25, z) * (1 - 0.8 * lips);
      const lid = regions[v] === EYES ? lidShade : 0;
      for (let k = 0; k < 3; k++) {
        let feature = (albedo[3 * v + k]! - base[k]!) * (contrast + lips * (lipContrast - contrast));
        feature = feature * (1 - nearBrow) + lips * lip[k]!;
        let c = (skin[k]! + feature + lid * skin[k]!) * change * (k === 0 ? 1 : 1 - red);
        c += beard * (hair[k]! - c);
        colours[3 * v + k] = c;
      }
    }
    if (!ownBrows) this.#drawBrows(random, colours, hair);
    const { hairMm, hasFringe } = this.#drawHair(random, colours, hair);
    for (let i = 0; i < 3 * vertexCount; i++) colours[i] = clamp(colours[i]!, 0.015, 0.97);
    const grows = hair[0] >= hair[1] && hair[1] >= hair[2];
    return { colours, hairMm, hasFringe, hasDyedBeard: stubble > 0 && !grows };
  }

  /** Brows somewhere near their place: people's differ more than the model's. */
  #drawBrows(random: Random, colours: Float32Array, hair: Rgb): void {
    const strength = random.uniform(0.15, 0.95);
    const [dx, dy] = [random.normal(0, 1.2), random.normal(0, 2)];
    const [tilt, arch] = [random.normal(0, 1.2), random.normal(0, 1)];
    const [inner, outer] = [random.uniform(1.5, 4.5), random.uniform(0.7, 2.5)];
    const seed = random.integer(1 << 20);
    for (const [side, brow] of this.#brows.entries()) {
      const sign = side === 0 ? -1 : 1;
      const line = brow.map(([x, y, z], i): Rgb => {
        const t = i / (brow.length - 1);
        return [x + sign * dx, y + dy + tilt * (2 * t - 1) + arch * (1 - 4 * (t - 0.5) ** 2), z];
      });
      for (let v = 0; v < this.#skinEnd; v++) {
        if (!(this.#browDistance[v]! < BROW_REACH_MM + 6) || this.#x(v) * sign < 0) continue;
        const t = clamp((Math.abs(this.#x(v)) - 15) / 43, 0, 1);
        const half = inner + (outer - inner) * t;
        const cover = strength * smoothstep(half + 1.3, half - 1.3, distanceTo(line, this.#x(v), this.#y(v)));
        const strands = 0.7 + 0.5 * valueNoise(this.#x(v), this.#y(v) / 3, 0, seed);
        mix(colours, v, hair, Math.min(1, cover * strands));
      }
    }
  }

  /** A cap of hair with a random hairline, sides and fringe, thick enough to change the outline of the head. */
  #drawHair(random: Random, colours: Float32Array, hair: Rgb): Pick<Complexion, 'hairMm' | 'hasFringe'> {
    const { vertexCount, regions, mean } = this.#model;
    const thickness = new Float32Array(vertexCount);
    if (random.chance(0.1)) return { hairMm: thickness, hasFringe: false };
    const volume = random.chance(0.3) ? random.uniform(1, 4) : random.uniform(4, 28);
    const hasFringe = random.chance(0.2);
    const hairline = hasFringe ? random.uniform(30, 55) : random.uniform(58, 82);
    const slope = random.normal(0, 0.25);
    const temple = random.uniform(-0.2, 0.9);
    const length = random.chance(0.4) ? random.uniform(-160, -50) : random.uniform(-40, 0);
    const sideX = random.uniform(52, 70);
    const sideZ = random.uniform(-55, -15);
    const seed = random.integer(1 << 20);
    for (let v = 0; v < this.#skinEnd; v++) {
      const r = regions[v]!;
      if (r === MOUTH || r === EYES) continue;
      const x = mean[3 * v]!;
      const y = mean[3 * v + 1]!;
      const z = mean[3 * v + 2]!;
      const edge = 8 * (valueNoise(x / 12, y / 12, z / 12, seed) - 0.5);
      const above = smoothstep(-4, 4, y - hairline - slope * x + temple * Math.max(0, Math.abs(x) - 40) + edge);
      const side =
        smoothstep(-4, 4, Math.abs(x) - sideX + edge) *
        smoothstep(5, -5, z - sideZ) *
        smoothstep(-6, 6, y - length + edge);
      const behind = smoothstep(-75, -90, z) * smoothstep(-6, 6, y - length);
      let cover = Math.max(above, r === EARS ? side * (length < -50 ? 1 : 0) : side, behind);
      if (r === SCALP) cover = Math.max(cover, smoothstep(-6, 6, y - length));
      if (r === NECK) cover *= length < -60 && z < -60 ? 1 : 0;
      if (cover <= 0) continue;
      const strands = valueNoise(x / 3, y / 14, z / 5, seed + 1);
      thickness[v] = cover * volume * (0.6 + 0.8 * valueNoise(x / 22, y / 22, z / 22, seed + 2));
      mix(colours, v, hair, cover, 0.6 + 0.8 * strands);
    }
    return { hairMm: thickness, hasFringe };
  }

  /** Mean colour of the cheeks. */
  #skinColour(albedo: Float32Array): Rgb {
    const { regions } = this.#model;
    const sum: Rgb = [0, 0, 0];
    let count = 0;
    for (let v = 0; v < this.#skinEnd; v++) {
      if (regions[v] !== region('cheeks')) continue;
      for (let k = 0; k < 3; k++) sum[k]! += albedo[3 * v + k]!;
      count++;
    }
    return sum.map((c) => c / count) as Rgb;
  }

  #isFront(v: number): boolean {
    return v < this.#skinEnd && this.#z(v) > -30 && this.#y(v) > 5;
  }

  #x(v: number): number {
    return this.#model.mean[3 * v]!;
  }

  #y(v: number): number {
    return this.#model.mean[3 * v + 1]!;
  }

  #z(v: number): number {
    return this.#model.mean[3 * v + 2]!;
  }
}

function landmark({ ibug68, mean }: MorphableModel, l: number): Rgb {
  const point: Rgb = [0, 0, 0];
  for (let j = 0; j < 3; j++) {
    const vertex = 3 * ibug68.vertices[3 * l + j]!;
    for (let k = 0; k < 3; k++) point[k]! += ibug68.weights[3 * l + j]! * mean[vertex + k]!;
  }
  return point;
}

function hairColour(random: Random): Rgb {
  if (random.chance(0.15)) return [0, 1, 2].map(() => random.uniform(0.05, 0.9)) as Rgb;
  const brightness = random.uniform(0.04, 0.75) ** 1.4;
  const warmth = random.uniform(0, 0.5);
  return [brightness, brightness * (1 - 0.5 * warmth), brightness * (1 - warmth)];
}

/** In x and y, to a polyline. */
function distanceTo(line: readonly Rgb[], x: number, y: number): number {
  let best = Infinity;
  for (let i = 0; i + 1 < line.length; i++) {
    const ax = line[i]![0];
    const ay = line[i]![1];
    const ux = line[i + 1]![0] - ax;
    const uy = line[i + 1]![1] - ay;
    const t = clamp(((x - ax) * ux + (y - ay) * uy) / (ux * ux + uy * uy), 0, 1);
    best = Math.min(best, (x - ax - t * ux) ** 2 + (y - ay - t * uy) ** 2);
  }
  return Math.sqrt(best);
}

function isInside(polygon: readonly Rgb[], x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[j]!;
    const [bx, by] = polygon[i]!;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

function mix(colours: Float32Array, v: number, to: Rgb, weight: number, brightness = 1): void {
  for (let k = 0; k < 3; k++) colours[3 * v + k]! += weight * (brightness * to[k]! - colours[3 * v + k]!);
}

function clamp(x: number, low: number, high: number): number {
  return x < low ? low : x > high ? high : x;
}

function blob(dx: number, dy: number, radius: number): number {
  return Math.exp(-(dx * dx + dy * dy) / (radius * radius));
}

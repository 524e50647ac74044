/** Light on training heads, per vertex: soft and hard lights, gloss and shadows, in one of two image formations. */
import { irradiance, randomLighting } from '../../lib/sample/lighting.js';
import type { Random } from '../../lib/sample/random.js';
import { valueNoise } from './value-noise.js';

type Vector = [number, number, number];

/** Of a table of powers: errs by 5e-5 at most, of which an 8-bit step is the 80-fold. */
const STEPS = 1024;

interface HardLight {
  direction: Vector;
  colour: Vector;
}

/**
 * Lights the vertices in place.
 *
 * @param colours `[vertices][3]`, sRGB-encoded albedo in, sRGB-encoded light out
 * @param normals `[vertices][3]`, unit, view frame: x right, y up, z towards the camera
 * @param places `[vertices][3]`, mm; shadows are cut out of space with them
 * @param dimming `[vertices]`, light that reaches the vertex: less inside the mouth
 */
export function illuminate(
  random: Random,
  colours: Float32Array,
  normals: Float32Array,
  places: Float32Array,
  dimming: Float32Array,
): void {
  // Colour times light in encoded values is what the fit assumes; photos and other renderers multiply linear light.
  const linear = random.chance(0.75);
  const soft = randomLighting(random, random.uniform(0.35, 0.7));
  const softness = linear ? random.uniform(0.15, 1.1) : 1;
  const hard = Array.from({ length: linear ? random.integer(3) : 0 }, () => hardLight(random));
  const gloss = random.chance(0.7) ? random.uniform(0, 0.12) : random.uniform(0.1, 0.35);
  const shine = random.uniform(6, 50);
  const glossFrom = unit([random.normal(0, 0.6), random.normal(0.4, 0.5), 1]);
  const rim = random.chance(0.25) ? random.uniform(0, 0.3) : 0;
  const gamma = linear ? random.uniform(1.9, 2.5) : 1;
  const shadow = random.chance(0.35) ? random.uniform(0.15, 0.75) : 0;
  const shadowSeed = random.integer(1 << 20);
  const shadowScale = random.uniform(25, 90);
  const shadowEdge = random.uniform(0.03, 0.2);
  const decode = linear ? new Power(2.2) : undefined;
  const encode = linear ? new Power(1 / gamma) : undefined;
  for (let v = 0; v < dimming.length; v++) {
    const i = 3 * v;
    const x = normals[i]!;
    const y = normals[i + 1]!;
    const z = normals[i + 2]!;
    // Turned away: never drawn.
    if (z < -0.3) continue;
    let lit = dimming[v]!;
    if (shadow > 0) {
      const n = valueNoise(
        places[i]! / shadowScale,
        places[i + 1]! / shadowScale,
        places[i + 2]! / shadowScale,
        shadowSeed,
      );
      lit *= 1 - shadow * Math.min(1, Math.max(0, (n - 0.5) / shadowEdge + 0.5));
    }
    const towards = x * glossFrom[0] + y * glossFrom[1] + z * glossFrom[2];
    const highlight = towards > 0.4 ? gloss * towards ** shine : 0;
    const edge = rim > 0 ? rim * (1 - Math.max(0, z)) ** 3 : 0;
    for (let k = 0; k < 3; k++) {
      let light = softness * Math.max(linear ? 0.02 : 0, irradiance(soft, 9 * k, x, y, z));
      for (let h = 0; h < hard.length; h++) {
        const { direction: d, colour } = hard[h]!;
        light += colour[k]! * Math.max(0, x * d[0] + y * d[1] + z * d[2]);
      }
      const albedo = decode ? decode.of(colours[i + k]!) : colours[i + k]!;
      const seen = lit * (albedo * Math.max(0, light) + highlight + edge);
      colours[i + k] = encode ? encode.of(seen) : seen;
    }
  }
}

/** Powers of numbers, which are called for some hundred thousand times a portrait: looked up where they are 0 to 1. */
class Power {
  readonly #exponent: number;
  readonly #table: Float32Array;

  constructor(exponent: number) {
    this.#exponent = exponent;
    this.#table = Float32Array.from({ length: STEPS + 2 }, (_, i) => (i / STEPS) ** (2 * exponent));
  }

  of(x: number): number {
    if (x >= 1) return x ** this.#exponent;
    // By the square root, of which roots are no longer steep at 0.
    const at = STEPS * Math.sqrt(x);
    const i = Math.floor(at);
    return this.#table[i]! + (at - i) * (this.#table[i + 1]! - this.#table[i]!);
  }
}

function hardLight(random: Random): HardLight {
  const azimuth = random.uniform(-1.9, 1.9);
  const elevation = random.uniform(-0.4, 1.3);
  const strength = random.uniform(0.1, 1.2);
  const warm = random.normal(0, 0.1);
  return {
    direction: [Math.sin(azimuth) * Math.cos(elevation), Math.sin(elevation), Math.cos(azimuth) * Math.cos(elevation)],
    colour: [strength * (1 + warm), strength, strength * (1 - warm)],
  };
}

function unit([x, y, z]: Vector): Vector {
  const length = Math.hypot(x, y, z) || 1;
  return [x / length, y / length, z / length];
}

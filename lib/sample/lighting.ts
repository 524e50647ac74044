/**
 * Second-order spherical-harmonics light, 9 coefficients a channel, in the view frame: x right, y up, z towards the
 * camera. `irradiance(n) = sum_k gamma[k] H_k(n)`, with the cosine lobe folded into H (Ramamoorthi and Hanrahan, 2001).
 */
import type { Random } from './random.js';

/** Irradiance of one channel; `gamma` holds 9 values from `offset` on. */
export function irradiance(gamma: ArrayLike<number>, offset: number, x: number, y: number, z: number): number {
  return (
    gamma[offset]! * 0.886227 -
    gamma[offset + 1]! * 1.023327 * y +
    gamma[offset + 2]! * 1.023327 * z -
    gamma[offset + 3]! * 1.023327 * x +
    gamma[offset + 4]! * 0.858086 * x * y -
    gamma[offset + 5]! * 0.858086 * y * z +
    gamma[offset + 6]! * 0.247708 * (3 * z * z - 1) -
    gamma[offset + 7]! * 0.858086 * x * z +
    gamma[offset + 8]! * 0.429043 * (x * x - y * y)
  );
}

/** Adds a distant light: `strength * max(0, n . direction)`, as far as second order carries it. */
function addDistantLight(gamma: Float32Array, direction: readonly number[], strength: readonly number[]): void {
  const [x, y, z] = direction;
  const harmonics = [
    0.282095,
    -0.488603 * y!,
    0.488603 * z!,
    -0.488603 * x!,
    1.092548 * x! * y!,
    -1.092548 * y! * z!,
    0.315392 * (3 * z! * z! - 1),
    -1.092548 * x! * z!,
    0.546274 * (x! * x! - y! * y!),
  ];
  for (let channel = 0; channel < 3; channel++) {
    for (let k = 0; k < 9; k++) gamma[9 * channel + k]! += strength[channel]! * harmonics[k]!;
  }
}

/** Mean irradiance over the front half of a face, which exposure brings to a fixed value. */
function frontalIrradiance(gamma: Float32Array): number {
  let sum = 0;
  const probes: [number, number][] = [
    [0, 0],
    [0.5, 0],
    [-0.5, 0],
    [0, 0.5],
    [0, -0.5],
  ];
  for (const [x, y] of probes) {
    const z = Math.sqrt(1 - x * x - y * y);
    for (let channel = 0; channel < 3; channel++) sum += irradiance(gamma, 9 * channel, x, y, z) / 15;
  }
  return sum;
}

/** How bright a face comes out in a photo, mean over its front, of 1; and how far exposure goes to bring it there. */
const BRIGHTNESS = [0.42, 0.66] as const;
const EXPOSURE = [0.7, 1.4] as const;

/**
 * A random room: ambient light, a key light from the front half and a weaker fill light, exposed for the face.
 *
 * @param reflectance mean albedo of the face, 0..1
 */
export function randomLighting(random: Random, reflectance: number): Float32Array {
  const gamma = new Float32Array(27);
  const tint = (): number[] => {
    const warm = random.normal(0, 0.04, 2);
    return [1 + warm, 1, 1 - warm];
  };
  const ambient = random.uniform(0.35, 0.75);
  tint().forEach((c, channel) => {
    gamma[9 * channel]! += (ambient * c) / 0.886227;
  });
  const key = random.uniform(0.25, 0.8);
  addDistantLight(
    gamma,
    randomDirection(random, 70),
    tint().map((c) => c * key),
  );
  const fill = random.uniform(0, 0.3);
  addDistantLight(
    gamma,
    randomDirection(random, 100),
    tint().map((c) => c * fill),
  );
  const wanted = random.uniform(...BRIGHTNESS) / reflectance;
  const exposure = Math.min(EXPOSURE[1], Math.max(EXPOSURE[0], wanted)) / frontalIrradiance(gamma);
  return gamma.map((g) => g * exposure);
}

/** A direction towards the light, up to `spread` degrees to the sides and mostly from above. */
function randomDirection(random: Random, spread: number): number[] {
  const azimuth = (random.uniform(-spread, spread) * Math.PI) / 180;
  const elevation = (random.uniform(-15, 55) * Math.PI) / 180;
  return [Math.sin(azimuth) * Math.cos(elevation), Math.sin(elevation), Math.cos(azimuth) * Math.cos(elevation)];
}

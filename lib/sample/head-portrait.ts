/** Draws a head of a morphable model: its own albedo, spherical-harmonics light, glossy eyes, a dim mouth. */

import { type MorphableModel, type PartName, REGION_NAMES } from '../morphable-model.js';
import { randomBackdrop } from './backdrop.js';
import { type SampleCamera, toCameraFrame } from './camera.js';
import { irradiance } from './lighting.js';
import { addNormals } from './normal-sums.js';
import { renderPortrait, type Shader } from './portrait-renderer.js';
import type { Random } from './random.js';
import type { RandomHead } from './random-head.js';

const NECK_REGION = REGION_NAMES.indexOf('neck');
/** Light that reaches the inside of a mouth. */
const MOUTH_LIGHT: Partial<Record<PartName, number>> = { upperTeeth: 0.75, lowerTeeth: 0.6, tongue: 0.5 };
/** Noise of the sensor, 8-bit steps. */
const NOISE = [0.5, 3] as const;

/**
 * @param lighting spherical harmonics, `[3][9]`
 * @returns 8-bit RGB, `size` x `size`, rows from the top
 */
export async function drawHeadPortrait(
  model: MorphableModel,
  head: RandomHead,
  camera: SampleCamera,
  lighting: Float32Array,
  size: number,
  random: Random,
): Promise<Uint8Array> {
  const cameraPositions = toCameraFrame(camera, head.positions);
  const pixels = await renderPortrait({
    width: size,
    height: size,
    cameraPositions,
    triangles: model.triangles,
    focalLengthPx: camera.focalLengthPx,
    principalPointPx: camera.principalPointPx,
    backdrop: randomBackdrop(random, size, neckEnd(model, cameraPositions, camera.focalLengthPx, size)),
    shade: headShader(model, head.colours, cameraPositions, lighting),
  });
  const sigma = random.uniform(...NOISE);
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = Math.min(255, Math.max(0, Math.round(pixels[i]! + random.normal(0, sigma))));
  }
  return pixels;
}

/** Colour times irradiance, both sRGB-encoded: the image formation that the fit assumes. */
function headShader(
  { triangles, parts }: MorphableModel,
  colours: Float32Array,
  cameraPositions: Float64Array,
  lighting: Float32Array,
): Shader {
  const normals = addNormals(cameraPositions, triangles, new Float64Array(cameraPositions.length));
  const partOf: PartName[] = [];
  for (const { name, triangleCount } of parts) for (let t = 0; t < triangleCount; t++) partOf.push(name);
  return (t, w0, w1, w2, rgb) => {
    const a = 3 * triangles[3 * t]!;
    const b = 3 * triangles[3 * t + 1]!;
    const c = 3 * triangles[3 * t + 2]!;
    // Camera frame to view frame: y up, z towards the camera.
    let x = w0 * normals[a]! + w1 * normals[b]! + w2 * normals[c]!;
    let y = -(w0 * normals[a + 1]! + w1 * normals[b + 1]! + w2 * normals[c + 1]!);
    let z = -(w0 * normals[a + 2]! + w1 * normals[b + 2]! + w2 * normals[c + 2]!);
    const length = Math.hypot(x, y, z) || 1;
    x /= length;
    y /= length;
    z /= length;
    const dim = MOUTH_LIGHT[partOf[t]!] ?? 1;
    for (let k = 0; k < 3; k++) {
      const albedo = w0 * colours[a + k]! + w1 * colours[b + k]! + w2 * colours[c + k]!;
      rgb[k] = dim * albedo * Math.max(0, irradiance(lighting, 9 * k, x, y, z));
    }
  };
}

/** Where the neck ends in the picture: the lower end of the neck region. */
function neckEnd({ regions }: MorphableModel, p: Float64Array, focal: number, size: number) {
  let lowest = -Infinity;
  let [sum, count, left, right] = [0, 0, Infinity, -Infinity];
  for (let v = 0; v < regions.length; v++) {
    if (regions[v] !== NECK_REGION) continue;
    const x = (focal * p[3 * v]!) / p[3 * v + 2]! + size / 2;
    lowest = Math.max(lowest, (focal * p[3 * v + 1]!) / p[3 * v + 2]! + size / 2);
    left = Math.min(left, x);
    right = Math.max(right, x);
    sum += x;
    count++;
  }
  if (count === 0) return { neckPx: [size / 2, 2 * size] as const, halfNeckPx: size / 4 };
  return { neckPx: [sum / count, lowest] as const, halfNeckPx: (right - left) / 2 };
}

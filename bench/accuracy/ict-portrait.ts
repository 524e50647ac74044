/** Portraits of ICT-FaceKit heads with a known camera: the out-of-model test pictures. */

import { randomBackdrop } from '../../lib/sample/backdrop.js';
import { type SampleCamera, toCameraFrame } from '../../lib/sample/camera.js';
import { irradiance, randomLighting } from '../../lib/sample/lighting.js';
import { renderPortrait } from '../../lib/sample/portrait-renderer.js';
import { Random } from '../../lib/sample/random.js';
import type { IctHead, IctModel } from './ict-head.js';
import { type Paint, randomPaint } from './ict-paint.js';
import { vertexNormals } from './surface.js';

/** Middle of the face in ICT's frame, mm: between the eyes and the mouth, on the surface. */
export const ICT_FACE_CENTRE_MM = [0, 5, 95] as const;
const NECK_BASE_MM = [0, -150, 0] as const;
const HALF_NECK_MM = 62;
/** Exposure of about one: the tones of the paint are meant to differ. */
const LINEAR_REFLECTANCE = 0.5;

/** Colours of the portrait of a head that drawIctPortrait() draws from a seed. */
export function ictPaint(model: IctModel, head: IctHead, seed: number): Paint {
  return randomPaint(model, head.positions, portraitRandom(seed));
}

const portraitRandom = (seed: number): Random => new Random(seed ^ 0x1c7);

/**
 * Draws a head.
 *
 * @param seed light, colours and backdrop
 * @param complexion seed of the colours, where portraits of one person are to have the same
 * @returns 8-bit RGB, `size` x `size`, rows from the top
 */
export async function drawIctPortrait(
  model: IctModel,
  head: IctHead,
  camera: SampleCamera,
  seed: number,
  size: number,
  complexion?: number,
): Promise<Uint8Array> {
  const random = portraitRandom(seed);
  const paint = randomPaint(model, head.positions, complexion === undefined ? random : new Random(complexion));
  const lighting = randomLighting(random, LINEAR_REFLECTANCE);
  const shine = random.uniform(0, 0.05);
  const cameraPositions = toCameraFrame(camera, head.positions);
  const normals = vertexNormals({ positions: cameraPositions, triangles: model.triangles });
  const neck = toCameraFrame(camera, Float32Array.from(NECK_BASE_MM));
  const perMm = camera.focalLengthPx / neck[2]!;
  const backdrop = randomBackdrop(random, size, {
    neckPx: [neck[0]! * perMm + size / 2, neck[1]! * perMm + size / 2],
    halfNeckPx: HALF_NECK_MM * perMm,
  });
  const noise = new Random(seed ^ 0x5eed);
  const pixels = await renderPortrait({
    width: size,
    height: size,
    cameraPositions,
    triangles: model.triangles,
    focalLengthPx: camera.focalLengthPx,
    principalPointPx: camera.principalPointPx,
    backdrop,
    shade: (t, w0, w1, w2, rgb) => {
      const a = 3 * model.triangles[3 * t]!;
      const b = 3 * model.triangles[3 * t + 1]!;
      const c = 3 * model.triangles[3 * t + 2]!;
      const at = (values: Float32Array | Float64Array, k: number): number =>
        w0 * values[a + k]! + w1 * values[b + k]! + w2 * values[c + k]!;
      const part = model.parts[t]!;
      paint(part, at(model.neutral, 0), at(model.neutral, 1), at(model.neutral, 2), rgb);
      // Camera frame to view frame: y up, z towards the camera.
      let x = at(normals, 0);
      let y = -at(normals, 1);
      let z = -at(normals, 2);
      const length = Math.hypot(x, y, z) || 1;
      x /= length;
      y /= length;
      z /= length;
      const gloss = part === 'skin' ? shine * Math.max(0, 0.25 * x + 0.45 * y + 0.857 * z) ** 16 : 0;
      for (let k = 0; k < 3; k++) {
        const light = Math.max(0.02, irradiance(lighting, 9 * k, x, y, z));
        rgb[k] = encode(rgb[k]! * light + gloss);
      }
    },
  });
  const sigma = random.uniform(0, 2.5);
  for (let i = 0; i < pixels.length; i++)
    pixels[i] = Math.min(255, Math.max(0, Math.round(pixels[i]! + noise.normal(0, sigma))));
  return pixels;
}

/** Linear light to sRGB. */
function encode(x: number): number {
  return x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055;
}

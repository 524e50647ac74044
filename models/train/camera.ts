/** Cameras of training portraits: any lens, any usual turn of the head, and crops whose middle is not the lens's. */
import { cameraBefore, type SampleCamera } from '../../lib/sample/camera.js';
import type { Random } from '../../lib/sample/random.js';

const FILM_WIDTH_MM = 36;
const FOCAL_MM = [24, 135] as const;
const FACE_HEIGHT_MM = 180;
const FACE_SHARE = [0.5, 0.78] as const;
const NEAREST_MM = 300;
/** Middle of a face in the head frame, mm. */
const FACE_CENTRE_MM = [0, -25, 60] as const;
const LARGEST_YAW = 60;
const LARGEST_PITCH = 35;
const WIDEST_YAW = 62;
const WIDEST_PITCH = 42;

export function trainingCamera(random: Random, sizePx: number): SampleCamera {
  const yaw = random.chance(0.65) ? random.normal(0, 18, LARGEST_YAW / 18) : random.uniform(-LARGEST_YAW, LARGEST_YAW);
  const pitch = random.normal(0, 10, LARGEST_PITCH / 10);
  return cameraFor(random, sizePx, yaw, pitch);
}

/** The same for heads that are turned or bowed more than is usual. */
export function wideCamera(random: Random, sizePx: number): SampleCamera {
  const yaw = random.uniform(-WIDEST_YAW, WIDEST_YAW);
  const pitch = random.uniform(-WIDEST_PITCH, WIDEST_PITCH);
  return cameraFor(random, sizePx, yaw, pitch);
}

function cameraFor(random: Random, sizePx: number, yaw: number, pitch: number): SampleCamera {
  const roll = random.normal(0, 7);
  // A crop of a photo keeps the lens but not the width of the film.
  const zoom = random.chance(0.5) ? 1 : random.uniform(1, 2.5);
  const focalMm = Math.exp(random.uniform(Math.log(FOCAL_MM[0]), Math.log(FOCAL_MM[1])));
  const share = random.uniform(...FACE_SHARE);
  const wanted = (focalMm / FILM_WIDTH_MM) * zoom * sizePx;
  const distance = Math.max(NEAREST_MM, (wanted * FACE_HEIGHT_MM) / (share * sizePx));
  const focalLengthPx = (distance * share * sizePx) / FACE_HEIGHT_MM;
  const away = zoom - 1;
  const principalPointPx: [number, number] = [
    sizePx * (0.5 + away * random.uniform(-0.3, 0.3)),
    sizePx * (0.5 + away * random.uniform(-0.3, 0.3)),
  ];
  const at = [0, 1].map((axis) => sizePx * (0.5 + random.normal(0, 0.04, 2)) - principalPointPx[axis]!);
  const angles = { yaw, pitch, roll };
  return cameraBefore(FACE_CENTRE_MM, distance, [at[0]!, at[1]!], angles, focalLengthPx, principalPointPx);
}

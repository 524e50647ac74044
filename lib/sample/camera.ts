/** The random camera of a synthetic portrait. */
import { projectionMatrix } from '../projection-matrix.js';
import type { Random } from './random.js';

export interface SampleCamera {
  focalLengthPx: number;
  /** Where the lens's axis meets the picture. */
  principalPointPx: [number, number];
  /** Row-major 3x3: head frame to camera frame (x right, y down, z away from the camera). */
  rotation: number[];
  /** mm. */
  translation: [number, number, number];
  /** Row-major 3x4, head frame in mm to pixels; pixel centres at +0.5. */
  projection: number[];
  /** Turn, nod and tilt of the head, degrees. */
  anglesDegrees: { yaw: number; pitch: number; roll: number };
}

/** Focal lengths on 36 mm wide film, as photographers name them. */
const FOCAL_MM = [28, 100] as const;
const FILM_WIDTH_MM = 36;
/** From forehead to chin; how much of the picture this takes. */
const FACE_HEIGHT_MM = 180;
const FACE_SHARE = [0.38, 0.6] as const;
/** Nobody holds a camera closer. */
const NEAREST_MM = 400;

/**
 * A camera in front of a head.
 *
 * @param sizePx side of the square picture
 * @param yawDegrees turn of the head; positive turns the face to the viewer's right
 * @param centreMm point of the head that comes to lie near the middle of the picture
 */
export function randomCamera(
  random: Random,
  sizePx: number,
  yawDegrees: number,
  centreMm: readonly [number, number, number],
): SampleCamera {
  const focalMm = Math.exp(random.uniform(Math.log(FOCAL_MM[0]), Math.log(FOCAL_MM[1])));
  const focalLengthPx = (focalMm / FILM_WIDTH_MM) * sizePx;
  const share = random.uniform(FACE_SHARE[0], FACE_SHARE[1]);
  const distance = Math.max(NEAREST_MM, (focalLengthPx * FACE_HEIGHT_MM) / (share * sizePx));
  const pitch = random.normal(0, 6, 2.5);
  const roll = random.normal(0, 4, 2.5);
  const offset = [random.normal(0, 0.03, 2), random.normal(0, 0.03, 2)];
  return cameraBefore(
    centreMm,
    distance,
    [offset[0]! * sizePx, offset[1]! * sizePx],
    { yaw: yawDegrees, pitch, roll },
    focalLengthPx,
    [sizePx / 2, sizePx / 2],
  );
}

/**
 * A camera before a point of the head.
 *
 * @param centreMm the point, head frame
 * @param distanceMm of the point along the lens's axis
 * @param offsetPx where the point comes to lie, from the principal point
 */
export function cameraBefore(
  centreMm: readonly [number, number, number],
  distanceMm: number,
  offsetPx: readonly [number, number],
  anglesDegrees: SampleCamera['anglesDegrees'],
  focalLengthPx: number,
  principalPointPx: [number, number],
): SampleCamera {
  const rotation = headRotation(anglesDegrees.yaw, anglesDegrees.pitch, anglesDegrees.roll);
  const c = multiply(rotation, centreMm);
  const translation: [number, number, number] = [
    (offsetPx[0] / focalLengthPx) * distanceMm - c[0],
    (offsetPx[1] / focalLengthPx) * distanceMm - c[1],
    distanceMm - c[2],
  ];
  return {
    focalLengthPx,
    principalPointPx,
    rotation,
    translation,
    projection: projectionMatrix(rotation, translation, focalLengthPx, principalPointPx),
    anglesDegrees,
  };
}

/** Roll after pitch after yaw, then from the head's axes (y up, z forward) to the camera's (y down, z away). */
export function headRotation(yawDegrees: number, pitchDegrees: number, rollDegrees: number): number[] {
  const [y, p, r] = [yawDegrees, pitchDegrees, rollDegrees].map((d) => (d * Math.PI) / 180) as [number, number, number];
  const yaw = [Math.cos(y), 0, Math.sin(y), 0, 1, 0, -Math.sin(y), 0, Math.cos(y)];
  const pitch = [1, 0, 0, 0, Math.cos(p), -Math.sin(p), 0, Math.sin(p), Math.cos(p)];
  const roll = [Math.cos(r), -Math.sin(r), 0, Math.sin(r), Math.cos(r), 0, 0, 0, 1];
  const [a, b, c, d, e, f, g, h, i] = multiply3(roll, multiply3(pitch, yaw)) as number[];
  return [a!, b!, c!, -d!, -e!, -f!, -g!, -h!, -i!];
}

/** Head frame to camera frame, `[n][3]`. */
export function toCameraFrame(camera: SampleCamera, positions: Float32Array): Float64Array {
  const { rotation: r, translation: t } = camera;
  const out = new Float64Array(positions.length);
  for (let i = 0; i < positions.length; i += 3) {
    const x = positions[i]!;
    const y = positions[i + 1]!;
    const z = positions[i + 2]!;
    out[i] = r[0]! * x + r[1]! * y + r[2]! * z + t[0];
    out[i + 1] = r[3]! * x + r[4]! * y + r[5]! * z + t[1];
    out[i + 2] = r[6]! * x + r[7]! * y + r[8]! * z + t[2];
  }
  return out;
}

function multiply(m: number[], v: readonly [number, number, number]): [number, number, number] {
  return [0, 3, 6].map((o) => m[o]! * v[0] + m[o + 1]! * v[1] + m[o + 2]! * v[2]) as [number, number, number];
}

function multiply3(a: number[], b: number[]): number[] {
  const out: number[] = [];
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      out.push(a[3 * i]! * b[j]! + a[3 * i + 1]! * b[3 + j]! + a[3 * i + 2]! * b[6 + j]!);
    }
  }
  return out;
}

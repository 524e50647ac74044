/** Runs the landmark network on synthetic portraits and compares its points with the truth. */

import { HrnError } from '../../../lib/errors.js';
import type { MorphableModel } from '../../../lib/morphable-model.js';
import { native } from '../../../lib/native/load.js';
import type { SampleCamera } from '../../../lib/sample/camera.js';
import { Random } from '../../../lib/sample/random.js';
import { sample } from '../../../lib/sample.js';
import { detectFaces } from '../../../lib/stages/detect.js';
import { type DenseLandmarks, findLandmarks } from '../../../lib/stages/landmarks.js';
import { FaceNetworks } from '../../../lib/stages/networks.js';
import { Photo } from '../../../lib/stages/photo.js';

export interface Measurement {
  seed: number;
  yawDegrees: number;
  presence: number;
  /** `[points][2]`, mm in the head frame's x and y: where the network puts its points relative to the surface points. */
  error: Float64Array;
}

const THREADS = 2;
/** The network sees the face at about 128 px; more is wasted. */
const PORTRAIT_PX = 336;
/** Wider than portraits are: turned heads show how the errors depend on the turn. */
const YAW_SIGMA_DEGREES = 20;
const YAW_LIMIT_SIGMAS = 2.2;

/** One measurement per portrait in which a face is found. */
export async function measure(
  model: MorphableModel,
  seeds: readonly number[],
  onDone: (done: number) => void,
): Promise<Measurement[]> {
  const networks = new FaceNetworks({ threads: THREADS });
  const context = new (native().Context)({ threads: THREADS });
  const measurements: Measurement[] = [];
  try {
    for (const [i, seed] of seeds.entries()) {
      const yawDegrees = new Random(seed).normal(0, YAW_SIGMA_DEGREES, YAW_LIMIT_SIGMAS);
      const portrait = await sample({ seed, size: PORTRAIT_PX, yawDegrees, model });
      const photo = new Photo(context, portrait.image);
      try {
        const [face] = await detectFaces(networks, photo);
        if (face) {
          const landmarks = await findLandmarks(networks, photo, face);
          measurements.push({
            seed,
            yawDegrees,
            presence: landmarks.presence,
            error: landmarkError(model, portrait.head.positions, portrait.camera, landmarks),
          });
        }
      } catch (error) {
        if (!(error instanceof HrnError && error.code === 'FACE_NOT_VISIBLE')) throw error;
      } finally {
        photo.dispose();
      }
      onDone(i + 1);
    }
  } finally {
    networks.dispose();
    context.dispose();
  }
  return measurements;
}

/**
 * The offset in the head frame's x and y that would carry each surface point to where the network saw it, its depth
 * unchanged: the pixel error, scaled to the point's depth, is the camera's view of that offset.
 */
export function landmarkError(
  model: MorphableModel,
  positions: Float32Array,
  camera: SampleCamera,
  { pixels }: DenseLandmarks,
): Float64Array {
  const { count, vertices, weights } = model.dense;
  const { rotation: r, projection: p, focalLengthPx } = camera;
  const error = new Float64Array(2 * count);
  const determinant = r[0]! * r[4]! - r[1]! * r[3]!;
  for (let l = 0; l < count; l++) {
    const point = [0, 0, 0, 1];
    for (let j = 0; j < 3; j++) {
      for (let k = 0; k < 3; k++) point[k]! += weights[3 * l + j]! * positions[3 * vertices[3 * l + j]! + k]!;
    }
    const row = (o: number): number => point.reduce((sum, x, k) => sum + x * p[o + k]!, 0);
    const depth = row(8);
    const du = ((pixels[2 * l]! - row(0) / depth) * depth) / focalLengthPx;
    const dv = ((pixels[2 * l + 1]! - row(4) / depth) * depth) / focalLengthPx;
    error[2 * l] = (r[4]! * du - r[1]! * dv) / determinant;
    error[2 * l + 1] = (r[0]! * dv - r[3]! * du) / determinant;
  }
  return error;
}

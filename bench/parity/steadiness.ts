// How far a fit moves when the start of its photometric refinement changes in the seventh digit: what the last digits of
// sums, which differ between devices, may do to it.

import { loadHeadModel } from '../../lib/head-model.js';
import type { NativeContext } from '../../lib/native/binding.js';
import { native } from '../../lib/native/load.js';
import type { Raster } from '../../lib/result.js';
import { type CoarseStage, fitCoarse } from '../../lib/stages/coarse.js';
import { detectFaces } from '../../lib/stages/detect.js';
import { seeFacePixels } from '../../lib/stages/face-pixels.js';
import { focalLengthPrior } from '../../lib/stages/focal-length.js';
import { findLandmarks } from '../../lib/stages/framing.js';
import { FaceNetworks } from '../../lib/stages/networks.js';
import { Photo } from '../../lib/stages/photo.js';
import { observe, refine } from '../../lib/stages/refine.js';
import { EMBEDDED_REGRESSOR, regress } from '../../lib/stages/regress.js';
import { faceDistance } from './compare.js';

/** Mean distance on the face by which a fit may move. */
export const STEADINESS_LIMIT_MM = 0.02;
/** Relative. */
const CHANGE = 1e-6;

const scaled = (values: Float64Array, factor: number): Float64Array => values.map((v) => v * factor);

/** Starts beside the one found, each on either side of it. */
const STARTS = [CHANGE, -CHANGE].flatMap((change): ((fit: CoarseStage['fit']) => CoarseStage['fit'])[] => [
  (fit) => ({ ...fit, translation: scaled(fit.translation, 1 + change) }),
  (fit) => ({ ...fit, focalPx: fit.focalPx * (1 + change), translation: scaled(fit.translation, 1 - change) }),
  (fit) => ({ ...fit, identity: scaled(fit.identity, 1 + change), expression: scaled(fit.expression, 1 - change) }),
]);

export class SteadinessProbe {
  readonly #networks = new FaceNetworks({});
  readonly #context: NativeContext = new (native().Context)({ threads: 1 });
  readonly #head = loadHeadModel(undefined);

  /** Mean distances on the face between the fit and those from starts beside its own, mm. */
  async distances(image: Raster): Promise<number[]> {
    const [context, networks, head] = [this.#context, this.#networks, await this.#head];
    const photo = new Photo(context, image);
    try {
      const [face] = await detectFaces(networks, photo);
      if (!face) throw new Error('no face found');
      const landmarks = await findLandmarks(networks, photo, face);
      const pixels = await seeFacePixels(networks, photo, landmarks);
      const estimate = await regress(networks, EMBEDDED_REGRESSOR, head.morphable, photo, landmarks);
      const focal = focalLengthPrior(landmarks, undefined, undefined, estimate);
      const principal = [image.width / 2, image.height / 2] as const;
      const coarse = await fitCoarse(context, head, landmarks, estimate, focal, principal, {});
      const seen = await observe(context, head, photo, landmarks, pixels, 'medium', undefined);
      const fit = (start: CoarseStage['fit']) =>
        refine(context, head, { ...coarse, fit: start }, seen, pixels.dense, 'medium', {});
      const { positions } = await fit(coarse.fit);
      const distances: number[] = [];
      for (const beside of STARTS) {
        const other = await fit(beside(coarse.fit));
        distances.push(faceDistance(head.morphable.deformable, positions, other.positions).meanMm);
      }
      return distances;
    } finally {
      photo.dispose();
    }
  }

  dispose(): void {
    this.#networks.dispose();
    this.#context.dispose();
  }
}

import { HrnError } from './errors.js';
import { fitFace, type Resources } from './fit.js';
import type { DecodedImage } from './image.js';
import type { ResolvedFitOptions } from './options.js';
import type { ProgressReporter } from './progress.js';
import type { Reconstruction } from './result.js';
import type { Box } from './result-data.js';
import { type DetectedFace, LEAST_FACE_PX } from './stages/detected-face.js';
import { inUsualLight } from './stages/find-faces.js';
import type { Photo } from './stages/photo.js';

/** A face that could not be fitted. */
export interface FaceFailure {
  /** As `detect` counts them, from 0. */
  index: number;
  box: Box;
  /** FACE_TOO_SMALL, FACE_NOT_VISIBLE or FIT_FAILED. */
  error: HrnError;
}

/** What became of one face of a photo. */
export type FaceOutcome =
  | { index: number; box: Box; face: Reconstruction; error?: never }
  | (FaceFailure & { face?: never });

/** What may be wrong with one face and not with another of the same photo. */
const OF_ONE_FACE: readonly string[] = ['FACE_TOO_SMALL', 'FACE_NOT_VISIBLE', 'FIT_FAILED'];
/** More are counted, not listed. */
const LISTED_FACES = 5;

/** A decoded photo with its faces, of which each can be fitted. */
export class PhotoFits {
  constructor(
    private readonly resources: Resources,
    private readonly image: DecodedImage,
    private readonly photo: Photo,
    readonly faces: readonly DetectedFace[],
    private readonly options: ResolvedFitOptions,
    private readonly progress: ProgressReporter,
    private readonly timingsMs: Readonly<Record<string, number>>,
  ) {}

  /** @throws HrnError FACE_INDEX, FACE_TOO_SMALL, FACE_NOT_VISIBLE, FIT_FAILED; the message tells of the other faces */
  async fit(index: number): Promise<Reconstruction> {
    const { faces } = this;
    const face = faces[index];
    if (face === undefined) {
      throw new HrnError(
        'FACE_INDEX',
        `expected a face number below ${faces.length} for option face, got ${index}: the photo shows ${faces.length} ${faces.length === 1 ? 'face' : 'faces'}`,
        { details: { faces: faces.length } },
      );
    }
    try {
      const { minFacePx = LEAST_FACE_PX } = this.options;
      const size = longerSide(face);
      if (size < minFacePx) {
        throw new HrnError(
          'FACE_TOO_SMALL',
          `expected a face of at least ${minFacePx} px (option minFacePx), got ${Math.floor(size)} px; use a larger photo, or a crop at full resolution`,
          { details: { sizePx: size, minFacePx } },
        );
      }
      return await this.#fitIn(this.photo, { ...face, index });
    } catch (error) {
      if (!isOfOneFace(error) || faces.length === 1) throw error;
      const { code, message, details } = error;
      throw new HrnError(code, `${message}; ${this.#others(index)}`, {
        details: { ...details, face: index },
        cause: error,
      });
    }
  }

  /** As fit(), but what is wrong with this face alone is returned. */
  async outcome(index: number): Promise<FaceOutcome> {
    const { box } = this.faces[index]!;
    try {
      return { index, box, face: await this.fit(index) };
    } catch (error) {
      if (!isOfOneFace(error)) throw error;
      return { index, box, error };
    }
  }

  async #fitIn(photo: Photo, face: DetectedFace & { index: number }): Promise<Reconstruction> {
    const { resources, image, options, progress } = this;
    const fit = (seen: Photo, shown: DetectedFace & { index: number }): Promise<Reconstruction> =>
      fitFace(resources, image, seen, shown, options, progress, { ...this.timingsMs });
    if (resources.reference) return fit(photo, face);
    return inUsualLight(resources.networks, photo, image, face, options.signal, fit);
  }

  dispose(): void {
    this.photo.dispose();
  }

  #others(index: number): string {
    const sizes = this.faces
      .map((face, i) => `${i}: ${Math.round(longerSide(face))} px${face.isCertain ? '' : ' (doubtful)'}`)
      .filter((_, i) => i !== index);
    const more = sizes.length > LISTED_FACES ? ` and ${sizes.length - LISTED_FACES} more` : '';
    return `this is face ${index} of ${this.faces.length}, option face (--face N) takes another: ${sizes.slice(0, LISTED_FACES).join(', ')}${more}`;
  }
}

export function isOfOneFace(error: unknown): error is HrnError {
  return error instanceof HrnError && OF_ONE_FACE.includes(error.code);
}

function longerSide({ box }: DetectedFace): number {
  return Math.max(box.width, box.height);
}

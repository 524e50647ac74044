import type { HrnErrorCode } from '../errors.js';
import type { Expressions } from '../expression-names.js';
import type { ImageInput } from '../image.js';
import { Reconstruction } from '../result.js';
import type { Camera, DetectedAs, Pose, Quality, ReconstructionData } from '../result-data.js';
import type { ReconstructionJson } from '../result-json.js';

/** One photo of the person, as the joint fit sees it. */
export interface FittedView {
  /** Its number among the images that were given. */
  index: number;
  /** Of the decoded photo, pixels. */
  width: number;
  height: number;
  face: DetectedAs;
  /** The person's head to this photo's camera: of the frame of `face.mesh`. */
  pose: Pose;
  camera: Camera;
  /** By ARKit name, 0..1. */
  expression: Expressions;
  /** Spherical harmonics, `[3][9]`, view frame. */
  lighting: Float32Array;
  /** How this view's head fits it. */
  quality: Quality;
  /** Share of the texture that comes from this photo, 0..1. */
  textureShare: number;
}

/** A photo that did not take part, and why. */
export interface LeftOutView {
  /** Its number among the images that were given. */
  index: number;
  code: HrnErrorCode;
  message: string;
}

export interface ViewsData extends ReconstructionData {
  views: readonly FittedView[];
  leftOut: readonly LeftOutView[];
  /** The view whose expression, pose and camera the result has: a place in `views`. */
  view: number;
}

/** What can be made of a joint fit later on. */
export interface ViewsContinued {
  show(view: number): Promise<ViewsReconstruction>;
  add(image: ImageInput): Promise<ViewsReconstruction>;
}

/** As `ReconstructionJson`, with the views. */
export interface ViewsJson extends ReconstructionJson {
  view: number;
  views: (Omit<FittedView, 'lighting'> & { lighting: number[][] })[];
  leftOut: LeftOutView[];
}

/**
 * One person from several photos: what `fitViews` returns. Mesh, expression, pose, camera, landmarks, quality and input are
 * those of one of the views; identity, albedo, deformation map, scale and texture are of all of them.
 */
export class ViewsReconstruction extends Reconstruction {
  readonly views: readonly FittedView[];
  readonly leftOut: readonly LeftOutView[];
  readonly view: number;
  readonly #continued: ViewsContinued;

  constructor(data: ViewsData, continued: ViewsContinued) {
    super(data);
    this.views = data.views;
    this.leftOut = data.leftOut;
    this.view = data.view;
    this.#continued = continued;
  }

  /**
   * The same person with another view's expression, pose and camera, as for its preview.
   *
   * @param view a place in `views`
   * @throws HrnError INVALID_OPTION; what decoding the photo again throws
   */
  withView(view: number): Promise<ViewsReconstruction> {
    return this.#continued.show(view);
  }

  /**
   * The person from one more photo: goes on from this result, which stays as it is.
   *
   * @throws HrnError as fitViews; the photo's own error where it cannot take part
   */
  addView(image: ImageInput): Promise<ViewsReconstruction> {
    return this.#continued.add(image);
  }

  override toJSON(): ViewsJson {
    return {
      ...super.toJSON(),
      view: this.view,
      views: this.views.map(({ lighting, ...view }) => ({
        ...view,
        lighting: [0, 9, 18].map((first) => Array.from(lighting.subarray(first, first + 9))),
      })),
      leftOut: this.leftOut.map((view) => ({ ...view })),
    };
  }
}

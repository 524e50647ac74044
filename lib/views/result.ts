import type { HrnErrorCode } from '../errors.js';
import type { ImageInput } from '../image.js';
import { Reconstruction } from '../result.js';
import type { Box, Camera, Pose, Quality, ReconstructionData } from '../result-data.js';

/** One photo of the person, as the joint fit sees it. */
export interface FittedView {
  /** Its number among the images that were given. */
  index: number;
  /** Of the decoded photo, pixels. */
  width: number;
  height: number;
  face: { box: Box; score: number; presence: number };
  /** The person's head to this photo's camera: of the frame of `face.mesh`. */
  pose: Pose;
  camera: Camera;
  /** By ARKit name, 0..1. */
  expression: Record<string, number>;
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

/**
 * One person from several photos: what `fitViews` returns. Mesh, expression, pose, camera, landmarks, quality and input are
 * those of one of the views; identity, albedo, deformation map, scale and texture are of all of them.
 */
export class ViewsReconstruction extends Reconstruction {
  readonly views: readonly FittedView[];
  readonly leftOut: readonly LeftOutView[];
  readonly view: number;
  readonly #add: (image: ImageInput) => Promise<ViewsReconstruction>;

  constructor(data: ViewsData, add: (image: ImageInput) => Promise<ViewsReconstruction>) {
    super(data);
    this.views = data.views;
    this.leftOut = data.leftOut;
    this.view = data.view;
    this.#add = add;
  }

  /**
   * The person from one more photo: goes on from this result, which stays as it is.
   *
   * @throws HrnError as fitViews; the photo's own error where it cannot take part
   */
  addView(image: ImageInput): Promise<ViewsReconstruction> {
    return this.#add(image);
  }
}

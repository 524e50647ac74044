import { HrnError, type HrnErrorCode } from '../errors.js';
import type { Resources } from '../fit.js';
import { type DecodedImage, decodeImage, type ImageInput } from '../image.js';
import type { CoarseProblem } from '../native/coarse.js';
import type { NativeFineDetail } from '../native/face-view.js';
import type { PhotometricLevel } from '../native/refine.js';
import type { ResolvedFitOptions } from '../options.js';
import { type CoarseStage, coarseProblem } from '../stages/coarse.js';
import { fitFromStarts } from '../stages/coarse-starts.js';
import type { DenseFace } from '../stages/dense.js';
import { type DetectedFace, LEAST_FACE_PX } from '../stages/detected-face.js';
import { seeFacePixels } from '../stages/face-pixels.js';
import { findFaces, inUsualLight } from '../stages/find-faces.js';
import { measureFineDetail } from '../stages/fine-detail.js';
import type { FocalLength } from '../stages/focal-length.js';
import { headTurn, requireFacing } from '../stages/head-turn.js';
import { type IrisDiameters, measureIrises } from '../stages/iris-rim.js';
import { type DenseLandmarks, landmarksInFrame } from '../stages/landmarks.js';
import type { PersonMask } from '../stages/mask.js';
import { type MouthState, seeMouth } from '../stages/mouth-state.js';
import { Photo } from '../stages/photo.js';
import { cropLevel, type Observation, observe } from '../stages/refine.js';
import { regress } from '../stages/regress.js';
import { faceSharpness } from '../stages/sharpness.js';

/** One photo of the person and what is known of it before the views are fitted together. The photo is not kept decoded. */
export interface View {
  image: ImageInput;
  width: number;
  height: number;
  principalPx: readonly [number, number];
  face: DetectedFace;
  landmarks: DenseLandmarks;
  /** Of the head to its left. */
  turnDegrees: number;
  person: PersonMask;
  fineDetail: NativeFineDetail;
  dense: Pick<DenseFace, 'side' | 'classes' | 'toPhoto'>;
  focal: FocalLength;
  /** What its landmark fit observes and believes. */
  observed: CoarseProblem;
  /** The landmark fit of this view alone. */
  coarse: CoarseStage;
  seen: Observation;
  /** The face as large as its texture is brought over that of other photos. */
  close: PhotometricLevel;
  /** As measured in the photo. */
  rims: IrisDiameters;
  /** See faceSharpness(). */
  sharpness: number;
  mouth: MouthState;
}

/** Side of the crop whose texture is looked at: the registration lays it out at about half a millimetre a texel. */
const CLOSE_PX = 448;

/** Why a single photo cannot take part; what else goes wrong with one fails the whole fit. */
const NO_VIEW: readonly HrnErrorCode[] = ['NO_FACE', 'FACE_TOO_SMALL', 'FACE_NOT_VISIBLE', 'FIT_FAILED'];

export function isNoView(error: unknown): error is HrnError {
  return error instanceof HrnError && NO_VIEW.includes(error.code);
}

/**
 * Looks at one photo: a face (the largest, where none is given), landmarks, masks and crops, and the landmark fit by itself.
 * A dark face is looked at with its contrast raised.
 *
 * @throws HrnError; see isNoView()
 */
export async function lookAt(
  resources: Resources,
  image: ImageInput,
  options: ViewOptions,
  known?: DetectedFace,
): Promise<View> {
  const { context, networks } = resources;
  const { signal, minFacePx } = options;
  const decoded = await decodeImage(image, options);
  const photo = new Photo(context, decoded);
  try {
    const face = known ?? (await findFaces(networks, photo, decoded, { onlyLargest: true, minFacePx, signal }))[0];
    if (!face) throw new HrnError('NO_FACE', 'no face was found; use a photo in which one face is large');
    const sizePx = Math.max(face.box.width, face.box.height);
    const leastPx = minFacePx ?? LEAST_FACE_PX;
    if (sizePx < leastPx) {
      throw new HrnError(
        'FACE_TOO_SMALL',
        `expected a face of at least ${leastPx} px (option minFacePx), got ${Math.round(sizePx)} px`,
        { details: { sizePx, minFacePx: leastPx } },
      );
    }
    const look = (seen: Photo, shown: DetectedFace) => lookInto(resources, decoded, seen, shown, options);
    return { image, ...(await inUsualLight(networks, photo, decoded, face, signal, look)) };
  } finally {
    photo.dispose();
  }
}

type ViewOptions = Omit<ResolvedFitOptions, 'onProgress'>;

/** @param photo as the face is to be seen in it */
async function lookInto(
  { context, networks, head, regressor }: Resources,
  decoded: DecodedImage,
  photo: Photo,
  face: DetectedFace,
  options: ViewOptions,
): Promise<Omit<View, 'image'>> {
  const { signal } = options;
  const region = face.framed;
  const [pixels, landmarks] = await Promise.all([
    seeFacePixels(networks, photo, { region }, signal),
    landmarksInFrame(networks, photo, region, signal),
  ]);
  const turnDegrees = headTurn(landmarks, pixels.dense);
  requireFacing(turnDegrees);
  const estimate = regressor && (await regress(networks, regressor, head.morphable, photo, landmarks, signal));
  const { width, height } = decoded;
  const lens = { givenPx: options.focalLengthPx, exifPx: decoded.focalLengthPx, width, height };
  const [{ focal, principalPx, coarse }, seen, close, rims, sharpness, fineDetail, mouth] = await Promise.all([
    fitFromStarts(context, head, landmarks, estimate, lens, { signal }),
    observe(context, head, photo, landmarks, pixels, options.detail, signal),
    cropLevel(photo, landmarks, pixels, CLOSE_PX, signal),
    measureIrises(photo, landmarks, signal),
    faceSharpness(photo, landmarks, signal),
    measureFineDetail(pixels.person, signal),
    seeMouth(networks, photo, landmarks, signal),
  ]);
  const observed = coarseProblem(head, landmarks, estimate, focal, principalPx);
  return {
    width,
    height,
    principalPx,
    face,
    landmarks,
    turnDegrees,
    person: pixels.person,
    fineDetail,
    dense: { side: pixels.dense.side, classes: pixels.dense.classes, toPhoto: pixels.dense.toPhoto },
    focal,
    observed,
    coarse,
    seen,
    close: { ...close, iterations: 0 },
    rims,
    sharpness,
    mouth,
  };
}

/** What is told of a head that was fitted all the same. */
import type { MorphableModel } from '../morphable-model.js';
import type { Quality } from '../result-data.js';
import type { FaceWarning } from '../warnings.js';
import type { DenseFace } from './dense.js';
import type { DetectedFace } from './detected-face.js';
import {
  type Chroma,
  type FaceColours,
  faceColours,
  measuredSharpness,
  SKIN_PARTS,
  type SkinPart,
  type SkinParts,
  skinParts,
} from './face-colours.js';
import { facingPoints } from './facing-points.js';
import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import { CHIN, MESH_POINTS } from './mesh-points.js';
import type { Photo } from './photo.js';
import type { PoseDifference } from './seen-pose.js';
import {
  LEAST_BARE,
  type SeenPart,
  type SeenSkin,
  seenLips,
  seenPart,
  seenPerson,
  seenSkin,
  thickestCover,
} from './seen-skin.js';
import { surfacePoints } from './surface-points.js';

/** What the warnings are drawn from. */
export interface FaceEvidence {
  photo: Pick<Photo, 'width' | 'height'>;
  face: Pick<DetectedFace, 'box' | 'exposure'>;
  landmarks: DenseLandmarks;
  /** Turn of the head to its left, from all that tells it, degrees. */
  turnDegrees: number;
  person: PersonMask;
  /** What the dense network sees; absent where it did not look. */
  dense?: Pick<DenseFace, 'side' | 'classes' | 'toPhoto'> | undefined;
  model: Pick<MorphableModel, 'dense' | 'mean'>;
  quality: Quality;
  /** Between the fitted head and what the dense network sees; absent where it was not asked or sees too little. */
  poseDifference?: PoseDifference | undefined;
}

/** Of the box's longer side. */
const LOW_RESOLUTION_PX = 100;
/**
 * See Sharpness: of 14 photos from 107 px on the least were 0.142 and 0.34, of 27 small ones 0.108 and 0.27. Blurred by 1 %
 * of the face they have 0.09 to 0.108 and 0.22 to 0.34, by 3 % and more 0.07 to 0.24 and 0.08 to 0.16. Edges: of 134 faces in
 * photos from 100 px on one had 0.50, the others 0.57 and more, with noise or strongly compressed too; blurred by 3 % 0.46 at
 * most, and so have round things out of focus, of which noise and compression make the other two pass for sharp (29 drawn
 * ones: 0.43).
 */
const LEAST_SHARPNESS = { fine: 0.105, coarse: 0.2, edges: 0.48 } as const;
/** Of 255: the brightest of a face that is called dark, not flat. */
const DARK = 100;
const TURNED_DEGREES = 42;
/** Share of the network's points outside the photo. */
const CUT_OFF_SHARE = 0.02;
/** Of 39 photos, most of them of strangers: 2.7 in the mean and 5 at most by landmarks alone, 1.2 refined. */
const POOR_ERROR_PERCENT = { refined: 3, byLandmarks: 4.5 } as const;
/** Distance in shares of colour from grey that no coloured photo of a face stays within. */
const GREY = 0.012;
const GREY_SHARE = 0.95;

/*
 * Bare skin has nearly one hue, whatever the light on it. On nine photos with masks, dark glasses and fringes painted in,
 * these limits found 27 of 27 masks, 9 of 9 pairs of glasses and 6 of 9 fringes;
 * of 60 training portraits with hands, glasses and strands they named three. A hand has the hue of the face; it hides
 * what is dark in every face, irises and the line between the lips.
 */
const MASK_HUE = 0.035;
const MASK_DARKNESS = 0.4;
const OTHER_HUE = 0.08;
const OTHER_SHARE = 0.12;
const GLASSES_DARKNESS = 0.42;
const FRINGE_DARKNESS = 0.4;
/** See FaceColours.darkest. */
const SMOOTH = 0.88;
/**
 * From here on the whites of eyes are seen, in faces whose skin is as dark as an iris: 1.31, 1.74 and 6.1 of three such eyes on 113
 * generated faces; of 31 eyes under something smooth thirty had 1.15 at most.
 */
const WHITES = 1.25;

/**
 * Of a part's points, as the dense network sees them: on 92 faces in photos eyes, nose and mouth were bare by 0.75, 0.78 and
 * 0.8 at least. Hair, caps and cloths over the forehead: of 27 faces in photos six had over 0.36, all with a fringe, and the others
 * 0.35 at most; of generated ones without a fringe 0.19 at most, of twelve with one two had more (strands leave most of it bare).
 */
const LEAST_BARE_PART = 0.7;
const FRINGE_SHARE = 0.36;
/**
 * See thickestCover. The far side of a turned jaw and its lower edge lie before neck and collar: points beyond these do not count
 * from `turned` on. Of 111 faces of people in photos with nothing over them 0.406 at most; with things drawn over them (`npm run
 * bench:covers`) a sixth of hands at the brow and of microphones, a third of hands at chin or cheek, two thirds of cups and 0.86 of
 * hands over the mouth have more.
 */
const THICK_COVER = { share: 0.41, turned: 15, facingDegrees: 50, aboveChinMm: 14 } as const;
/** Of a part: with fewer landmarks in sight nothing is said of it. */
const LEAST_POINTS = 8;

/**
 * What colours tell of eyes, mouth or patches is not believed where the dense network sees this much bare skin there: of 61
 * faces with nothing over them (generated, seeds 200000 to 200180) it saw 0.92 and more around the mouth in all nine that
 * colours called covered; of covered ones 0.91 at most.
 */
const SURELY_BARE = 0.9;

/**
 * Of 200 faces in generated pictures (seeds from 200000) that looked at the camera and were fitted right two were followed
 * with lower log-odds or more disagreement; half covered ones, whose landmarks are squeezed into the visible half, have
 * 14.6 at most or 0.02 at least, or less than 18 with a bare cheek of under 0.6.
 */
const UNSURE_LOGIT = 15;
const UNSURE_DISAGREEMENT = 0.02;
const HALF_SEEN = { logit: 17.5, bareCheek: 0.6 } as const;
/**
 * Or the dense network sees no lips where the landmarks have them: they cling to the face wrongly. Of 27 faces with nothing
 * over them (generated, seeds from 200000) it saw 0.28 there in the median, and 0.12 of one.
 */
const ASTRAY = { logit: 24, lips: 0.1 } as const;
/**
 * The dense network's word on how the head stands (see seen-pose.ts), degrees from the fit. Of 205 faces in generated
 * pictures (`npm run bench:robust`) 21 were unsure by the above; it agreed with nine fits, of which eight were right (the ninth
 * is told as covered). A turn that differs by more than `turned` was seen on one right face in a hundred; nods differ by up
 * to 10 degrees on photos of people, and count where the landmarks differ from their mirror image's too. A head that stands as
 * seen and does not follow its points is not right for that (see errorShare): one whose mouth lay above the lips, 12 degrees off,
 * agreed within 1.2 and had 0.8; of seven right ones that were unsure, turned by 33 to 44 degrees, 0.48 at most.
 */
const POSE = { agrees: 3.5, bare: 0.8, follows: 2 / 3, turned: 6.5, differs: 6, disagreement: 0.0175 } as const;

/** What covers a face is called that alone down to here; below, it may be no face of a human. */
const LEAST_HUMAN = 0.65;
/**
 * Share of the face that the person network takes for a person: 0.94 and more on 14 photos, under 0.3 for 8 of 36 drawn animals. It
 * knows nothing of close-ups and of people far behind: what is seen surely bare is a human's whatever it says.
 */
const LEAST_PERSON = 0.3;

export function faceWarnings(evidence: FaceEvidence): FaceWarning[] {
  const { dense, landmarks, model, turnDegrees } = evidence;
  const facing = facingPoints(model, turnDegrees);
  const colours = faceColours(model, landmarks, evidence.person, facing);
  const skin = dense && seenSkin(dense, landmarks, [...facing]);
  const parts = skinParts(model);
  const seen: SeenAt = (points) => {
    const inSight = points.filter((i) => facing.has(i));
    return dense && inSight.length >= LEAST_POINTS ? seenPart(dense, landmarks, inSight) : undefined;
  };
  const over = (colours && covered(colours, parts, seen)) ?? overgrown(skin, parts, seen) ?? somewhereCovered(evidence);
  return [
    over,
    notHuman(evidence, skin, over !== undefined),
    turned(evidence),
    lowResolution(evidence),
    cutOff(evidence),
    dark(evidence),
    colours && blackAndWhite(colours),
    poorFit(evidence),
    unsure(evidence),
  ].filter((warning) => warning !== undefined);
}

/** What the dense network sees at those of some landmarks that face the camera; undefined where it did not look, or at few. */
type SeenAt = (points: readonly number[]) => SeenPart | undefined;

function covered(
  { parts, points, median, darkest, brightest }: FaceColours,
  landmarks: SkinParts,
  seen: SeenAt,
): FaceWarning | undefined {
  const mayBeCovered = (where: readonly number[]) => {
    const bare = seen(where)?.bare;
    return bare === undefined || bare < SURELY_BARE;
  };
  const brightness = (...names: SkinPart[]) =>
    names.reduce((sum, name) => sum + parts[name].brightness, 0) / names.length;
  const warning = (what: string, details: Record<string, number>): FaceWarning => ({
    code: 'COVERED',
    message: `${what}: it is painted onto the skin`,
    details,
  });
  const mask = lowerFace(parts);
  if ((mask.hue > MASK_HUE || mask.brightness < MASK_DARKNESS) && mayBeCovered(landmarks.mouth)) {
    return warning('the lower half of the face has another colour than the upper one, as with a mask', {
      hueDistance: mask.hue,
      brightnessRatio: mask.brightness,
    });
  }
  const glasses = parts.eyes.brightness / brightness('nose', 'rightCheek', 'leftCheek', 'mouth');
  if (glasses < GLASSES_DARKNESS)
    return warning('the eyes lie in the dark, as behind sunglasses', { brightnessRatio: glasses });
  const fringe = parts.forehead.brightness / brightness('nose', 'rightCheek', 'leftCheek', 'eyes');
  if (fringe < FRINGE_DARKNESS) return warning('hair or a hat hides the forehead', { brightnessRatio: fringe });
  const hidden = (['rightEye', 'leftEye', 'mouth'] as const).filter(
    (part) =>
      darkest[part] > SMOOTH &&
      (part === 'mouth' || brightest[part] < WHITES) &&
      mayBeCovered(landmarks[part === 'mouth' ? 'mouth' : 'eyes']),
  );
  if (hidden.length > 0) {
    const names = { rightEye: 'right eye', leftEye: 'left eye', mouth: 'mouth' };
    const what = hidden.map((part) => names[part]).join(' and ');
    return warning(
      `something smooth lies where the ${what} should be`,
      Object.fromEntries(hidden.map((part) => [part, darkest[part]])),
    );
  }
  const other = [...points]
    .filter(([, colour]) => hueDistance(colour, median) > OTHER_HUE)
    .map(([landmark]) => landmark);
  const share = other.length / points.size;
  if (share > OTHER_SHARE && mayBeCovered(other)) {
    return warning(`${(100 * share).toFixed(0)} % of the face have another colour than the rest`, { share });
  }
  return undefined;
}

/** Shade deepens a colour in many photos: a more saturated tone of the same hue is no other one. */
function hueDistance(point: Chroma, skin: Chroma): number {
  const grey = 1 / 3;
  const length = Math.hypot(skin.red - grey, skin.green - grey);
  const [red, green] = [point.red - skin.red, point.green - skin.green];
  const [x, y] = length > 0 ? [(skin.red - grey) / length, (skin.green - grey) / length] : [1, 0];
  return Math.hypot(Math.min(0, red * x + green * y), green * x - red * y);
}

/** How far the hues of all lower parts lie on one side of the upper face's, and the brightest of them against it. */
function lowerFace(parts: FaceColours['parts']): { hue: number; brightness: number } {
  const upper: Chroma = {
    red: (parts.eyes.red + parts.nose.red) / 2,
    green: (parts.eyes.green + parts.nose.green) / 2,
    brightness: (parts.eyes.brightness + parts.nose.brightness) / 2,
  };
  const lower = [parts.rightCheek, parts.leftCheek, parts.mouth, parts.chin];
  const apart = lower.map(({ red, green }) => [red - upper.red, green - upper.green] as const);
  const mean = [0, 1].map((k) => apart.reduce((sum, d) => sum + d[k]!, 0) / apart.length) as [number, number];
  const length = Math.hypot(...mean);
  const along = apart.map((d) => (length > 0 ? (d[0] * mean[0] + d[1] * mean[1]) / length : 0));
  return {
    hue: Math.min(...along),
    brightness: Math.max(...lower.map(({ brightness }) => brightness)) / upper.brightness,
  };
}

/** Hands, masks, hair that the dense network sees and colours do not tell. */
function overgrown(skin: SeenSkin | undefined, landmarks: SkinParts, seen: SeenAt): FaceWarning | undefined {
  if (skin && skin.bare < LEAST_BARE && 2 * skin.covering > 1 - skin.bare) {
    return {
      code: 'COVERED',
      message: `something lies over the face: ${(100 * skin.bare).toFixed(0)} % of it look bare`,
      details: { bareShare: skin.bare, coveringShare: skin.covering },
    };
  }
  for (const part of ['eyes', 'nose', 'mouth'] as const) {
    const bare = seen(landmarks[part])?.bare;
    if (bare === undefined || bare >= LEAST_BARE_PART) continue;
    const message = `something lies over the ${part}: ${(100 * bare).toFixed(0)} % of the skin around look bare`;
    return { code: 'COVERED', message, details: { part, bareShare: bare } };
  }
  const forehead = seen(landmarks.forehead);
  if (!forehead || forehead.hair + forehead.covering <= FRINGE_SHARE) return undefined;
  const { hair: hairShare, covering: coveringShare } = forehead;
  return { code: 'COVERED', message: 'hair or a hat hides the forehead', details: { hairShare, coveringShare } };
}

/** A hand, a cup, a microphone before any place of the face. */
function somewhereCovered({ dense, landmarks, model, turnDegrees }: FaceEvidence): FaceWarning | undefined {
  const surface = surfacePoints(model.dense, model.mean);
  const height = (i: number) => surface[3 * i + 1]!;
  const points = [...facingPoints(model, turnDegrees, THICK_COVER.facingDegrees)].filter(
    (i) => Math.abs(turnDegrees) < THICK_COVER.turned || height(i) > height(CHIN) + THICK_COVER.aboveChinMm,
  );
  const cover = dense && thickestCover(dense, landmarks, surface, points);
  if (!cover || cover.share < THICK_COVER.share) return undefined;
  const parts = skinParts(model);
  const part = SKIN_PARTS.find((name) => parts[name].includes(cover.landmark)) ?? 'mouth';
  const where = { rightCheek: 'right cheek', leftCheek: 'left cheek' }[part as string] ?? part;
  const message = `something lies over the ${where}: it is painted onto the skin`;
  return { code: 'COVERED', message, details: { part, coveringShare: cover.share } };
}

/** An animal's fur, a figure, a pattern. */
function notHuman(
  { person, landmarks }: FaceEvidence,
  skin: SeenSkin | undefined,
  isCovered: boolean,
): FaceWarning | undefined {
  const personShare = seenPerson(person, landmarks);
  const details = { ...(skin && { bareShare: skin.bare }), personShare };
  if (personShare < LEAST_PERSON && !(skin && skin.bare >= SURELY_BARE)) {
    return { code: 'NOT_HUMAN', message: 'nothing there looks like a person: perhaps no human face', details };
  }
  if (!skin || skin.bare >= (isCovered ? LEAST_HUMAN : LEAST_BARE)) return undefined;
  const percent = (100 * skin.bare).toFixed(0);
  const message = `only ${percent} % of it look like a face: it is mostly covered, or no human face`;
  return { code: 'NOT_HUMAN', message, details };
}

function turned({ turnDegrees }: FaceEvidence): FaceWarning | undefined {
  if (Math.abs(turnDegrees) < TURNED_DEGREES) return undefined;
  const message = `the head is turned by some ${Math.abs(turnDegrees).toFixed(0)} degrees: the far side is mirrored from the near one`;
  return { code: 'TURNED', message, details: { turnDegrees } };
}

function lowResolution({ face: { box }, person }: FaceEvidence): FaceWarning | undefined {
  const sizePx = Math.max(box.width, box.height);
  const { fine, coarse, edges } = measuredSharpness(person);
  // Written so that NaN is blurred.
  const isSharp = fine >= LEAST_SHARPNESS.fine && coarse >= LEAST_SHARPNESS.coarse && edges >= LEAST_SHARPNESS.edges;
  if (sizePx >= LOW_RESOLUTION_PX && isSharp) return undefined;
  const what = sizePx >= LOW_RESOLUTION_PX ? 'is blurred' : `has ${sizePx.toFixed(0)} px`;
  return {
    code: 'LOW_RESOLUTION',
    message: `the face ${what}: there is no fine detail to recover`,
    details: {
      sizePx,
      ...(Number.isNaN(fine + coarse + edges) ? {} : { fineDetail: fine, coarseDetail: coarse, edges }),
    },
  };
}

function cutOff({ photo, landmarks: { pixels } }: FaceEvidence): FaceWarning | undefined {
  let outside = 0;
  for (let i = 0; i < MESH_POINTS; i++) {
    const [x, y] = [pixels[2 * i]!, pixels[2 * i + 1]!];
    if (!(x >= 0 && y >= 0 && x <= photo.width && y <= photo.height)) outside++;
  }
  const share = outside / MESH_POINTS;
  if (share < CUT_OFF_SHARE) return undefined;
  const message = `${(100 * share).toFixed(0)} % of the face lie outside the photo: they are the model's`;
  return { code: 'CUT_OFF', message, details: { share } };
}

/** What it had of light, before its contrast was raised. */
function dark({ face: { exposure } }: FaceEvidence): FaceWarning | undefined {
  if (!exposure) return undefined;
  const { brightest, gain } = exposure;
  const what = brightest < DARK ? 'is nearly black' : 'has hardly any contrast';
  return {
    code: 'DARK',
    message: `the face ${what}: it is shown ${gain.toFixed(1)} times as strong, colours and fine shape are less certain`,
    details: { brightest, gain },
  };
}

function blackAndWhite({ points }: FaceColours): FaceWarning | undefined {
  const isGrey = ({ red, green }: Chroma) => Math.hypot(red - 1 / 3, green - 1 / 3) < GREY;
  const grey = [...points.values()].filter(isGrey).length / points.size;
  if (grey < GREY_SHARE) return undefined;
  const message = 'the photo has no colours: hues of the parts that it does not show are guessed';
  return { code: 'BLACK_AND_WHITE', message, details: { share: grey } };
}

function poorFit(evidence: FaceEvidence): FaceWarning | undefined {
  if (errorShare(evidence) < 1) return undefined;
  const { landmarkErrorPercent } = evidence.quality;
  const message = `the head's points are ${landmarkErrorPercent.toFixed(1)} % of the eyes' distance from those in the photo`;
  return { code: 'POOR_FIT', message, details: { landmarkErrorPercent } };
}

/** Of the error from which on a head follows its face poorly. */
function errorShare({ quality: { landmarkErrorPercent, refinement }, turnDegrees }: FaceEvidence): number {
  const limit = refinement === 'none' ? POOR_ERROR_PERCENT.byLandmarks : POOR_ERROR_PERCENT.refined;
  // The eyes' distance in the photo shrinks with the turn, the errors do not.
  return (landmarkErrorPercent * Math.cos((turnDegrees * Math.PI) / 180)) / limit;
}

/** Turned heads are followed with less certainty, and are told as turned. */
function unsure(evidence: FaceEvidence): FaceWarning | undefined {
  const { landmarks, dense, model, turnDegrees, poseDifference } = evidence;
  if (Math.abs(turnDegrees) >= TURNED_DEGREES) return undefined;
  const { presence, disagreement } = landmarks;
  const logOdds = Math.min(40, Math.log(presence / (1 - presence)));
  const parts = skinParts(model);
  const cheeks = [parts.rightCheek, parts.leftCheek].map((points) => dense && seenPart(dense, landmarks, points)?.bare);
  const bareCheek = Math.min(...cheeks.map((bare) => bare ?? 1));
  const isHalfSeen = logOdds < HALF_SEEN.logit && bareCheek < HALF_SEEN.bareCheek;
  const lipsShare = (dense && seenLips(dense, landmarks)) ?? 1;
  const isAstray = logOdds < ASTRAY.logit && lipsShare < ASTRAY.lips;
  const isDoubted = logOdds < UNSURE_LOGIT || disagreement > UNSURE_DISAGREEMENT || isHalfSeen || isAstray;
  const bareShare = (dense && seenSkin(dense, landmarks)?.bare) ?? 0;
  const { degrees, turnDegrees: turnApart } = poseDifference ?? { degrees: Number.NaN, turnDegrees: Number.NaN };
  const isConfirmed = degrees < POSE.agrees && bareShare >= POSE.bare && errorShare(evidence) < POSE.follows;
  const isApart = turnApart > POSE.turned || (degrees > POSE.differs && disagreement > POSE.disagreement);
  if (!isApart && (!isDoubted || isConfirmed)) return undefined;
  return {
    code: 'UNSURE',
    message: isApart
      ? `what the networks see of the head's pose differs by ${degrees.toFixed(0)} degrees: pose and shape may be off`
      : 'the face is followed with less certainty than usual, as where half of it is hidden: pose and shape may be off',
    details: {
      presenceLogOdds: logOdds,
      disagreement,
      bareCheek,
      lipsShare,
      ...(poseDifference && { poseDifferenceDegrees: degrees }),
    },
  };
}

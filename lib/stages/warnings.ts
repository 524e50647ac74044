import type { FaceWarning } from '../warnings.js';
import { animalLook } from './animal.js';
import { coverWarning, SURELY_BARE } from './cover-warnings.js';
import { type Chroma, type FaceColours, faceColours, skinParts } from './face-colours.js';
import type { FaceEvidence } from './face-evidence.js';
import { facingPoints } from './facing-points.js';
import { MESH_POINTS } from './mesh-points.js';
import { LEAST_BARE, type SeenSkin, seenLips, seenPart, seenPerson, seenSkin } from './seen-skin.js';

/** Of the box's longer side. */
const LOW_RESOLUTION_PX = 100;
/**
 * See NativeFineDetail: of 14 photos from 107 px on the least were 0.142 and 0.34, of 27 small ones 0.108 and 0.27. Blurred by 1 %
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
  const over = coverWarning(evidence, colours, skin, facing);
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

/** An animal's fur, a figure, a pattern. */
function notHuman(
  { face, person, landmarks, dense, model, turnDegrees }: FaceEvidence,
  skin: SeenSkin | undefined,
  isCovered: boolean,
): FaceWarning | undefined {
  const personShare = seenPerson(person, landmarks);
  const animal = dense && animalLook(dense, landmarks, model, turnDegrees, face.presenceLogit);
  if (animal) {
    const message = 'its nose is not of skin, it has hardly any brows: perhaps the face of an animal';
    return { code: 'NOT_HUMAN', message, details: { ...animal } };
  }
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

function lowResolution({ face: { box }, fineDetail }: FaceEvidence): FaceWarning | undefined {
  const sizePx = Math.max(box.width, box.height);
  const { fine, coarse, edges } = fineDetail;
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

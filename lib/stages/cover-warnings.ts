/** What lies over a face: masks, dark glasses, hands, hair. It is painted onto the skin. */
import type { FaceWarning } from '../warnings.js';
import { type Chroma, type FaceColours, SKIN_PARTS, type SkinPart, type SkinParts, skinParts } from './face-colours.js';
import type { FaceEvidence } from './face-evidence.js';
import { frontPoints } from './facing-points.js';
import { CHIN, LIPS } from './mesh-points.js';
import { type Cover, EYES, LEAST_BARE, type SeenPart, type SeenSkin, seenPart, thickestCover } from './seen-skin.js';
import { surfacePoints } from './surface-points.js';

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
 * Of the lids: through clear glasses so much of them is seen (0.62 to 0.75 of four faces whose surroundings were bare by less than
 * 0.78), through dark ones 0.15 at most; what is seen through is no cover.
 */
const SEEN_THROUGH = 0.55;
/**
 * See thickestCover: hands, microphones, cups on the front of the head. The far side of a turned jaw and its lower edge lie before
 * neck and collar, so points below `aboveChinMm` do not count from `turned` on. Drawn over 16 bare faces in public photos (`npm run
 * bench:covers`) 53 of 60 hands have the share, and 16 of 29 microphones and cups; none of the bare ones has.
 */
const THICK_COVER = {
  classes: ['occluder', 'clothes'],
  share: 0.29,
  radiusMm: 15,
  frontDegrees: 45,
  turned: 25,
  aboveChinMm: 14,
} as const;
/**
 * And hair, from `belowTopMm` under the highest landmarks on, where it is at home: locks before cheek, temple and brow. Of 196 faces in public photos 30 have
 * 0.28 and more, all of them with hair there that was painted onto the skin, and 14 of these had no word.
 */
const STRANDS = { classes: ['hair'], share: 0.28, radiusMm: 12, frontDegrees: 40, belowTopMm: 15 } as const;
/** Of a part: with fewer landmarks in sight nothing is said of it. */
const LEAST_POINTS = 8;

/**
 * What colours tell of eyes, mouth or patches is not believed where the dense network sees this much bare skin there: of 61
 * faces with nothing over them (generated, seeds 200000 to 200180) it saw 0.92 and more around the mouth in all nine that
 * colours called covered; of covered ones 0.91 at most.
 */
export const SURELY_BARE = 0.9;

/** @param facing the landmarks that look at the camera */
export function coverWarning(
  evidence: FaceEvidence,
  colours: FaceColours | undefined,
  skin: SeenSkin | undefined,
  facing: ReadonlySet<number>,
): FaceWarning | undefined {
  const { dense, landmarks, model } = evidence;
  const parts = skinParts(model);
  const seen: SeenAt = (points) => {
    const inSight = points.filter((i) => facing.has(i));
    return dense && inSight.length >= LEAST_POINTS ? seenPart(dense, landmarks, inSight) : undefined;
  };
  return (colours && covered(colours, parts, seen)) ?? overgrown(skin, parts, seen) ?? somewhereCovered(evidence);
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
    const around = seen(landmarks[part]);
    if (!around) continue;
    const isBehindGlasses = part === 'eyes' && (seen(EYES)?.bare ?? 0) >= SEEN_THROUGH;
    const bare = around.bare + (isBehindGlasses ? around.glasses : 0);
    if (bare >= LEAST_BARE_PART) continue;
    const message = `something lies over the ${part}: ${(100 * bare).toFixed(0)} % of the skin around look bare`;
    return { code: 'COVERED', message, details: { part, bareShare: bare } };
  }
  const forehead = seen(landmarks.forehead);
  if (!forehead || forehead.hair + forehead.covering <= FRINGE_SHARE) return undefined;
  const { hair: hairShare, covering: coveringShare } = forehead;
  return { code: 'COVERED', message: 'hair or a hat hides the forehead', details: { hairShare, coveringShare } };
}

/** A hand, a cup, a microphone, a lock of hair before any place of the face. */
function somewhereCovered({ dense, landmarks, model, turnDegrees }: FaceEvidence): FaceWarning | undefined {
  if (!dense) return undefined;
  const surface = surfacePoints(model.dense, model.mean);
  const height = (i: number) => surface[3 * i + 1]!;
  const isTurned = Math.abs(turnDegrees) >= THICK_COVER.turned;
  const lowest = isTurned ? height(CHIN) + THICK_COVER.aboveChinMm : Number.NEGATIVE_INFINITY;
  const front = frontPoints(surface, turnDegrees, THICK_COVER.frontDegrees).filter((i) => height(i) > lowest);
  const thing = thickestCover(dense, landmarks, surface, front, THICK_COVER.classes, THICK_COVER.radiusMm);
  if (thing && thing.share >= THICK_COVER.share) return coveredAt(thing, 'something lies', skinParts(model));
  const top = Math.max(...front.map(height));
  const below = frontPoints(surface, turnDegrees, STRANDS.frontDegrees).filter(
    (i) => height(i) < top - STRANDS.belowTopMm,
  );
  const strand = thickestCover(dense, landmarks, surface, below, STRANDS.classes, STRANDS.radiusMm);
  return strand && strand.share >= STRANDS.share ? coveredAt(strand, 'hair hangs', skinParts(model)) : undefined;
}

function coveredAt({ landmark, share }: Cover, what: string, parts: SkinParts): FaceWarning {
  const named = SKIN_PARTS.find((name) => parts[name].includes(landmark));
  const part = named ?? (LIPS.includes(landmark) ? 'mouth' : 'face');
  const where = { rightCheek: 'right cheek', leftCheek: 'left cheek' }[part as string] ?? part;
  return {
    code: 'COVERED',
    message: `${what} over the ${where}: it is painted onto the skin`,
    details: { part, coveringShare: share },
  };
}

/** Fits every face of a picture and judges each. */
import { HrnError } from '../../lib/errors.js';
import type { Hrn } from '../../lib/hrn.js';
import type { Detail } from '../../lib/options.js';
import type { FaceOutcome } from '../../lib/photo-fits.js';
import type { Reconstruction } from '../../lib/result.js';
import { turnOf } from '../../lib/stages/plausibility.js';
import { falseAlarms } from './deserved.js';
import { deviation, isRight } from './judge.js';
import { FACE_SHARE, type Kind, type RobustPicture, type ShownFace } from './pictures.js';
import type { Judged } from './summary.js';

/** Of the box; a little above the fits' own limit, since boxes vary. */
const LEAST_PX = 110;

export async function judgePicture(hrn: Hrn, { kind, image, faces }: RobustPicture, detail: Detail): Promise<Judged[]> {
  const options = { detail, textureSize: 256 } as const;
  const outcomes: FaceOutcome[] = [];
  let refusal = '';
  try {
    for await (const outcome of hrn.fitEach(image, options)) outcomes.push(outcome);
  } catch (error) {
    if (!(error instanceof HrnError && error.code === 'NO_FACE')) throw error;
    refusal = error.code;
  }
  const judged: Judged[] = [];
  for (const shown of faces) {
    const outcome = takeNearest(outcomes, shown, faces);
    const own = await fitOrUndefined(hrn, shown, options);
    const known = { kind, turn: shown.turn, skin: shown.skin };
    if (outcome?.face === undefined) {
      const why = `${outcome?.error?.code ?? (refusal || 'not found')}, turn ${shown.turn.toFixed(0)}`;
      const isFalse = shown.isFair && own !== undefined && own.warnings.length === 0 && sizeOf(own, shown) >= LEAST_PX;
      judged.push({ ...known, verdict: isFalse ? 'false refusal' : 'honest refusal', why });
      continue;
    }
    const { rotation, translation } = outcome.face.pose;
    const fitted = turnOf(rotation, translation) * (shown.isMirrored ? -1 : 1);
    judged.push({ ...known, fittedTurn: fitted, ...headVerdict(outcome.face, own, shown, kind) });
  }
  // What is left was no face of the picture.
  for (const { face, error } of outcomes) {
    if (face === undefined) judged.push({ kind, verdict: 'honest refusal', why: error?.code ?? '' });
    else judged.push({ kind, ...strangerVerdict(face) });
  }
  if (faces.length === 0 && outcomes.length === 0) judged.push({ kind, verdict: 'honest refusal', why: refusal });
  return judged;
}

function headVerdict(
  face: Reconstruction,
  own: Reconstruction | undefined,
  shown: ShownFace,
  kind: Kind,
): Pick<Judged, 'verdict' | 'why' | 'isWarned' | 'falseAlarms' | 'truthDegrees'> {
  const codes = face.warnings.map(({ code }) => code).join(' ');
  const figures = deviation(face, own, shown);
  const { landmarkErrorPercent, poseDegrees, widthShare } = figures;
  const truthDegrees = deviation(face, undefined, shown).poseDegrees;
  const against = own ? '' : ' (own crop refused)';
  const why = `error ${landmarkErrorPercent.toFixed(1)} %, pose ${poseDegrees.toFixed(1)} degrees (${truthDegrees.toFixed(1)} of the true one), width ${(100 * widthShare).toFixed(1)} %, turn ${shown.turn.toFixed(0)}, turned ${shown.turnDegrees}${against} ${codes}`;
  if (isRight(figures, own)) {
    const sizePx = own ? sizeOf(own, shown) : shown.scale * shown.own.width * FACE_SHARE;
    return {
      verdict: 'right',
      why,
      truthDegrees,
      isWarned: codes !== '',
      falseAlarms: falseAlarms(face.warnings, kind, shown, sizePx),
    };
  }
  return { verdict: codes ? 'told' : 'wrong', why, truthDegrees };
}

function strangerVerdict(face: Reconstruction): Pick<Judged, 'verdict' | 'why'> {
  const codes = face.warnings.map(({ code }) => code).join(' ');
  const { x, y, width, height } = face.face.box;
  const why = `no face at ${x.toFixed(0)}, ${y.toFixed(0)}, ${width.toFixed(0)} x ${height.toFixed(0)} ${codes}`;
  return { verdict: codes ? 'told' : 'wrong', why };
}

/** The outcome whose box lies about the face's middle, and about no other face's. */
function takeNearest(outcomes: FaceOutcome[], shown: ShownFace, faces: readonly ShownFace[]): FaceOutcome | undefined {
  const distance = ({ box }: FaceOutcome, { x, y }: ShownFace) =>
    Math.hypot(box.x + box.width / 2 - x, box.y + box.height / 2 - y);
  const near = outcomes
    .filter((outcome) => distance(outcome, shown) < Math.max(outcome.box.width, outcome.box.height))
    .filter((outcome) => faces.every((other) => distance(outcome, shown) <= distance(outcome, other)))
    .sort((a, b) => distance(a, shown) - distance(b, shown))[0];
  if (near) outcomes.splice(outcomes.indexOf(near), 1);
  return near;
}

async function fitOrUndefined(
  hrn: Hrn,
  { own }: ShownFace,
  options: { detail: Detail; textureSize: number },
): Promise<Reconstruction | undefined> {
  try {
    return await hrn.fit(own, { ...options, minFacePx: 60 });
  } catch (error) {
    if (error instanceof HrnError) return undefined;
    throw error;
  }
}

/** Longer side of the face's box in the picture, pixels. */
function sizeOf({ face: { box } }: Reconstruction, { scale }: ShownFace): number {
  return scale * Math.max(box.width, box.height);
}

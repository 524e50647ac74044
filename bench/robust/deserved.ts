/** Which warnings a face deserves, by what was done to it: the others are false alarms. */
import type { FaceWarning } from '../../lib/warnings.js';
import type { Kind, ShownFace } from './pictures.js';

type Code = FaceWarning['code'];

/** The least turn of a head that may be called turned, degrees: the warning begins at 42, and the truth is seen with an error. */
const TURNED = 36;
/** Where a portrait is drawn with fewer pixels than this a face, or enlarged beyond this, there is no fine detail. */
const SMALL_FACE_PX = 115;
const ENLARGED = 1.15;

/** By the kind of picture alone. */
const BY_KIND: Partial<Record<Kind, readonly Code[]>> = {
  covered: ['COVERED', 'NOT_HUMAN', 'POOR_FIT'],
  touching: ['COVERED'],
  cropped: ['CUT_OFF', 'COVERED'],
  'close-up': ['CUT_OFF'],
  watermark: ['COVERED'],
  sepia: ['BLACK_AND_WHITE'],
  blurred: ['LOW_RESOLUTION', 'POOR_FIT'],
  compressed: ['LOW_RESOLUTION', 'BLACK_AND_WHITE'],
  brushed: ['LOW_RESOLUTION', 'COVERED', 'NOT_HUMAN'],
  posterised: ['COVERED', 'NOT_HUMAN', 'LOW_RESOLUTION'],
  halftone: ['COVERED', 'NOT_HUMAN', 'BLACK_AND_WHITE', 'LOW_RESOLUTION'],
  dark: ['DARK', 'BLACK_AND_WHITE', 'LOW_RESOLUTION', 'COVERED'],
  bright: ['DARK', 'COVERED', 'LOW_RESOLUTION'],
  flat: ['DARK', 'LOW_RESOLUTION', 'BLACK_AND_WHITE'],
};

/**
 * Warnings of a right head that nothing in the recipe of its picture explains.
 *
 * @param sizePx longer side of the face's box in the picture, by the box in its own portrait
 */
export function falseAlarms(warnings: readonly FaceWarning[], kind: Kind, shown: ShownFace, sizePx: number): Code[] {
  const deserved = new Set<Code>(BY_KIND[kind]);
  if (shown.over.length > 0) deserved.add('COVERED');
  // What hides a face leaves the networks unsure of it.
  if (deserved.has('COVERED')) deserved.add('UNSURE');
  if (Math.abs(shown.turn) > TURNED) deserved.add('TURNED');
  if (sizePx < SMALL_FACE_PX || shown.isSoft || shown.scale > ENLARGED) deserved.add('LOW_RESOLUTION');
  if (shown.isGrey) deserved.add('BLACK_AND_WHITE');
  return warnings.map(({ code }) => code).filter((code) => !deserved.has(code));
}

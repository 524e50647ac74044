/**
 * Every code that a warning can carry: something about the photo makes part of the head a guess.
 *
 * docs/errors.md is the same list with advice; a test keeps the two in step.
 */
export const WARNING_CODES = [
  /** Something lies over part of the face: a hand, a mask, hair, dark glasses. It is painted onto the skin. */
  'COVERED',
  /** The head is turned so far that most of one side is not seen: it is the other side's mirror image. */
  'TURNED',
  /** The face has few pixels, or is blurred: there is no detail to recover. */
  'LOW_RESOLUTION',
  /** The face reaches beyond the photo's border: what lies outside is the model's. */
  'CUT_OFF',
  /** The face is nearly black, or of nearly one grey: its contrast is raised, colours and fine shape are less certain. */
  'DARK',
  /** The photo has no colours: hues of the parts that it does not show are guessed. */
  'BLACK_AND_WHITE',
  /** Perhaps not the face of a living person: an animal, a painting, a figure. */
  'NOT_HUMAN',
  /** The fitted head follows the face's points less closely than usual. */
  'POOR_FIT',
  /** The networks follow the face with less certainty than usual: pose and shape may be off. */
  'UNSURE',
] as const;
export type WarningCode = (typeof WARNING_CODES)[number];

/** What is to be known of a head that was fitted all the same. */
export interface FaceWarning {
  code: WarningCode;
  /** What was seen, for people. */
  message: string;
  /** The figures behind it, for programs. */
  details: Readonly<Record<string, number | string>>;
}

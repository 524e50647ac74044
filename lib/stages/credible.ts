/** What is no face of a person is refused before it is fitted. */
import { HrnError } from '../errors.js';
import type { AnimalLook } from './animal.js';
import { CERTAIN_SCORE, type DetectedFace } from './detected-face.js';
import { LEAST_BARE, type SeenSkin } from './seen-skin.js';

/**
 * And of what both other networks are sure of: where less is seen bare the landmarks are a guess. Of 137 faces in photos one had
 * less (0.41: half painted over, the pose off by 17 degrees), of 18 drawn animals six.
 */
const LEAST_OF_CERTAIN = 0.5;
/**
 * But the eyes above a mask are seen as bare as any (0.90 above masks of three colours, with which 0.44 to 0.49 of the face is):
 * such a head is fitted, and told as covered. Those of 24 drawn animals, where they are refused, by 0.84 at most.
 */
const LEAST_OF_EYES = 0.87;
/**
 * Of a face that is not seen bare its eyes or its lips are: of 217 faces in photos 31 were bare by less than 0.88, their lips seen
 * by 0.31 and more; a fist of which both other networks were sure had 0.61 and 0.11.
 */
const LEAST_OF_LIPS = 0.2;
/**
 * From these log-odds on glasses, dark ones too, count as bare: three doubted faces behind them were bare by 0.70 to 0.79, with them by
 * 0.93 and more, and had 20 to 25; nine of ten photographed animals that are followed have 17 at most.
 */
const SURE_BEHIND_GLASSES = 19;
/**
 * What the detector doubts stays in doubt however sure the landmark network is, which follows dogs as surely: of 137 faces in photos
 * nine scored less than `CERTAIN_SCORE`, of which 0.82 and more was seen bare; a dog 0.58, with 0.76.
 *
 * @throws HrnError FACE_NOT_VISIBLE for what the detector doubts and the dense network does not take for a face either
 */
export function requireCredible(
  { isCertain, score, presenceLogit }: Pick<DetectedFace, 'isCertain' | 'score' | 'presenceLogit'>,
  skin: SeenSkin | undefined,
  eyes: SeenSkin | undefined,
  lips: number | undefined,
  animal?: AnimalLook,
): void {
  const hasLips = lips === undefined || lips >= LEAST_OF_LIPS;
  const needed = isCertain && score >= CERTAIN_SCORE && hasLips ? LEAST_OF_CERTAIN : LEAST_BARE;
  const isDoubted = !isCertain || score < CERTAIN_SCORE;
  if (animal && isDoubted) {
    const reason = 'this may be no face of a person: its nose is not of skin, it has hardly any brows';
    throw new HrnError('FACE_NOT_VISIBLE', `${reason}; use a photo of a person`, { details: { ...animal } });
  }
  const isBehindGlasses = skin && hasLips && presenceLogit >= SURE_BEHIND_GLASSES && skin.bare + skin.glasses >= needed;
  if (!skin || skin.bare >= needed || isBehindGlasses) return;
  if (isCertain && eyes && eyes.bare >= LEAST_OF_EYES) return;
  throw new HrnError(
    'FACE_NOT_VISIBLE',
    `this may be no face: only ${(100 * skin.bare).toFixed(0)} % of it look like one; use a photo in which it looks towards the camera and nothing covers it`,
    { details: { bareShare: skin.bare, coveringShare: skin.covering } },
  );
}

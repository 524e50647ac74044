/** Animals' faces, which the landmark network follows as well, though with less certainty. */
import type { MorphableModel } from '../morphable-model.js';
import type { DenseFace } from './dense.js';
import { skinParts } from './face-colours.js';
import type { DenseLandmarks } from './landmarks.js';
import { LEFT_BROW_RING, RIGHT_BROW_RING } from './mesh-points.js';
import { seenBrows, seenPart, seenSkin } from './seen-skin.js';

/** What speaks for one. */
export interface AnimalLook {
  /** Log-odds that the landmark network follows a face. */
  presenceLogOdds: number;
  /** Share of the brows' landmarks where the dense network sees brows, of what lies bare there. */
  browsShare: number;
  /** Share of the nose that looks like skin. */
  bareNose: number;
}

/**
 * Of 90 photos of dogs, cats and beasts eleven were followed: ten are within these limits (the eleventh is a white cat with a face as
 * of skin). Of 196 faces of people in photos, masks and paintings among them, none is.
 */
const LIMITS = { presenceLogOdds: 18.5, browsShare: 0.22, bare: 0.925, bareNose: 0.955, turnDegrees: 35 } as const;
/** Of the brows: hair and hats hide them. */
const LEAST_BARE_BROWS = 0.5;

const BROWS = [...RIGHT_BROW_RING, ...LEFT_BROW_RING];

/** @returns undefined where it looks like a person, or where its brows are hidden */
export function animalLook(
  dense: Pick<DenseFace, 'side' | 'classes' | 'toPhoto'>,
  landmarks: Pick<DenseLandmarks, 'pixels'>,
  model: Pick<MorphableModel, 'dense' | 'mean'>,
  turnDegrees: number,
  presenceLogOdds: number,
): AnimalLook | undefined {
  if (presenceLogOdds >= LIMITS.presenceLogOdds || Math.abs(turnDegrees) >= LIMITS.turnDegrees) return undefined;
  const around = seenPart(dense, landmarks, BROWS);
  const face = seenSkin(dense, landmarks);
  const nose = seenPart(dense, landmarks, skinParts(model).nose);
  if (!around || !face || !nose || face.bare >= LIMITS.bare || nose.bare >= LIMITS.bareNose) return undefined;
  const free = 1 - around.hair - around.covering;
  const browsShare = seenBrows(dense, landmarks, BROWS) / free;
  return free >= LEAST_BARE_BROWS && browsShare < LIMITS.browsShare
    ? { presenceLogOdds, browsShare, bareNose: nose.bare }
    : undefined;
}

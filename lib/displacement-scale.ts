import type { DisplacementMap } from './result-data.js';

/** The value of no displacement. */
const ZERO = 32768;
/** Of the usual file: heights up to 4.096 mm either way. */
const LEAST_STEP_MM = 1 / 8000;

/** How a 16-bit picture's values are heights: `mm = (value - zero) * mmPerStep`. */
export interface DisplacementScale {
  zero: number;
  mmPerStep: number;
}

/** The same for every map but one that is higher than usual. */
export function displacementScale({ data }: DisplacementMap): DisplacementScale {
  let most = 0;
  for (const height of data) most = Math.max(most, Math.abs(height));
  return { zero: ZERO, mmPerStep: Math.max(LEAST_STEP_MM, most / (ZERO - 1)) };
}

import type { DenseLandmarks } from './landmarks.js';
import type { PersonMask } from './mask.js';
import { type Colour, faceColours, patchColour } from './patch-colour.js';
import { transform } from './photo.js';
import { FACE_OVAL, invert } from './skin-mask.js';

/**
 * Where what covers the head is looked at, as seen from the topmost landmark: how far above it, in heights of the face,
 * and to both sides, in its widths.
 */
const ABOVE = [0.06, 0.5] as const;
const ASIDE = 0.6;
const ROWS = 16;
const COLUMNS = 24;
/** Of the person mask: surely not background. */
const PERSON = 0.9;
/** With fewer samples the photo ends there. */
const MIN_SAMPLES = 16;
/** How near two colours are alike: shares of red and green, logarithm of brightness. */
const ALIKE_SHARE = 0.012;
const ALIKE_BRIGHTNESS = 0.15;

/** Middle of the forehead, the subject's right side, chin and left side, of the landmark outline. */
const TOP = FACE_OVAL[0]!;
const [LEFT, CHIN, RIGHT] = [8, 18, 28].map((i) => FACE_OVAL[i]!) as [number, number, number];

/**
 * Tells hair that has the colour of skin: around a pixel of the mask the photo looks more like what covers this head
 * above the face (hair, a cap; on a bald head skin, which then is not told from skin) than like the face.
 */
export function hairColour(
  person: PersonMask,
  landmarks: Pick<DenseLandmarks, 'pixels'>,
): (u: number, v: number) => boolean {
  const skin = faceColours(person, landmarks).map(scaled);
  const cover = coverColours(person, landmarks).map(scaled);
  if (cover.length < MIN_SAMPLES) return () => false;
  return (u, v) => {
    const seen = patchColour(person, u, v);
    if (!seen) return false;
    const colour = scaled(seen);
    return density(colour, cover) > density(colour, skin);
  };
}

function coverColours(person: PersonMask, { pixels }: Pick<DenseLandmarks, 'pixels'>): Colour[] {
  const toMask = invert(person.toPhoto);
  const at = (point: number) => transform(toMask, pixels[2 * point]!, pixels[2 * point + 1]!);
  const [top, chin, left, right] = [at(TOP), at(CHIN), at(LEFT), at(RIGHT)];
  const up = [top[0] - chin[0], top[1] - chin[1]] as const;
  const width = Math.hypot(left[0] - right[0], left[1] - right[1]) / Math.hypot(...up);
  const colours: Colour[] = [];
  for (let row = 0; row < ROWS; row++) {
    const a = ABOVE[0] + (ABOVE[1] - ABOVE[0]) * ((row + 0.5) / ROWS);
    for (let column = 0; column < COLUMNS; column++) {
      const b = width * ASIDE * ((2 * column + 1) / COLUMNS - 1);
      const [u, v] = [top[0] + a * up[0] - b * up[1], top[1] + a * up[1] + b * up[0]];
      const colour = patchColour(person, u, v);
      if (colour && person.values[Math.floor(v) * person.size + Math.floor(u)]! > PERSON) colours.push(colour);
    }
  }
  return colours;
}

/** Scaled so that colours one apart are alike. */
function scaled([red, green, brightness]: Colour): Colour {
  return [red / ALIKE_SHARE, green / ALIKE_SHARE, Math.log(brightness) / ALIKE_BRIGHTNESS];
}

/** Kernel estimate of how often a colour comes among others, all scaled. */
function density(colour: Colour, others: readonly Colour[]): number {
  let sum = 0;
  for (const other of others) {
    const [r, g, b] = [colour[0] - other[0], colour[1] - other[1], colour[2] - other[2]];
    sum += Math.exp(-0.5 * (r * r + g * g + b * b));
  }
  return sum / others.length;
}

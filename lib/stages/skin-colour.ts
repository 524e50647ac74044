import type { DenseLandmarks } from './landmarks.js';
import { faceColours, type PatchSource, patchColour } from './patch-colour.js';

/** Chromaticity counts as skin within this many deviations of the face's own; their least size. */
const MAX_DEVIATIONS = 3.5;
/** To both sides of that limit, as share of it, within which likeness falls. */
const SOFTNESS = 0.3;
const MIN_DEVIATION = 0.012;
/** Sides of the face may lie in shadow or shine; hair is mostly darker still. Of the median brightness. */
const BRIGHTNESS = [0.3, 2] as const;
/** A face whose shares of colours are this close to equal is that of a black-and-white photo. */
const COLOURLESS = 0.01;

export interface SkinColour {
  /** Whether the photo shows skin around a pixel of the mask. */
  isSkin(u: number, v: number): boolean;
  /** The same without a sharp limit, 0..1. */
  likeness(u: number, v: number): number;
  /** False in black and white, where hair cannot be told from skin. */
  tellsHair: boolean;
}

/** What skin looks like in the photo, judged by the colours of this face. */
export function skinColour(source: PatchSource, landmarks: Pick<DenseLandmarks, 'pixels'>): SkinColour {
  const seen = faceColours(source, landmarks);
  const centre = [0, 1, 2].map((k) => median(seen.map((colour) => colour[k]!)));
  // 1.48 times the median deviation is the standard deviation of normal values.
  const spread = [0, 1].map((k) =>
    Math.max(MIN_DEVIATION, 1.48 * median(seen.map((colour) => Math.abs(colour[k]! - centre[k]!)))),
  );
  // Smallest of the distances to the limits, as shares of them; negative beyond.
  const margin = (u: number, v: number): number => {
    const colour = patchColour(source, u, v);
    if (!colour) return -1;
    const deviations = Math.hypot((colour[0] - centre[0]!) / spread[0]!, (colour[1] - centre[1]!) / spread[1]!);
    const brightness = colour[2] / centre[2]!;
    return Math.min(1 - deviations / MAX_DEVIATIONS, brightness / BRIGHTNESS[0] - 1, 1 - brightness / BRIGHTNESS[1]);
  };
  const isSkin = (u: number, v: number): boolean => margin(u, v) > 0;
  const likeness = (u: number, v: number): number => Math.min(1, Math.max(0, margin(u, v) / (2 * SOFTNESS) + 0.5));
  return { isSkin, likeness, tellsHair: [0, 1].some((k) => Math.abs(centre[k]! - 1 / 3) > COLOURLESS) };
}

function median(values: number[]): number {
  if (values.length === 0) return 0;
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

import type { PartName } from '../morphable-model.js';

/** How each part reflects light; its colour comes from the one texture that all parts share. */
export interface PartMaterial {
  /** glTF roughness, 0 (mirror) to 1 (chalk). */
  roughness: number;
  /** Whether the inside shows too: the skin is an open sheet that ends below the neck. */
  doubleSided: boolean;
}

/** Clear: dims what lies behind it a little, and shines. In plain glTF the shine of what is clear is as faint as it. */
export const CORNEA = { roughness: 0.04, alpha: 0.16 } as const;
/** As bright as the skin beside, or in shadow: their vertices tell. */
export const WET_LINES = { roughness: 0.15 } as const;
export const LASHES = { roughness: 1 } as const;
export const HAIR = { roughness: 0.7 } as const;

export const MATERIALS: Record<PartName, PartMaterial> = {
  skin: { roughness: 0.65, doubleSided: true },
  leftEye: { roughness: 0.2, doubleSided: false },
  rightEye: { roughness: 0.2, doubleSided: false },
  upperTeeth: { roughness: 0.35, doubleSided: false },
  lowerTeeth: { roughness: 0.35, doubleSided: false },
  tongue: { roughness: 0.45, doubleSided: false },
};

import type { Raster, ReconstructionData } from '../result-data.js';
import { LEFT_BROW_RING, RIGHT_BROW_RING } from '../stages/mesh-points.js';
import type { EyeColours } from './glb-head.js';
import { type Mix, mixOf } from './lid-margins.js';

type V3 = [number, number, number];

/** Lashes are darker than brows. */
const DARKER = 0.35;
const NO_BROW: V3 = [0.12, 0.09, 0.07];

/** Landmarks at the inner corners of the eyes and on the lower margins beside them. */
const WET = [133, 155, 154, 362, 382, 381] as const;
const NO_CORNER: V3 = [0.7, 0.45, 0.42];

type Textured = Pick<ReconstructionData, 'model' | 'texture'>;

export function eyeColours(result: Textured): EyeColours {
  return { lashes: lashColour(result), wet: wetColour(result) };
}

function wetColour({ model, texture }: Textured): V3 {
  if (model.dense.count < 468) return NO_CORNER;
  const colours = WET.map((point) => colourAt({ model, texture }, mixOf(model.dense, point, 1)));
  return [0, 1, 2].map((k) => colours.reduce((sum, colour) => sum + (colour[k] as number) / WET.length, 0)) as V3;
}

/** Of the darker half of the brows. */
function lashColour({ model, texture }: Textured): V3 {
  const colours: V3[] = [];
  for (const ring of [RIGHT_BROW_RING, LEFT_BROW_RING]) {
    // The ring's first half runs along the upper border, its second back along the lower one: between them is the brow.
    for (let i = 0; i < ring.length / 2; i++) {
      const [a, b] = [ring[i] as number, ring[ring.length - 1 - i] as number];
      colours.push(colourAt({ model, texture }, [...mixOf(model.dense, a, 0.5), ...mixOf(model.dense, b, 0.5)]));
    }
  }
  const bright = ([r, g, b]: V3) => 0.299 * r + 0.587 * g + 0.114 * b;
  const dark = colours.sort((a, b) => bright(a) - bright(b)).slice(0, Math.ceil(colours.length / 2));
  if (dark.length === 0) return NO_BROW;
  return [0, 1, 2].map(
    (k) => (DARKER * dark.reduce((sum, colour) => sum + (colour[k] as number), 0)) / dark.length,
  ) as V3;
}

function colourAt({ model, texture }: Textured, mix: Mix): V3 {
  const [u, v] = [0, 1].map((k) =>
    mix.reduce((sum, [vertex, weight]) => sum + weight * (model.uvs[2 * vertex + k] as number), 0),
  ) as [number, number];
  return texel(texture, u, v);
}

function texel({ data, width, height, channels }: Raster, u: number, v: number): V3 {
  const at = (value: number, size: number) => Math.min(size - 1, Math.max(0, Math.floor(value * size)));
  const from = channels * (at(v, height) * width + at(u, width));
  return [0, 1, 2].map((k) => (data[from + k] as number) / 255) as V3;
}

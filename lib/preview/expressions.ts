import { availableParallelism } from 'node:os';
import { toBlendShapes } from '../blend-shapes.js';
import { type MorphableModel, REGION_NAMES } from '../morphable-model.js';
import { native } from '../native/load.js';
import { withWeights } from '../posed.js';
import { render } from '../render.js';
import type { Raster, ReconstructionData } from '../result-data.js';
import { joinPanels } from './panels.js';
import { studioLook, studioView } from './studio.js';

const PANEL = 512;
const SAMPLES = 3;
const MAX_THREADS = 8;
/** From the front, and turned as far as a mouth's corner still shows both its sides, degrees. */
const TURNS = [0, 35];
const MARGIN = 1.06;
/** Where the picture's middle lies in depth, mm in the head frame. */
const DEPTH = -60;

/** From left to right, each with full weights but where lips would come apart too far to look like anybody's. */
const SHOWN: readonly Readonly<Record<string, number>>[] = [
  {},
  { mouthSmileLeft: 0.8, mouthSmileRight: 0.8, cheekSquintLeft: 0.4, cheekSquintRight: 0.4 },
  { eyeBlinkLeft: 1, eyeBlinkRight: 1 },
  { jawOpen: 0.8 },
];

const NECK = REGION_NAMES.indexOf('neck');

/** The square around the head and its hair without the neck, seen from the front. */
function faceSquare({ regions }: MorphableModel, positions: Float32Array): { x: number; y: number; side: number } {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let v = 0; 3 * v < positions.length; v++) {
    if (regions[v] === NECK) continue;
    const [x, y] = [positions[3 * v] as number, positions[3 * v + 1] as number];
    left = Math.min(left, x);
    right = Math.max(right, x);
    low = Math.min(low, y);
    high = Math.max(high, y);
  }
  return { x: (left + right) / 2, y: (low + high) / 2, side: MARGIN * Math.max(right - left, high - low) };
}

/**
 * What an animator gets: the head neutral, smiling, with its eyes shut and with its mouth open, from the front above and
 * turned by 35 degrees below. What the head's model has no expressions for is left out. In neutral studio light where
 * the result has a texture without light, else in the photo's own.
 *
 * @returns a PNG file
 */
export async function renderExpressions(result: ReconstructionData, signal?: AbortSignal): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const { model, coefficients } = result;
  const { names } = model.expression;
  const shown = SHOWN.filter((weights) => Object.keys(weights).every((name) => names.includes(name)));
  const used = new Set<string>(shown.flatMap((weights) => Object.keys(weights)));
  const worn = new Set<string>(Object.entries(coefficients.expression).flatMap(([name, w]) => (w === 0 ? [] : [name])));
  const chosen = names.flatMap((name, k) => (used.has(name) || worn.has(name) ? [k] : []));
  const head = await toBlendShapes(result, chosen);
  const { whole, look } = await studioLook(result);
  const { x, y, side } = faceSquare(model, whole.drawable(head.positions).positions);
  const context = new (native().Context)({ threads: Math.min(availableParallelism(), MAX_THREADS) });
  try {
    const panels: Raster[] = [];
    for (const turn of TURNS) {
      const view = { ...studioView([x, y, DEPTH], turn, side, PANEL), supersampling: SAMPLES };
      for (const weights of shown) {
        panels.push(await render(context, whole.drawable(withWeights(head, weights)), view, look, { signal }));
      }
    }
    return await joinPanels(panels, shown.length);
  } finally {
    context.dispose();
  }
}

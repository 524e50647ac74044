import type { toBlendShapes } from '../blend-shapes.js';
import type { LayoutMapProblem, SpreadProblem } from '../native/rig.js';
import type { Raster } from '../result-data.js';

/** What is made elsewhere: by the image library, in another thread, and by the addon. */
export interface GlbMakers {
  /** The image of all parts' colours, which is encoded meanwhile. */
  texture: Promise<Uint8Array>;
  /** Compresses what is drawn here; the raster is its own from then on. */
  encodePng(drawing: Raster): Promise<Uint8Array>;
  toBlendShapes: typeof toBlendShapes;
  /** Smooth between the values that are held; `[vertices]`. */
  spreadValues(problem: SpreadProblem): Promise<Float32Array>;
  /** `[size][size]`, 0..255. */
  layoutMap(problem: LayoutMapProblem): Promise<Uint8Array>;
}

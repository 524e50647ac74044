/** Where a video goes from one scene to another: nothing of a frame is where it was. */
import type { Photo } from '../stages/photo.js';

/** The picture is compared at this size, pixels a side. */
const SIDE = 24;
/** Mean change of brightness and colours, 0..1, from here on: in clips of people who move it is 0.013 at most, at their cuts 0.3. */
const CUT = 0.04;

export class SceneCuts {
  #before: Float32Array | undefined;

  /** Whether this frame is of another scene than the one before. */
  async isCut(photo: Photo, signal: AbortSignal | undefined): Promise<boolean> {
    const { width, height } = photo;
    const matrix = [width / SIDE, 0, 0, 0, height / SIDE, 0] as const;
    const now = await photo.crop({ matrix, width: SIDE, height: SIDE, low: 0, high: 1, border: 'replicate' }, signal);
    const before = this.#before;
    this.#before = now;
    if (!before) return false;
    let change = 0;
    for (let i = 0; i < now.length; i++) change += Math.abs(now[i]! - before[i]!);
    return change / now.length > CUT;
  }
}

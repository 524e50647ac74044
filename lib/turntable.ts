import { availableParallelism } from 'node:os';
import sharp from 'sharp';
import { native } from './native/load.js';
import { studioLook, studioView } from './preview/studio.js';
import { render } from './render.js';
import type { ReconstructionData } from './result-data.js';

const FRAMES = 30;
const SIDE = 480;
/** A turn in three seconds. */
const FRAME_MS = 100;
/** The axis of the turn, mm in the head frame, and what a picture shows of it. */
const AXIS = { x: 0, z: -60 };
const MARGIN = 1.12;
const MAX_THREADS = 8;

/** Height of the head's middle and the square around all of its turns, mm. */
function extentOf(positions: Float32Array): { middle: number; side: number } {
  let [low, high, radius] = [Infinity, -Infinity, 0];
  for (let i = 0; i < positions.length; i += 3) {
    const y = positions[i + 1] as number;
    low = Math.min(low, y);
    high = Math.max(high, y);
    radius = Math.max(radius, Math.hypot((positions[i] as number) - AXIS.x, (positions[i + 2] as number) - AXIS.z));
  }
  return { middle: (low + high) / 2, side: MARGIN * Math.max(high - low, 2 * radius) };
}

/**
 * The head turning once about itself: an animated WebP of 30 frames. In neutral studio light where the result has a
 * texture without light, else in the photo's own.
 */
export async function renderTurntable(result: ReconstructionData, signal?: AbortSignal): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const { mesh } = result;
  const { whole, look } = await studioLook(result);
  const head = whole.drawable(mesh.positions);
  const { middle, side } = extentOf(head.positions);
  const context = new (native().Context)({ threads: Math.min(availableParallelism(), MAX_THREADS) });
  try {
    const pages = Buffer.alloc(FRAMES * SIDE * SIDE * 3);
    for (let frame = 0; frame < FRAMES; frame++) {
      const picture = await render(
        context,
        head,
        studioView([AXIS.x, middle, AXIS.z], (360 * frame) / FRAMES, side, SIDE),
        look,
        { signal },
      );
      for (let i = 0; i < SIDE * SIDE; i++) {
        pages.set(picture.data.subarray(4 * i, 4 * i + 3), 3 * (frame * SIDE * SIDE + i));
      }
    }
    return await sharp(pages, { raw: { width: SIDE, height: FRAMES * SIDE, channels: 3, pageHeight: SIDE } })
      .webp({ quality: 82, effort: 2, loop: 0, delay: new Array(FRAMES).fill(FRAME_MS) })
      .toBuffer();
  } finally {
    context.dispose();
  }
}

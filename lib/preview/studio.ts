/** Heads as a studio's camera sees them, whatever the photo's did. */
import type { RenderLook, RenderView } from '../render.js';
import type { ReconstructionData } from '../result-data.js';
import { type Dressed, dressed } from './dressed.js';

const DISTANCE_MM = 1400;
const WALL = [0.17, 0.18, 0.2, 1] as const;

/**
 * A square picture of a head that has turned to the viewer's right; turned by 0 it faces the camera.
 *
 * @param centre what is in the picture's middle, mm in the head frame
 * @param sideMm what the picture shows at that depth
 */
export function studioView(
  centre: readonly [number, number, number],
  turnedDegrees: number,
  sideMm: number,
  sidePx: number,
): RenderView {
  const [cos, sin] = [Math.cos((turnedDegrees * Math.PI) / 180), Math.sin((turnedDegrees * Math.PI) / 180)];
  const rotation = [cos, 0, sin, 0, -1, 0, sin, 0, -cos];
  const [x, y, z] = [0, 1, 2].map((row) =>
    centre.reduce((sum, c, k) => sum + (rotation[3 * row + k] as number) * c, 0),
  ) as [number, number, number];
  return {
    pose: { rotation, translation: [-x, -y, DISTANCE_MM - z] },
    camera: { focalLengthPx: (sidePx * DISTANCE_MM) / sideMm, principalPointPx: [sidePx / 2, sidePx / 2] },
    width: sidePx,
    height: sidePx,
  };
}

/** In neutral light where the head has a texture without light, else in the photo's own. */
export async function studioLook(result: ReconstructionData): Promise<{ whole: Dressed; look: RenderLook }> {
  const { texture, albedo } = result;
  const whole = await dressed(result, albedo ?? texture);
  return { whole, look: { texture: whole.texture, light: albedo ? 'studio' : 'none', background: WALL } };
}

/** How much of the eyeballs is seen. */
import type { MorphableModel } from '../../lib/morphable-model.js';
import type { NativeContext } from '../../lib/native/binding.js';
import { renderVisibility } from '../../lib/render.js';

const PIXEL_MM = 0.2;
const [WIDTH, HEIGHT] = [600, 200];
const DISTANCE_MM = 900;

/** Seen of both eyeballs from the front and from 40 degrees to each side, mm squared of the picture; the most. */
export async function ballsSeen(
  context: NativeContext,
  model: MorphableModel,
  positions: Float32Array,
): Promise<number> {
  const isBall = new Uint8Array(model.triangleCount);
  for (const { name, firstTriangle, triangleCount } of model.parts) {
    if (name === 'leftEye' || name === 'rightEye') isBall.fill(1, firstTriangle, firstTriangle + triangleCount);
  }
  let most = 0;
  for (const yaw of [-40, 0, 40]) {
    const [cos, sin] = [Math.cos((yaw * Math.PI) / 180), Math.sin((yaw * Math.PI) / 180)];
    const { triangleId } = await renderVisibility(
      context,
      { positions, indices: model.triangles },
      {
        pose: { rotation: [cos, 0, sin, 0, -1, 0, sin, 0, -cos], translation: [0, 0, DISTANCE_MM] },
        camera: { focalLengthPx: DISTANCE_MM / PIXEL_MM, principalPointPx: [WIDTH / 2, HEIGHT / 2] },
        width: WIDTH,
        height: HEIGHT,
      },
    );
    const seen = triangleId.reduce((sum, t) => sum + (t >= 0 ? isBall[t]! : 0), 0);
    most = Math.max(most, seen * PIXEL_MM * PIXEL_MM);
  }
  return most;
}

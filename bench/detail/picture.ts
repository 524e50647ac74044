/** A portrait, its true normals, and those of the medium and the high level, in grey under one light. */
import sharp from 'sharp';
import type { DetailPortrait } from './portrait.js';

const LIGHT = [-0.55, -0.55, -0.63] as const;

export async function drawPicture(
  { image, normals, face }: DetailPortrait,
  medium: Float32Array,
  high: Float32Array,
  sizePx: number,
): Promise<Buffer> {
  const { left, top, side } = squareAround(face, sizePx);
  const out = Buffer.alloc(4 * side * side * 3);
  for (let j = 0; j < side * side; j++) {
    const [x, y] = [j % side, Math.floor(j / side)];
    const i = (top + y) * sizePx + left + x;
    const put = (panel: number, k: number, value: number): void => {
      out[((y * 4 + panel) * side + x) * 3 + k] = value;
    };
    for (let k = 0; k < 3; k++) put(0, k, image.data[3 * i + k]!);
    for (const [panel, n] of [normals, medium, high].entries()) {
      const lit = n[3 * i]! * LIGHT[0] + n[3 * i + 1]! * LIGHT[1] + n[3 * i + 2]! * LIGHT[2];
      const grey = n[3 * i + 2] === 0 ? 30 : 255 * Math.min(1, 0.12 + 0.85 * Math.max(0, lit)) ** (1 / 1.6);
      for (let k = 0; k < 3; k++) put(panel + 1, k, grey);
    }
  }
  return await sharp(out, { raw: { width: 4 * side, height: side, channels: 3 } })
    .resize(2400)
    .png()
    .toBuffer();
}

/** The square that holds the face, within the picture. */
function squareAround(face: Uint8Array, sizePx: number) {
  let [left, top, right, low] = [sizePx, sizePx, 0, 0];
  for (let i = 0; i < face.length; i++) {
    if (!face[i]) continue;
    const [x, y] = [i % sizePx, Math.floor(i / sizePx)];
    [left, right, top, low] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(low, y)];
  }
  const side = Math.min(sizePx, Math.max(right - left, low - top) + 10);
  const place = (from: number, to: number): number =>
    Math.round(Math.min(sizePx - side, Math.max(0, (from + to - side) / 2)));
  return { left: place(left, right), top: place(top, low), side };
}

import type { FaceLines } from './widened.js';

/**
 * The 68 iBUG points among the landmark network's 478, in iBUG's order: those whose meaning is the same (corners, lids,
 * lips, ridge and wings of the nose) or nearest (jaw, which both let slide along the outline).
 */
export const DENSE_OF_68: readonly number[] = [
  ...[127, 234, 93, 132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 323, 454, 356],
  ...[70, 63, 105, 66, 107, 336, 296, 334, 293, 300],
  ...[168, 197, 5, 4, 75, 97, 2, 326, 305],
  ...[33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380],
  ...[61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181],
  ...[78, 82, 13, 312, 308, 317, 14, 87],
];

/**
 * Landmarks as the reference counts them: `[68][2]`, pixel centres at whole numbers, y up from the lowest row.
 *
 * @param pixels `[478][2]` of the photo, pixel centres at +0.5, y down
 */
export function landmarks68(pixels: Float32Array, photoHeight: number): Float32Array {
  const out = new Float32Array(2 * 68);
  for (const [i, dense] of DENSE_OF_68.entries()) {
    out[2 * i] = pixels[2 * dense]! - 0.5;
    out[2 * i + 1] = photoHeight - 1 - (pixels[2 * dense + 1]! - 0.5);
  }
  return out;
}

/** Of the 478: the lines that the reference draws through its 106 points, in the same order. */
const OUTLINE = [
  ...[127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152],
  ...[377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356],
];
const INNER: readonly { points: readonly number[]; closed: boolean }[] = [
  { points: [70, 63, 105, 66, 107], closed: false },
  { points: [336, 296, 334, 293, 300], closed: false },
  { points: [168, 6, 195, 4], closed: false },
  { points: [129, 75, 97, 2, 326, 305, 358], closed: false },
  { points: [33, 160, 159, 158, 133, 153, 145, 144], closed: true },
  { points: [362, 385, 386, 387, 263, 373, 374, 380], closed: true },
  { points: [61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91], closed: true },
];

/**
 * A face's lines and box in a crop.
 *
 * @param pixels `[478][2]` of the photo, pixel centres at +0.5
 * @param at the crop's scale and corner
 */
export function faceLines(
  pixels: Float32Array,
  photoWidth: number,
  at: { width: number; left: number; top: number },
): FaceLines {
  const scale = at.width / photoWidth;
  const place = (i: number) => [scale * pixels[2 * i]! - at.left - 0.5, scale * pixels[2 * i + 1]! - at.top - 0.5];
  const line = (indices: readonly number[]) => Float32Array.from(indices.flatMap(place));
  const box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (let i = 0; i < pixels.length / 2; i++) {
    const [x, y] = place(i) as [number, number];
    box.x0 = Math.min(box.x0, x);
    box.x1 = Math.max(box.x1, x);
    box.y0 = Math.min(box.y0, y);
    box.y1 = Math.max(box.y1, y);
  }
  const inner = INNER.map(({ points, closed }) => ({ points: line(points), closed }));
  return { outline: line(OUTLINE), inner, box };
}

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

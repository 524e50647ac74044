import type { Region } from '../stages/photo.js';

/** Farther from where a face was, in its sizes, is not the same place. */
const APART = 0.35;

/** Whether two squares around faces are so near that one face's next frame explains them. */
export function isNear(a: Region, b: Region): boolean {
  const moved = Math.hypot(a.x - b.x, a.y - b.y) / b.size;
  return moved < APART && Math.abs(Math.log(a.size / b.size)) < APART;
}

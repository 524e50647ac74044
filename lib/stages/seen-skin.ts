import { DENSE_CLASSES, type DenseClass, type DenseFace } from './dense.js';
import type { DenseLandmarks } from './landmarks.js';
import { MESH_POINTS } from './mesh-points.js';
import { transform } from './photo.js';

/** What the dense network sees where the landmark network has put a face. */
export interface SeenSkin {
  /** Mean probability of a face's own parts at its points, 0..1. */
  bare: number;
  /** And of things that lie over one: hands, masks, glasses, clothes. */
  covering: number;
}

const OWN: readonly DenseClass[] = ['face', 'lips', 'brows', 'eyes', 'mouth', 'teeth', 'beard'];
const OVER: readonly DenseClass[] = ['occluder', 'glasses', 'clothes'];

/** Points beyond the network's square do not count; nothing seen where all are. */
export function seenSkin(
  { side, classes, toPhoto }: Pick<DenseFace, 'side' | 'classes' | 'toPhoto'>,
  { pixels }: Pick<DenseLandmarks, 'pixels'>,
): SeenSkin | undefined {
  const [a, b, c, d, e, f] = toPhoto;
  const determinant = a * e - b * d;
  const toMap = [
    e / determinant,
    -b / determinant,
    (b * f - e * c) / determinant,
    -d / determinant,
    a / determinant,
    (d * c - a * f) / determinant,
  ] as const;
  const plane = side * side;
  const share = (names: readonly DenseClass[], at: number): number =>
    names.reduce((sum, name) => sum + classes[DENSE_CLASSES.indexOf(name) * plane + at]!, 0);
  let [bare, covering, count] = [0, 0, 0];
  for (let i = 0; i < MESH_POINTS; i++) {
    const [u, v] = transform(toMap, pixels[2 * i]!, pixels[2 * i + 1]!).map(Math.floor) as [number, number];
    if (!(u >= 0 && v >= 0 && u < side && v < side)) continue;
    bare += share(OWN, v * side + u);
    covering += share(OVER, v * side + u);
    count++;
  }
  return count > 0 ? { bare: bare / count, covering: covering / count } : undefined;
}

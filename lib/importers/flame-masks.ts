import { inFile, wrongFormat } from '../formats/errors.js';
import { isArray, unpickleArrays } from '../formats/numpy-pickle.js';
import { readModelBytes } from '../models/read-model-bytes.js';
import type { RegionName } from '../morphable-model.js';
import { findFiles } from './find-file.js';

const FILE = 'FLAME_masks.pkl';
/** FLAME's parts of the head that are also regions here; of a vertex in several the last one counts. */
const REGIONS: readonly [mask: string, region: RegionName][] = [
  ['neck', 'neck'],
  ['boundary', 'neck'],
  ['scalp', 'scalp'],
  ['forehead', 'forehead'],
  ['left_ear', 'ears'],
  ['right_ear', 'ears'],
  ['nose', 'nose'],
  ['lips', 'mouth'],
];

/**
 * FLAME's own parts of the head, where FLAME_masks.pkl lies beside it; undefined where it does not.
 *
 * @param moved of every vertex, what it is now; -1 for a dropped one
 * @returns of every kept vertex its region, where a mask tells one
 * @throws HrnError MODEL_FORMAT, MODEL_CORRUPT, MODEL_UNSAFE
 */
export async function flameRegions(path: string, moved: Int32Array): Promise<(RegionName | undefined)[] | undefined> {
  const file = (await findFiles(path, [FILE])).get(FILE);
  if (file === undefined) return undefined;
  return inFile(file, async () => {
    const masks = unpickleArrays(await readModelBytes(file));
    if (!(masks instanceof Map)) throw wrongFormat(`a dictionary of vertices (${FILE} of FLAME)`, 'something else');
    const out: (RegionName | undefined)[] = new Array(moved.reduce((sum, v) => sum + Number(v >= 0), 0));
    let known = 0;
    for (const [mask, region] of REGIONS) {
      const vertices = masks.get(mask);
      if (!isArray(vertices)) continue;
      known++;
      for (const v of vertices.data) {
        const at = moved[v];
        if (at === undefined) throw wrongFormat(`vertices below ${moved.length}`, `vertex ${v} in ${mask}`);
        if (at >= 0) out[at] = region;
      }
    }
    if (known > 0) return out;
    throw wrongFormat(`masks ${REGIONS.map(([mask]) => mask).join(', ')}`, [...masks.keys()].slice(0, 12).join(', '));
  });
}

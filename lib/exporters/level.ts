import { HrnError } from '../errors.js';
import type { ReconstructionData } from '../result-data.js';
import { vertexNormals } from './vertex-normals.js';

/**
 * The same head with the mesh of one of its levels of detail, normals included; as it is where none is named.
 *
 * @throws HrnError INVALID_OPTION where it has no such level
 */
export function atLevel(
  result: ReconstructionData,
  level: keyof ReconstructionData['levels'] | undefined,
): ReconstructionData {
  if (level === undefined) return result;
  if (level === 'high' && result.levels.high) return result;
  const positions = result.levels[level];
  if (!(positions instanceof Float32Array)) {
    const known = Object.keys(result.levels).join(', ');
    throw new HrnError('INVALID_OPTION', `expected one of ${known} for option level, got ${String(level)}`, {
      details: { option: 'level' },
    });
  }
  const { indices } = result.mesh;
  const { coarse, medium } = result.levels;
  const levels = { coarse, ...(medium ? { medium } : {}) };
  return {
    ...result,
    levels,
    mesh: { ...result.mesh, positions, normals: vertexNormals(positions, indices) },
  };
}

import type { RegionName } from '../morphable-model.js';
import { REGION_NAMES } from '../morphable-model.js';
import type { Raster } from '../result-data.js';
import type { ExportModel } from './glb-head.js';
import type { GlbMakers } from './glb-makers.js';
import { MATERIALS } from './materials.js';

/** Regions are large and their borders soft: texels a side. */
const SIZE = 256;
/** Means over neighbours, a millimetre and a half or so each. */
const STEPS = 12;

/** glTF roughness of skin: least where it is oily or moist. */
const ROUGHNESS: Record<RegionName, number> = {
  other: 0.65,
  nose: 0.48,
  mouth: 0.42,
  forehead: 0.54,
  cheeks: 0.62,
  eyes: 0.58,
  ears: 0.6,
  neck: 0.68,
  scalp: 0.72,
  chin: 0.58,
};

const encoded = new WeakMap<ExportModel, Promise<Uint8Array>>();

/** PNG for glTF's metallicRoughnessTexture, which has roughness in green; made once for a model. */
export function encodeRoughness(
  model: ExportModel,
  { layoutMap, encodePng }: Pick<GlbMakers, 'layoutMap' | 'encodePng'>,
): Promise<Uint8Array> {
  let png = encoded.get(model);
  if (!png) {
    png = roughnessMap(model, layoutMap).then(encodePng);
    encoded.set(model, png);
  }
  return png;
}

/** Roughness of the skin over the layout, `MATERIALS` has it where there is none. */
export async function roughnessMap(
  { parts, triangles, regions, uvs }: Pick<ExportModel, 'regions' | 'triangles' | 'uvs' | 'parts'>,
  layoutMap: GlbMakers['layoutMap'],
): Promise<Raster> {
  const skin = parts.find(({ name }) => name === 'skin') ?? { firstTriangle: 0, triangleCount: 0 };
  const ofRegions = REGION_NAMES.map((name) => ROUGHNESS[name]);
  const map = await layoutMap({
    values: Float32Array.from(regions, (region) => ofRegions[region]!),
    uvs,
    indices: triangles.subarray(3 * skin.firstTriangle, 3 * (skin.firstTriangle + skin.triangleCount)),
    softening: STEPS,
    size: SIZE,
    background: Math.round(255 * MATERIALS.skin.roughness),
  });
  const data = new Uint8Array(3 * SIZE * SIZE);
  for (let i = 0; i < map.length; i++) {
    data[3 * i] = 255;
    data[3 * i + 1] = map[i]!;
  }
  return { data, width: SIZE, height: SIZE, channels: 3 };
}

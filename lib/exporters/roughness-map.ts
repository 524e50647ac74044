import type { MorphableModel, RegionName } from '../morphable-model.js';
import { REGION_NAMES } from '../morphable-model.js';
import type { Raster } from '../result-data.js';
import { MATERIALS } from './materials.js';
import { encodePng } from './texture.js';

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

const encoded = new WeakMap<MorphableModel, Promise<Uint8Array>>();

/** PNG for glTF's metallicRoughnessTexture, which has roughness in green; made once for a model. */
export function encodeRoughness(model: MorphableModel): Promise<Uint8Array> {
  let png = encoded.get(model);
  if (!png) {
    png = encodePng(roughnessMap(model));
    encoded.set(model, png);
  }
  return png;
}

/** Roughness of the skin over the layout, `MATERIALS` has it where there is none. */
export function roughnessMap(
  model: Pick<MorphableModel, 'regions' | 'triangles' | 'uvs' | 'parts' | 'vertexCount'>,
): Raster {
  const skin = model.parts.find(({ name }) => name === 'skin');
  const corners = skin
    ? model.triangles.subarray(3 * skin.firstTriangle, 3 * (skin.firstTriangle + skin.triangleCount))
    : new Uint32Array();
  const values = softened(
    Float32Array.from({ length: model.vertexCount }, (_, v) => ROUGHNESS[REGION_NAMES[model.regions[v]!]!]),
    corners,
  );
  const data = new Uint8Array(3 * SIZE * SIZE);
  const usual = Math.round(255 * MATERIALS.skin.roughness);
  for (let i = 0; i < data.length; i += 3) data.set([255, usual, 0], i);
  for (let t = 0; t < corners.length; t += 3) {
    const v = [corners[t]!, corners[t + 1]!, corners[t + 2]!] as const;
    const x = v.map((i) => model.uvs[2 * i]! * SIZE) as [number, number, number];
    const y = v.map((i) => model.uvs[2 * i + 1]! * SIZE) as [number, number, number];
    const area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
    if (area === 0) continue;
    // A texel more on every side, so that filters at the border of the layout find what they should.
    const margin = 1 / Math.sqrt(Math.abs(area));
    for (let row = Math.max(0, Math.floor(Math.min(...y) - 1)); row < Math.min(SIZE, Math.max(...y) + 1); row++) {
      for (let at = Math.max(0, Math.floor(Math.min(...x) - 1)); at < Math.min(SIZE, Math.max(...x) + 1); at++) {
        const [dx, dy] = [at + 0.5 - x[0], row + 0.5 - y[0]];
        const b = (dx * (y[2] - y[0]) - dy * (x[2] - x[0])) / area;
        const c = (dy * (x[1] - x[0]) - dx * (y[1] - y[0])) / area;
        if (b < -margin || c < -margin || b + c > 1 + margin) continue;
        // Never beyond the corners' own.
        const [p, q] = [Math.min(1, Math.max(0, b)), Math.min(1, Math.max(0, c))];
        const value = Math.max(0, 1 - p - q) * values[v[0]]! + p * values[v[1]]! + q * values[v[2]]!;
        data[3 * (row * SIZE + at) + 1] = Math.round((255 * value) / Math.max(1, p + q));
      }
    }
  }
  return { data, width: SIZE, height: SIZE, channels: 3 };
}

/** Means over the triangles around each vertex. */
function softened(values: Float32Array, corners: Uint32Array): Float32Array {
  let from = values;
  for (let step = 0; step < STEPS; step++) {
    const sums = from.slice();
    const counts = new Float32Array(values.length).fill(1);
    for (let t = 0; t < corners.length; t += 3) {
      const [a, b, c] = [corners[t]!, corners[t + 1]!, corners[t + 2]!];
      const mean = (from[a]! + from[b]! + from[c]!) / 3;
      for (const v of [a, b, c]) {
        sums[v]! += mean;
        counts[v]! += 1;
      }
    }
    from = sums.map((sum, v) => sum / counts[v]!);
  }
  return from;
}

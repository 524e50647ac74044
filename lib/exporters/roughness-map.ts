import type { RegionName } from '../morphable-model.js';
import { REGION_NAMES } from '../morphable-model.js';
import type { Raster } from '../result-data.js';
import type { ExportModel } from './glb-head.js';
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
  encodePng: (drawing: Raster) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  let png = encoded.get(model);
  if (!png) {
    png = encodePng(roughnessMap(model));
    encoded.set(model, png);
  }
  return png;
}

/** Roughness of the skin over the layout, `MATERIALS` has it where there is none. */
export function roughnessMap(
  model: Pick<ExportModel, 'regions' | 'triangles' | 'uvs' | 'parts' | 'vertexCount'>,
): Raster {
  const skin = model.parts.find(({ name }) => name === 'skin');
  const corners = skin
    ? model.triangles.subarray(3 * skin.firstTriangle, 3 * (skin.firstTriangle + skin.triangleCount))
    : new Uint32Array();
  const data = new Uint8Array(3 * SIZE * SIZE);
  const usual = Math.round(255 * MATERIALS.skin.roughness);
  // Plain loops all through: the first file of a process is made before they are compiled, and small arrays are garbage.
  for (let i = 0; i < data.length; i += 3) {
    data[i] = 255;
    data[i + 1] = usual;
  }
  const values = softened(
    Float32Array.from({ length: model.vertexCount }, (_, v) => ROUGHNESS[REGION_NAMES[model.regions[v]!]!]),
    corners,
  );
  for (let t = 0; t < corners.length; t += 3) {
    draw(data, model.uvs, values, corners[t]!, corners[t + 1]!, corners[t + 2]!);
  }
  return { data, width: SIZE, height: SIZE, channels: 3 };
}

/** One triangle and a texel more on every side, so that filters at the border of the layout find what they should. */
function draw(data: Uint8Array, uvs: Float32Array, values: Float32Array, i: number, j: number, k: number): void {
  const x0 = uvs[2 * i]! * SIZE;
  const y0 = uvs[2 * i + 1]! * SIZE;
  const x1 = uvs[2 * j]! * SIZE - x0;
  const y1 = uvs[2 * j + 1]! * SIZE - y0;
  const x2 = uvs[2 * k]! * SIZE - x0;
  const y2 = uvs[2 * k + 1]! * SIZE - y0;
  const area = x1 * y2 - x2 * y1;
  if (area === 0) return;
  const margin = 1 / Math.sqrt(Math.abs(area));
  const top = Math.max(0, Math.floor(y0 + Math.min(0, y1, y2) - 1));
  const left = Math.max(0, Math.floor(x0 + Math.min(0, x1, x2) - 1));
  const low = Math.min(SIZE, y0 + Math.max(0, y1, y2) + 1);
  const right = Math.min(SIZE, x0 + Math.max(0, x1, x2) + 1);
  for (let row = top; row < low; row++) {
    for (let column = left; column < right; column++) {
      const dx = column + 0.5 - x0;
      const dy = row + 0.5 - y0;
      const b = (dx * y2 - dy * x2) / area;
      const c = (dy * x1 - dx * y1) / area;
      if (b < -margin || c < -margin || b + c > 1 + margin) continue;
      // Never beyond the corners' own.
      const p = Math.min(1, Math.max(0, b));
      const q = Math.min(1, Math.max(0, c));
      const value = Math.max(0, 1 - p - q) * values[i]! + p * values[j]! + q * values[k]!;
      data[3 * (row * SIZE + column) + 1] = Math.round((255 * value) / Math.max(1, p + q));
    }
  }
}

/** Means over the triangles around each vertex. */
function softened(values: Float32Array, corners: Uint32Array): Float32Array {
  const counts = new Float32Array(values.length).fill(1);
  for (let i = 0; i < corners.length; i++) counts[corners[i]!]! += 1;
  let from = values;
  for (let step = 0; step < STEPS; step++) {
    const sums = from.slice();
    for (let t = 0; t < corners.length; t += 3) {
      const a = corners[t]!;
      const b = corners[t + 1]!;
      const c = corners[t + 2]!;
      const mean = (from[a]! + from[b]! + from[c]!) / 3;
      sums[a]! += mean;
      sums[b]! += mean;
      sums[c]! += mean;
    }
    for (let v = 0; v < sums.length; v++) sums[v]! /= counts[v]!;
    from = sums;
  }
  return from;
}

import { describe, expect, it } from 'vitest';
import { vertexNormals } from '../lib/exporters/vertex-normals.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import { irradiance } from '../lib/sample/lighting.js';
import { ownColours } from '../lib/track/appearance.js';

describe("a person's own colours", () => {
  it("are the texture's without the light that it is in, within bounds", async () => {
    const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
    const rotation = Float64Array.of(1, 0, 0, 0, -1, 0, 0, 0, -1); // faces the camera
    const camera = {
      rotation,
      translation: Float64Array.of(0, 0, 600),
      focalPx: 1000,
      principalPx: Float64Array.of(0, 0),
    };
    const lighting = new Float64Array(27);
    for (const k of [0, 9, 18]) lighting.set([0.8, 0.05, 0.25, -0.1], k);
    const normals = vertexNormals(model.mean, model.triangles);
    const colours = new Float32Array(model.mean.length).fill(0.6);
    const lit = (v: number) => irradiance(lighting, 0, normals[3 * v]!, normals[3 * v + 1]!, normals[3 * v + 2]!);
    // Skin a quarter darker than the model's everywhere; and what is as black as a beard.
    const size = 512;
    for (const [share, expected] of [
      [0.75, 0.75],
      [0, 0.25],
    ] as const) {
      const texture = new Uint8Array(3 * size * size);
      // The vertex's own light, around it.
      for (let v = 0; v < model.uvs.length / 2; v++) {
        const [column, row] = [model.uvs[2 * v]!, model.uvs[2 * v + 1]!].map((at) => Math.floor(at * size));
        for (let y = row! - 2; y <= row! + 2; y++)
          for (let x = column! - 2; x <= column! + 2; x++)
            if (x >= 0 && y >= 0 && x < size && y < size)
              texture.fill(255 * Math.min(1, share * 0.6 * lit(v)), 3 * (y * size + x), 3 * (y * size + x) + 3);
      }
      const own = await ownColours(model, colours, { positions: model.mean, camera, lighting }, texture);
      const skin = model.parts.find(({ name }) => name === 'skin')!;
      const vertices = new Set(
        model.triangles.subarray(3 * skin.firstTriangle, 3 * (skin.firstTriangle + skin.triangleCount)),
      );
      const ratios = [...vertices]
        .filter((v) => normals[3 * v + 2]! > 0.6 && lit(v) > 0.4)
        .map((v) => own[3 * v]! / 0.6)
        .toSorted((a, b) => a - b);
      expect(ratios.length).toBeGreaterThan(2000);
      expect(ratios[Math.floor(ratios.length / 2)]).toBeCloseTo(expected, 1);
      expect(ratios[0]).toBeGreaterThanOrEqual(0.25);
      expect(ratios.at(-1)).toBeLessThanOrEqual(1.6);
    }
  });
});

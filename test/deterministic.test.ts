import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import * as hrn from '../lib/index.js';

const astronaut = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));

it('a fit gives the same bytes for any number of threads, and while another runs', async () => {
  const fit = async (threads: number, count: number) => {
    const own = await hrn.create({ threads });
    const faces = await Promise.all(Array.from({ length: count }, () => own.fit(astronaut, { textureSize: 256 })));
    await own.dispose();
    return faces.map(({ mesh, texture, coefficients, deformationMap, levels, camera }) => [
      mesh.positions,
      mesh.normals,
      levels.coarse,
      texture.data,
      coefficients.identity,
      coefficients.albedo,
      coefficients.lighting,
      deformationMap?.data ?? new Float32Array(),
      Float64Array.from(camera.projection),
    ]);
  };
  const bytes = (array: ArrayBufferView) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  const [[alone], together] = [await fit(1, 1), await fit(3, 2)];
  for (const face of together) {
    expect(face.map((array, i) => bytes(array).equals(bytes(alone![i]!)))).toEqual(face.map(() => true));
  }
});

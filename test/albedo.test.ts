import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { sampleTexture } from '../lib/exporters/ply.js';
import * as hrn from '../lib/index.js';
import type { Raster } from '../lib/result-data.js';
import { renderTurntable } from '../lib/turntable.js';
import { syntheticHead } from './synthetic-head.js';

/** sRGB-encoded 0..1 to linear. */
const linear = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

function meanError(texture: Raster, { model, head }: hrn.Sample): number {
  let [sum, count] = [0, 0];
  for (let i = 0; i < 3 * model.vertexCount; i++) {
    const v = Math.floor(i / 3);
    if (model.deformable[v]! < 0.9) continue;
    const got = sampleTexture(texture, model.uvs[2 * v]!, model.uvs[2 * v + 1]!, i % 3) / 255;
    sum += Math.abs(linear(got) - linear(head.colours[i]!));
    count++;
  }
  return sum / count;
}

describe('albedo', () => {
  it('is nearer to the true one of a sample than the texture that the photo shows', async () => {
    const sample = await hrn.sample({ seed: 3, size: 512 });
    const face = await hrn.fit(sample.image, { texture: 'both', textureSize: 512 });
    expect(face.albedo).toMatchObject({ width: 512, height: 512, channels: 3 });
    expect(meanError(face.albedo!, sample)).toBeLessThan(0.7 * meanError(face.texture, sample));
    const [photo, albedo] = [await face.encode('glb'), await face.encode('glb', { baseColor: 'albedo' })];
    expect(Buffer.compare(photo, albedo)).not.toBe(0);
  });

  it('has to be asked for', async () => {
    await expect(syntheticHead().encode('glb', { baseColor: 'albedo' })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining("texture: 'albedo' or 'both'"),
    });
    await expect(hrn.fit('x.jpg', { texture: 'lit' as 'photo' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('turntable', () => {
  it('is an animated WebP of thirty frames', async () => {
    const picture = await sharp(await renderTurntable(syntheticHead()), { animated: true }).metadata();
    expect(picture).toMatchObject({ format: 'webp', pages: 30, width: 480, pageHeight: 480, loop: 0 });
  });
});

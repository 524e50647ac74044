/** A head with its hair as one mesh with one texture, which is what the renderer draws. */
import sharp from 'sharp';
import type { Drawable } from '../render.js';
import type { Mesh, Raster, ReconstructionData } from '../result-data.js';

/** Larger textures are drawn at this size beside hair: pictures show no more of them. */
const MOST_TEXELS = 2048;

export interface Dressed {
  /** Square, of the drawables. */
  texture: Raster;
  /** The head in some shape, `[vertices][3]` in mm, with its hair where it has any. */
  drawable(positions: Float32Array): Drawable & Pick<Mesh, 'uvs'>;
}

function joined(first: Float32Array, second: Float32Array): Float32Array {
  const both = new Float32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** @param texture the head's, in the mesh's UVs */
export async function dressed({ mesh, hair }: Pick<ReconstructionData, 'mesh' | 'hair'>, texture: Raster) {
  const { indices, uvs } = mesh;
  if (!hair) return { texture, drawable: (positions) => ({ positions, indices, uvs }) } satisfies Dressed;
  // The head's square above, the hair's picture, squeezed to half its height, below: a square of 3 / 2 the side.
  const side = Math.min(texture.width, MOST_TEXELS);
  const whole = side + Math.ceil(side / 2);
  const sized = (raster: Raster, width: number, height: number) =>
    sharp(raster.data, { raw: { width: raster.width, height: raster.height, channels: raster.channels } })
      .removeAlpha()
      .resize(width, height, { fit: 'fill' })
      .png({ compressionLevel: 0 })
      .toBuffer();
  const { data } = await sharp({ create: { width: whole, height: whole, channels: 3, background: 'black' } })
    .composite([
      { input: await sized(texture, side, side), left: 0, top: 0 },
      { input: await sized(hair.texture, side, whole - side), left: 0, top: side },
    ])
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const [scale, start] = [side / whole, side / whole];
  const bothUvs = joined(
    uvs.map((value) => value * scale),
    hair.uvs.map((value, i) => (i % 2 === 0 ? value * scale : start + value * (1 - start))),
  );
  const bothIndices = new Uint32Array(indices.length + hair.indices.length);
  bothIndices.set(indices);
  bothIndices.set(
    hair.indices.map((vertex) => vertex + mesh.positions.length / 3),
    indices.length,
  );
  return {
    texture: { data, width: whole, height: whole, channels: 3 },
    drawable: (positions) => ({
      positions: joined(positions, hair.positions),
      indices: bothIndices,
      uvs: bothUvs,
    }),
  } satisfies Dressed;
}

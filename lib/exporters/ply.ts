import type { Raster } from '../result-data.js';
import { VERSION } from '../version.js';
import type { Exporter } from './exporter.js';
import { meshAt } from './level-of-detail.js';

/** x y z nx ny nz s t as floats, then red green blue as bytes; evidence as a float where it is known. */
const VERTEX_BYTES = 8 * 4 + 3;
const EVIDENCE_BYTES = 4;
/** The corner count as a byte, then three indices. */
const FACE_BYTES = 1 + 3 * 4;

function header(vertices: number, faces: number, withEvidence: boolean): string {
  const floats = ['x', 'y', 'z', 'nx', 'ny', 'nz', 's', 't'].map((name) => `property float ${name}`);
  const colours = ['red', 'green', 'blue'].map((name) => `property uchar ${name}`);
  return [
    'ply',
    'format binary_little_endian 1.0',
    `comment hrn ${VERSION}: millimetres, y up, z out of the face`,
    `element vertex ${vertices}`,
    ...floats,
    ...colours,
    ...(withEvidence ? ['property float evidence'] : []),
    `element face ${faces}`,
    'property list uchar int vertex_indices',
    'end_header\n',
  ].join('\n');
}

/** Bilinear sample of a texture at (u, v) with v from the top, clamped at the border; 0..255 per channel. */
export function sampleTexture(texture: Raster, u: number, v: number, channel: number): number {
  const { data, width, height, channels } = texture;
  const x = Math.min(Math.max(u * width - 0.5, 0), width - 1);
  const y = Math.min(Math.max(v * height - 0.5, 0), height - 1);
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const x1 = Math.min(x0 + 1, width - 1);
  const y1 = Math.min(y0 + 1, height - 1);
  const texel = (column: number, row: number): number => data[(row * width + column) * channels + channel] as number;
  const top = texel(x0, y0) + (x - x0) * (texel(x1, y0) - texel(x0, y0));
  const bottom = texel(x0, y1) + (x - x0) * (texel(x1, y1) - texel(x0, y1));
  return top + (y - y0) * (bottom - top);
}

/**
 * Binary little-endian PLY in mm, in the order of `mesh.positions`: normals, texture coordinates (`s`, `t`; t from the
 * bottom as in OBJ) and the texture's colour at each vertex, for scan tools that read no texture; with the fitted mesh's own
 * vertices also how far each rests on the photo. Hair, where there is any, follows the head: of its vertices `s` and `t` are
 * places in a texture of its own, and the evidence is 0.
 */
export const ply: Exporter = {
  extension: '.ply',
  description: 'binary PLY with a colour per vertex, in millimetres',

  async encode(result, path, { lod }) {
    const mesh = await meshAt(result, lod);
    const parts = [{ ...mesh, texture: result.texture }, ...(result.hair ? [result.hair] : [])];
    const vertices = parts.reduce((sum, { positions }) => sum + positions.length / 3, 0);
    const faces = parts.reduce((sum, { indices }) => sum + indices.length / 3, 0);
    // Meshes of other levels have other vertices.
    const evidence = result.evidence?.length === mesh.positions.length / 3 ? result.evidence : undefined;
    const head = Buffer.from(header(vertices, faces, evidence !== undefined), 'ascii');
    const vertexBytes = VERTEX_BYTES + (evidence ? EVIDENCE_BYTES : 0);
    const bytes = Buffer.alloc(head.length + vertices * vertexBytes + faces * FACE_BYTES);
    head.copy(bytes);
    let offset = head.length;
    const putFloat = (value: number): void => {
      offset = bytes.writeFloatLE(value, offset);
    };
    for (const [part, { positions, normals, uvs, texture }] of parts.entries()) {
      for (let i = 0; 3 * i < positions.length; i++) {
        const u = uvs[2 * i] as number;
        const v = uvs[2 * i + 1] as number;
        for (let k = 0; k < 3; k++) putFloat(positions[3 * i + k] as number);
        for (let k = 0; k < 3; k++) putFloat(normals[3 * i + k] as number);
        putFloat(u);
        putFloat(1 - v);
        for (let k = 0; k < 3; k++) offset = bytes.writeUInt8(Math.round(sampleTexture(texture, u, v, k)), offset);
        if (evidence) putFloat(part === 0 ? (evidence[i] as number) : 0);
      }
    }
    let before = 0;
    for (const { positions, indices } of parts) {
      for (let f = 0; 3 * f < indices.length; f++) {
        offset = bytes.writeUInt8(3, offset);
        for (let k = 0; k < 3; k++) offset = bytes.writeInt32LE(before + (indices[3 * f + k] as number), offset);
      }
      before += positions.length / 3;
    }
    return [{ path, bytes }];
  },
};

import { basename, dirname, extname, join } from 'node:path';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Hair, Mesh } from '../result-data.js';
import { VERSION } from '../version.js';
import type { Exporter } from './exporter.js';
import { meshAt } from './level-of-detail.js';
import { HAIR, MATERIALS } from './materials.js';
import { encodePng } from './texture.js';

/** Lines made between two turns of the event loop. */
const LINES_PER_TURN = 8192;

/** Formats `count` lines without holding up the event loop. */
async function lines(count: number, line: (i: number) => string): Promise<string> {
  const chunks: string[] = [];
  for (let first = 0; first < count; first += LINES_PER_TURN) {
    const chunk: string[] = [];
    for (let i = first; i < Math.min(count, first + LINES_PER_TURN); i++) chunk.push(line(i));
    chunks.push(`${chunk.join('\n')}\n`);
    await yieldToEventLoop();
  }
  return chunks.join('');
}

const at = (values: Float32Array | Uint32Array, i: number): number => values[i] as number;

/** Vertices, and the triangles of each group; `before` vertices are in the file already. */
async function meshText(
  { positions, normals, uvs, indices }: Omit<Mesh, 'parts'>,
  groups: readonly { name: string; firstIndex: number; indexCount: number }[],
  before: number,
): Promise<string> {
  const vertexCount = positions.length / 3;
  // Ten nanometres: finer than a float at the size of a head, so the vertices are those of the mesh.
  const v = (i: number) =>
    `v ${at(positions, 3 * i).toFixed(5)} ${at(positions, 3 * i + 1).toFixed(5)} ${at(positions, 3 * i + 2).toFixed(5)}`;
  // OBJ counts v from the bottom.
  const vt = (i: number) => `vt ${at(uvs, 2 * i).toFixed(6)} ${(1 - at(uvs, 2 * i + 1)).toFixed(6)}`;
  const vn = (i: number) =>
    `vn ${at(normals, 3 * i).toFixed(5)} ${at(normals, 3 * i + 1).toFixed(5)} ${at(normals, 3 * i + 2).toFixed(5)}`;
  const corner = (i: number) => {
    const n = before + at(indices, i) + 1;
    return `${n}/${n}/${n}`;
  };

  const text = [await lines(vertexCount, v), await lines(vertexCount, vt), await lines(vertexCount, vn)];
  for (const { name, firstIndex, indexCount } of groups) {
    if (indexCount === 0) continue;
    const face = (t: number) =>
      `f ${corner(firstIndex + 3 * t)} ${corner(firstIndex + 3 * t + 1)} ${corner(firstIndex + 3 * t + 2)}`;
    text.push(`g ${name}\nusemtl ${name}\n`, await lines(indexCount / 3, face));
  }
  return text.join('');
}

async function objText(mesh: Mesh, hair: Hair | undefined, mtlName: string): Promise<string> {
  const text = [
    `# hrn ${VERSION}: millimetres, y up, z out of the face\nmtllib ${mtlName}\no head\n`,
    await meshText(mesh, mesh.parts, 0),
  ];
  if (hair) {
    const whole = { name: 'hair', firstIndex: 0, indexCount: hair.indices.length };
    text.push('o hair\n', await meshText(hair, [whole], mesh.positions.length / 3));
  }
  return text.join('');
}

function mtlText(mesh: Mesh, textureName: string, hairName: string | undefined): string {
  const all = [
    ...mesh.parts.map(({ name }) => ({ name: name as string, ...MATERIALS[name], texture: textureName })),
    ...(hairName === undefined ? [] : [{ name: 'hair', ...HAIR, texture: hairName }]),
  ];
  const materials = all.map(({ name, roughness, texture }) => {
    // Blinn-Phong exponent of about the same highlight, and a weaker highlight the rougher the surface.
    const exponent = Math.min(1000, 2 / roughness ** 4 - 2);
    const specular = (0.2 * (1 - roughness)).toFixed(3);
    return [
      `newmtl ${name}`,
      'Ka 1.000 1.000 1.000',
      'Kd 1.000 1.000 1.000',
      `Ks ${specular} ${specular} ${specular}`,
      `Ns ${exponent.toFixed(1)}`,
      'd 1.000',
      'illum 2',
      // The PBR extension of MTL: roughness and metalness.
      `Pr ${roughness.toFixed(3)}`,
      'Pm 0.000',
      `map_Kd ${texture}`,
      '',
    ].join('\n');
  });
  return `# hrn ${VERSION}\n${materials.join('\n')}`;
}

/**
 * Wavefront OBJ: `NAME.obj`, `NAME.mtl` and `NAME_texture.png`. Vertices are those of `mesh.positions` in the same
 * order (at `lod` 0), in mm; a group and a material per part.
 * Materials have the PBR extension's roughness and metalness besides the Phong values. Hair, where there is any, is an
 * object of its own after the head, with `NAME_hair.png`.
 */
export const obj: Exporter = {
  extension: '.obj',
  description: 'Wavefront OBJ with MTL and PNG texture, in millimetres',

  async encode(result, path, { lod }) {
    const mesh = await meshAt(result, lod);
    // The references are lines of text: a control character in the name would break them.
    const stem = basename(path, extname(path)).replace(/\p{Cc}/gu, '_');
    const mtlName = `${stem}.mtl`;
    const textureName = `${stem}_texture.png`;
    const folder = dirname(path);
    const { hair } = result;
    const hairName = hair && `${stem}_hair.png`;
    return [
      { path: join(folder, textureName), bytes: await encodePng(result.texture) },
      ...(hair && hairName ? [{ path: join(folder, hairName), bytes: await encodePng(hair.texture) }] : []),
      { path: join(folder, mtlName), bytes: Buffer.from(mtlText(mesh, textureName, hairName)) },
      { path, bytes: Buffer.from(await objText(mesh, hair, mtlName)) },
    ];
  },
};

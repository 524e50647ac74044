import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { Hair, Mesh } from '../result-data.js';
import { VERSION } from '../version.js';
import type { Exporter } from './exporter.js';
import { meshAt } from './level-of-detail.js';
import { HAIR, MATERIALS, type PartMaterial } from './materials.js';
import { encodeJpeg } from './texture.js';

const TEXTURE_NAME = 'texture.jpg';
const HAIR_TEXTURE_NAME = 'hair.jpg';

/** A prim: what it looks like, and its part of the mesh. */
interface Prim extends PartMaterial {
  name: string;
  texture: string;
  mesh: Omit<Mesh, 'parts'>;
  firstIndex: number;
  indexCount: number;
}

/** `(x, y, z), (x, y, z), ...` of the chosen vertices. */
function tuples(values: ArrayLike<number>, width: number, digits: number): string {
  const out: string[] = [];
  for (let i = 0; i < values.length; i += width) {
    const parts: string[] = [];
    for (let k = 0; k < width; k++) parts.push((values[i + k] as number).toFixed(digits));
    out.push(`(${parts.join(', ')})`);
  }
  return out.join(', ');
}

function meshPrim({ name, doubleSided, mesh, firstIndex, indexCount }: Prim): string {
  const corners = mesh.indices.subarray(firstIndex, firstIndex + indexCount);
  const source = [...new Set(corners)].sort((a, b) => a - b);
  const place = new Map(source.map((vertex, i) => [vertex, i]));
  const gather = (values: Float32Array, width: number) =>
    source.flatMap((vertex) => [...values.subarray(width * vertex, width * vertex + width)]);
  // USD counts v from the bottom.
  const uvs = gather(mesh.uvs, 2).map((value, i) => (i % 2 ? 1 - value : value));
  return `
    def Mesh "${name}" (prepend apiSchemas = ["MaterialBindingAPI"])
    {
        uniform token subdivisionScheme = "none"
        uniform bool doubleSided = ${doubleSided ? 1 : 0}
        int[] faceVertexCounts = [${new Array(indexCount / 3).fill(3).join(', ')}]
        int[] faceVertexIndices = [${Array.from(corners, (vertex) => place.get(vertex)).join(', ')}]
        point3f[] points = [${tuples(gather(mesh.positions, 3), 3, 4)}]
        normal3f[] normals = [${tuples(gather(mesh.normals, 3), 3, 4)}] (interpolation = "vertex")
        texCoord2f[] primvars:st = [${tuples(uvs, 2, 6)}] (interpolation = "vertex")
        rel material:binding = </head/materials/${name}>
    }`;
}

function materialPrim({ name, roughness, texture }: Prim): string {
  const path = `/head/materials/${name}`;
  return `
        def Material "${name}"
        {
            token outputs:surface.connect = <${path}/surface.outputs:surface>
            def Shader "surface"
            {
                uniform token info:id = "UsdPreviewSurface"
                color3f inputs:diffuseColor.connect = <${path}/colour.outputs:rgb>
                float inputs:metallic = 0
                float inputs:roughness = ${roughness}
                token outputs:surface
            }
            def Shader "colour"
            {
                uniform token info:id = "UsdUVTexture"
                asset inputs:file = @${texture}@
                token inputs:sourceColorSpace = "sRGB"
                token inputs:wrapS = "clamp"
                token inputs:wrapT = "clamp"
                float2 inputs:st.connect = <${path}/uv.outputs:result>
                float3 outputs:rgb
            }
            def Shader "uv"
            {
                uniform token info:id = "UsdPrimvarReader_float2"
                string inputs:varname = "st"
                float2 outputs:result
            }
        }`;
}

function primsOf(mesh: Mesh, hair: Hair | undefined): Prim[] {
  const parts = mesh.parts
    .filter(({ indexCount }) => indexCount > 0)
    .map((part) => ({ ...part, ...MATERIALS[part.name], texture: TEXTURE_NAME, mesh }));
  if (!hair) return parts;
  const whole = { name: 'hair', mesh: hair, firstIndex: 0, indexCount: hair.indices.length };
  return [...parts, { ...whole, roughness: HAIR.roughness, doubleSided: true, texture: HAIR_TEXTURE_NAME }];
}

async function sceneText(prims: readonly Prim[]): Promise<string> {
  const text = [
    `#usda 1.0
(
    defaultPrim = "head"
    metersPerUnit = 0.001
    upAxis = "Y"
    doc = "hrn ${VERSION}"
)

def Xform "head" (kind = "component")
{`,
  ];
  for (const prim of prims) {
    text.push(meshPrim(prim));
    await yieldToEventLoop();
  }
  text.push(`\n    def Scope "materials"\n    {${prims.map(materialPrim).join('')}\n    }\n}\n`);
  return text.join('');
}

interface Entry {
  name: string;
  bytes: Uint8Array;
}

/** A zip archive of stored files, each beginning at a multiple of 64 bytes, which is what USDZ demands. */
function storedZip(entries: readonly Entry[]): Uint8Array {
  const chunks: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes } of entries) {
    const label = Buffer.from(name, 'ascii');
    // An extra field of no meaning: identifier and length, then padding.
    const unpadded = offset + 30 + label.length + 4;
    const padding = (64 - (unpadded % 64)) % 64;
    const extra = Buffer.alloc(4 + padding);
    extra.writeUInt16LE(0x1986, 0);
    extra.writeUInt16LE(padding, 2);
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(10, 0);
    // 1980-01-01: the same head gives the same file.
    facts.writeUInt16LE(0x21, 8);
    facts.writeUInt32LE(crc32(bytes), 10);
    facts.writeUInt32LE(bytes.length, 14);
    facts.writeUInt32LE(bytes.length, 18);
    facts.writeUInt16LE(label.length, 22);
    const local = Buffer.from(facts);
    local.writeUInt16LE(extra.length, 24);
    const end = Buffer.alloc(14);
    end.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x0a\0', 'latin1'), facts, end, label);
    chunks.push(Buffer.from('PK\x03\x04', 'latin1'), local, label, extra, Buffer.from(bytes));
    offset += 4 + 26 + label.length + extra.length + bytes.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const tail = Buffer.alloc(22);
  tail.write('PK\x05\x06', 'latin1');
  tail.writeUInt16LE(entries.length, 8);
  tail.writeUInt16LE(entries.length, 10);
  tail.writeUInt32LE(size, 12);
  tail.writeUInt32LE(offset, 16);
  return Buffer.concat([...chunks, ...directory, tail]);
}

/**
 * USDZ, which phones show in their rooms: the mesh as fitted, a prim and a UsdPreviewSurface material per part, in mm.
 * It holds no blend shapes. Hair, where there is any, is a prim of its own.
 *
 * Written here because three's exporter, the library at hand, needs the canvas of a browser for its textures.
 */
export const usdz: Exporter = {
  extension: '.usdz',
  description: 'USDZ with texture, as fitted, in millimetres',

  async encode(result, path, { lod }) {
    const mesh = await meshAt(result, lod);
    const entries = [
      { name: 'head.usda', bytes: Buffer.from(await sceneText(primsOf(mesh, result.hair))) },
      { name: TEXTURE_NAME, bytes: await encodeJpeg(result.texture) },
      ...(result.hair ? [{ name: HAIR_TEXTURE_NAME, bytes: await encodeJpeg(result.hair.texture) }] : []),
    ];
    return [{ path, bytes: storedZip(entries) }];
  },
};

import {
  type Accessor,
  Document,
  type Buffer as GltfBuffer,
  type Material,
  NodeIO,
  type Primitive,
  type Texture,
} from '@gltf-transform/core';
import type { MeshPart, ReconstructionData } from '../result.js';
import { VERSION } from '../version.js';
import { type BlendShapeHead, toBlendShapes } from './blend-shapes.js';
import type { Exporter } from './exporter.js';
import { MATERIALS } from './materials.js';
import { encodeJpeg } from './texture.js';

/** glTF measures in metres, we in millimetres. */
const METRES_PER_MM = 1e-3;
/** A sparse accessor stores an index beside each vector, so it pays only while few vectors differ from zero. */
const SPARSE_BELOW = 0.5;

/** The vertices of one part, renumbered from 0 in their old order. */
interface PartVertices {
  /** For each vertex of the part its index in the whole mesh. */
  source: Uint32Array;
  /** The part's triangles in the new numbers. */
  indices: Uint16Array | Uint32Array;
}

function partVertices(meshIndices: Uint32Array, part: MeshPart): PartVertices {
  const corners = meshIndices.subarray(part.firstIndex, part.firstIndex + part.indexCount);
  const source = Uint32Array.from(new Set(corners)).sort();
  const renumbered = new Map(Array.from(source, (vertex, i) => [vertex, i]));
  const indices = Array.from(corners, (vertex) => renumbered.get(vertex) as number);
  return { source, indices: source.length < 65535 ? Uint16Array.from(indices) : Uint32Array.from(indices) };
}

function gather(values: Float32Array, width: number, source: Uint32Array, scale = 1): Float32Array<ArrayBuffer> {
  const out = new Float32Array(source.length * width);
  for (let i = 0; i < source.length; i++) {
    const from = width * (source[i] as number);
    for (let k = 0; k < width; k++) out[i * width + k] = scale * (values[from + k] as number);
  }
  return out;
}

function isMostlyZero(vectors: Float32Array): boolean {
  let nonZero = 0;
  for (let i = 0; i < vectors.length; i += 3) if (vectors[i] || vectors[i + 1] || vectors[i + 2]) nonZero++;
  return nonZero < SPARSE_BELOW * (vectors.length / 3);
}

/** Builds the glTF accessors of one head; holds what they all need. */
class PrimitiveBuilder {
  constructor(
    private readonly document: Document,
    private readonly buffer: GltfBuffer,
    private readonly head: BlendShapeHead,
    private readonly result: ReconstructionData,
  ) {}

  build(part: MeshPart, material: Material): Primitive {
    const { source, indices } = partVertices(this.result.mesh.indices, part);
    const primitive = this.document
      .createPrimitive()
      .setMaterial(material)
      .setIndices(this.accessor('SCALAR', indices as Uint16Array<ArrayBuffer>))
      .setAttribute('POSITION', this.accessor('VEC3', gather(this.head.positions, 3, source, METRES_PER_MM)))
      .setAttribute('NORMAL', this.accessor('VEC3', gather(this.head.normals, 3, source)))
      .setAttribute('TEXCOORD_0', this.accessor('VEC2', gather(this.result.mesh.uvs, 2, source)));
    for (const shape of this.head.shapes) {
      const target = this.document
        .createPrimitiveTarget(shape.name)
        .setAttribute('POSITION', this.offsets(gather(shape.positionOffsets, 3, source, METRES_PER_MM)))
        .setAttribute('NORMAL', this.offsets(gather(shape.normalOffsets, 3, source)));
      primitive.addTarget(target);
    }
    return primitive;
  }

  private accessor(
    type: 'SCALAR' | 'VEC2' | 'VEC3',
    array: Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>,
  ): Accessor {
    return this.document.createAccessor().setType(type).setArray(array).setBuffer(this.buffer);
  }

  private offsets(array: Float32Array<ArrayBuffer>): Accessor {
    return this.accessor('VEC3', array).setSparse(isMostlyZero(array));
  }
}

function createMaterial(document: Document, part: MeshPart, texture: Texture): Material {
  const { roughness, doubleSided } = MATERIALS[part.name];
  return document
    .createMaterial(part.name)
    .setBaseColorTexture(texture)
    .setMetallicFactor(0)
    .setRoughnessFactor(roughness)
    .setDoubleSided(doubleSided);
}

/**
 * Binary glTF 2.0: one mesh with a primitive and a material per part, the texture inside, in metres.
 *
 * The base shape is the person with a neutral face. The model's expressions are morph targets (their names in
 * `mesh.extras.targetNames`, which is where viewers and Blender look) and the mesh's default weights are the fitted
 * expression: shown as it is, the file looks like the photo; with all weights at zero it is neutral.
 */
export const glb: Exporter = {
  extension: '.glb',
  description: 'binary glTF 2.0 with texture and morph targets, in metres',

  async encode(result, path) {
    const head = await toBlendShapes(result);
    const document = new Document();
    const root = document.getRoot();
    root.getAsset().generator = `hrn ${VERSION}`;
    const buffer = document.createBuffer();
    const texture = document
      .createTexture('texture')
      .setMimeType('image/jpeg')
      .setImage((await encodeJpeg(result.texture)) as Uint8Array<ArrayBuffer>);

    const mesh = document
      .createMesh('head')
      .setWeights(head.shapes.map((shape) => shape.weight))
      .setExtras({
        targetNames: head.shapes.map((shape) => shape.name),
        units: 'metres',
        scaleSource: result.scale.source,
      });
    const builder = new PrimitiveBuilder(document, buffer, head, result);
    for (const part of result.mesh.parts) {
      if (part.indexCount > 0) mesh.addPrimitive(builder.build(part, createMaterial(document, part, texture)));
    }
    const scene = document.createScene('scene').addChild(document.createNode('head').setMesh(mesh));
    root.setDefaultScene(scene);
    return [{ path, bytes: await new NodeIO().writeBinary(document) }];
  },
};

import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { MeshPart, ReconstructionData } from '../result-data.js';
import { VERSION } from '../version.js';
import { type BlendShapeHead, toBlendShapes } from './blend-shapes.js';
import type { Exporter } from './exporter.js';
import { GlbContainer } from './glb-container.js';
import { MATERIALS } from './materials.js';
import { encodeJpeg } from './texture.js';

/** glTF measures in metres, we in millimetres. */
const METRES_PER_MM = 1e-3;

/** The vertices of one part, renumbered from 0 in their old order. */
interface PartVertices {
  /** For each vertex of the part its index in the whole mesh. */
  source: Uint32Array;
  /** The part's triangles in the new numbers. */
  indices: Uint32Array;
}

function partVertices(meshIndices: Uint32Array, part: MeshPart, vertexCount: number): PartVertices {
  const corners = meshIndices.subarray(part.firstIndex, part.firstIndex + part.indexCount);
  const renumbered = new Uint32Array(vertexCount);
  for (const vertex of corners) renumbered[vertex] = 1;
  const source: number[] = [];
  for (let vertex = 0; vertex < vertexCount; vertex++) {
    if (renumbered[vertex]) renumbered[vertex] = source.push(vertex) - 1;
  }
  return { source: Uint32Array.from(source), indices: corners.map((vertex) => renumbered[vertex] as number) };
}

function gather(values: Float32Array, width: number, source: Uint32Array, scale = 1): Float32Array {
  const out = new Float32Array(source.length * width);
  for (let i = 0; i < source.length; i++) {
    const from = width * (source[i] as number);
    for (let k = 0; k < width; k++) out[i * width + k] = scale * (values[from + k] as number);
  }
  return out;
}

/** The glTF primitive of a part, its material having the part's index. */
async function primitiveOf(
  container: GlbContainer,
  { mesh, model }: ReconstructionData,
  head: BlendShapeHead,
  part: MeshPart,
  material: number,
): Promise<object> {
  const { source, indices } = partVertices(mesh.indices, part, model.vertexCount);
  const targets: object[] = [];
  for (const shape of head.shapes) {
    targets.push({
      POSITION: container.offsets(gather(shape.positionOffsets, 3, source, METRES_PER_MM)),
      NORMAL: container.offsets(gather(shape.normalOffsets, 3, source)),
    });
    await yieldToEventLoop();
  }
  return {
    attributes: {
      POSITION: container.vec3(gather(head.positions, 3, source, METRES_PER_MM)),
      NORMAL: container.vec3(gather(head.normals, 3, source)),
      TEXCOORD_0: container.vec2(gather(mesh.uvs, 2, source)),
    },
    indices: container.indices(indices, source.length),
    material,
    targets,
  };
}

function materialOf({ name }: MeshPart): object {
  const { roughness, doubleSided } = MATERIALS[name];
  return {
    name,
    pbrMetallicRoughness: { baseColorTexture: { index: 0 }, metallicFactor: 0, roughnessFactor: roughness },
    doubleSided,
  };
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
    const container = new GlbContainer();
    const parts = result.mesh.parts.filter((part) => part.indexCount > 0);
    const primitives: object[] = [];
    for (const [i, part] of parts.entries()) primitives.push(await primitiveOf(container, result, head, part, i));
    const image = {
      name: 'texture',
      mimeType: 'image/jpeg',
      bufferView: container.image(await encodeJpeg(result.texture)),
    };
    const bytes = container.toBytes({
      asset: { version: '2.0', generator: `hrn ${VERSION}` },
      scene: 0,
      scenes: [{ name: 'scene', nodes: [0] }],
      nodes: [{ name: 'head', mesh: 0 }],
      meshes: [
        {
          name: 'head',
          primitives,
          weights: head.shapes.map((shape) => shape.weight),
          extras: {
            targetNames: head.shapes.map((shape) => shape.name),
            units: 'metres',
            scaleSource: result.scale.source,
          },
        },
      ],
      materials: parts.map(materialOf),
      textures: [{ source: 0 }],
      images: [image],
    });
    return [{ path, bytes }];
  },
};

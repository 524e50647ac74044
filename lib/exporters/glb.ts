import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { MeshPart, ReconstructionData } from '../result-data.js';
import { VERSION } from '../version.js';
import { inArkitOrder } from './arkit.js';
import { type BlendShapeHead, type SparseVectors, toBlendShapes } from './blend-shapes.js';
import type { Exporter } from './exporter.js';
import { animationOf, type Moving } from './glb-animation.js';
import { GlbContainer } from './glb-container.js';
import { type LevelOfDetail, levelOfDetail } from './level-of-detail.js';
import { MATERIALS } from './materials.js';
import type { HeadMotion } from './motion.js';
import { normalMap, tangentsOf } from './normal-map.js';
import { chosenTargets, type ResolvedExportOptions } from './options.js';
import { JOINTS, type Skeleton, skeletonOf } from './skeleton.js';
import { encodePng, encodeTexture, MIME_TYPES } from './texture.js';

/** glTF measures in metres, we in millimetres. */
const METRES_PER_MM = 1e-3;
const NOT_HERE = 0xffffffff;

/** The vertices of one part, renumbered from 0 in their old order. */
interface PartVertices {
  /** For each vertex of the part its index in the whole mesh. */
  source: Uint32Array;
  /** For each vertex of the mesh its index in the part, or NOT_HERE. */
  place: Uint32Array;
  /** The part's triangles in the new numbers. */
  indices: Uint32Array;
}

function partVertices(meshIndices: Uint32Array, part: MeshPart, vertexCount: number): PartVertices {
  const corners = meshIndices.subarray(part.firstIndex, part.firstIndex + part.indexCount);
  const place = new Uint32Array(vertexCount).fill(NOT_HERE);
  for (const vertex of corners) place[vertex] = 0;
  const source: number[] = [];
  for (let vertex = 0; vertex < vertexCount; vertex++) {
    if (place[vertex] === 0) place[vertex] = source.push(vertex) - 1;
  }
  return { source: Uint32Array.from(source), place, indices: corners.map((vertex) => place[vertex] as number) };
}

function gather<T extends Float32Array | Uint8Array | Uint16Array>(
  values: T,
  width: number,
  source: Uint32Array,
  scale = 1,
): T {
  const out = new (values.constructor as new (length: number) => T)(source.length * width);
  for (let i = 0; i < source.length; i++) {
    const from = width * (source[i] as number);
    for (let k = 0; k < width; k++) out[i * width + k] = scale * (values[from + k] as number);
  }
  return out;
}

/** The offsets of a part's own vertices as an accessor. */
function offsets(
  container: GlbContainer,
  { vertices, values }: SparseVectors,
  { source, place }: PartVertices,
  scale: number,
): number {
  const here: number[] = [];
  for (let i = 0; i < vertices.length; i++) if (place[vertices[i] as number] !== NOT_HERE) here.push(i);
  const chosen = Uint32Array.from(here);
  return container.offsets(
    source.length,
    chosen.map((i) => place[vertices[i] as number] as number),
    gather(values, 3, chosen, scale),
  );
}

/** The glTF primitive of a part, its material having the part's index. */
async function primitiveOf(
  container: GlbContainer,
  { mesh, model }: ReconstructionData,
  head: BlendShapeHead,
  skeleton: Skeleton | undefined,
  level: LevelOfDetail,
  part: MeshPart,
  material: number,
  tangents: Float32Array | undefined,
): Promise<object> {
  const own = partVertices(level.indices, part, model.vertexCount);
  const { source, indices } = own;
  const targets: object[] = [];
  for (const shape of head.shapes) {
    targets.push({
      POSITION: offsets(container, shape.positionOffsets, own, METRES_PER_MM),
      NORMAL: offsets(container, shape.normalOffsets, own, 1),
    });
  }
  await yieldToEventLoop();
  return {
    attributes: {
      POSITION: container.vec3(gather(head.positions, 3, source, METRES_PER_MM)),
      NORMAL: container.vec3(gather(head.normals, 3, source)),
      TEXCOORD_0: container.vec2(gather(mesh.uvs, 2, source)),
      ...(tangents && part.name === 'skin' && { TANGENT: container.vec4(gather(tangents, 4, source)) }),
      ...(skeleton && {
        JOINTS_0: container.joints(gather(skeleton.joints, 4, source)),
        WEIGHTS_0: container.weights(gather(skeleton.weights, 4, source)),
      }),
    },
    indices: container.indices(indices, source.length),
    material,
    ...(targets.length > 0 && { targets }),
  };
}

function materialOf({ name }: MeshPart, isDetailed: boolean): object {
  const { roughness, doubleSided } = MATERIALS[name];
  return {
    name,
    pbrMetallicRoughness: { baseColorTexture: { index: 0 }, metallicFactor: 0, roughnessFactor: roughness },
    doubleSided,
    ...(isDetailed && name === 'skin' && { normalTexture: { index: 1 } }),
  };
}

/** The scene's nodes, the mesh's first; with a skeleton its joints follow, unrotated. */
function nodesOf(container: GlbContainer, skeleton: Skeleton | undefined): object {
  if (!skeleton) return { scenes: [{ name: 'scene', nodes: [0] }], nodes: [{ name: 'head', mesh: 0 }] };
  const index = (name: string | undefined) => 1 + JOINTS.findIndex((joint) => joint.name === name);
  const inverses = new Float32Array(16 * JOINTS.length);
  const joints = JOINTS.map(({ name, parent }, i) => {
    const metres = skeleton.places[name].map((mm) => mm * METRES_PER_MM);
    inverses.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, ...metres.map((value) => -value), 1], 16 * i);
    const from = parent ? skeleton.places[parent] : [0, 0, 0];
    const translation = metres.map((value, k) => value - (from[k] as number) * METRES_PER_MM);
    const children = JOINTS.filter((joint) => joint.parent === name).map((joint) => index(joint.name));
    return { name, translation, ...(children.length > 0 && { children }) };
  });
  const root = index(JOINTS[0].name);
  return {
    scenes: [{ name: 'scene', nodes: [0, root] }],
    nodes: [{ name: 'head', mesh: 0, skin: 0 }, ...joints],
    skins: [
      {
        name: 'head',
        skeleton: root,
        joints: JOINTS.map(({ name }) => index(name)),
        inverseBindMatrices: container.matrices(inverses),
      },
    ],
  };
}

/** Uncompressed. */
async function encodePlain(
  result: ReconstructionData,
  options: ResolvedExportOptions,
  motion?: HeadMotion,
): Promise<Uint8Array> {
  const { model, texture, scale } = result;
  const encoding = encodeTexture(texture, options.textureFormat);
  // Until it is awaited below.
  encoding.catch(() => {});
  const { names } = model.expression;
  const chosen = chosenTargets(options.targets, names);
  const ordered = options.targets === 'arkit' ? inArkitOrder(names) : chosen;
  const head = await toBlendShapes(result, ordered);
  const level = await levelOfDetail(result, options.lod);
  const skeleton = options.skeleton ? await skeletonOf(model, head.positions) : undefined;
  const container = new GlbContainer();
  const parts = level.parts.filter((part) => part.indexCount > 0);
  const skin = result.mesh.parts.find((part) => part.name === 'skin');
  const detail = result.levels.high && skin && result.displacementMap;
  const corners = skin && result.mesh.indices.subarray(skin.firstIndex, skin.firstIndex + skin.indexCount);
  const tangents = detail && corners ? tangentsOf({ ...result.mesh, ...head }, corners) : undefined;
  const primitives: object[] = [];
  for (const [i, part] of parts.entries()) {
    primitives.push(await primitiveOf(container, result, head, skeleton, level, part, i, tangents));
  }
  const { shapes } = head;
  const bufferView = container.image(await encoding);
  const detailView =
    detail && corners && tangents
      ? container.image(
          await encodePng(await normalMap(result.mesh, tangentsOf(result.mesh, corners), corners, detail)),
          'normalImage',
        )
      : undefined;
  const webp = options.textureFormat === 'webp';
  const moving: Moving = {
    mesh: 0,
    targets: ordered,
    // A skinned mesh stands where its joints do, whatever its own node does.
    head: skeleton ? 1 : 0,
    rest: skeleton ? skeleton.places[JOINTS[0].name] : [0, 0, 0],
  };
  return container.toBytes({
    asset: { version: '2.0', generator: `hrn ${VERSION}` },
    scene: 0,
    ...nodesOf(container, skeleton),
    meshes: [
      {
        name: 'head',
        primitives,
        ...(shapes.length > 0 && { weights: shapes.map((shape) => shape.weight) }),
        extras: {
          ...(shapes.length > 0 && { targetNames: shapes.map((shape) => shape.name) }),
          units: 'metres',
          scaleSource: scale.source,
        },
      },
    ],
    materials: parts.map((part) => materialOf(part, detailView !== undefined)),
    ...(motion && { animations: [animationOf(container, motion, moving, METRES_PER_MM)] }),
    textures: [
      webp ? { extensions: { EXT_texture_webp: { source: 0 } } } : { source: 0 },
      ...(detailView === undefined ? [] : [{ source: 1 }]),
    ],
    images: [
      { name: 'texture', mimeType: MIME_TYPES[options.textureFormat], bufferView },
      ...(detailView === undefined ? [] : [{ name: 'normals', mimeType: 'image/png', bufferView: detailView }]),
    ],
    ...(webp && { extensionsUsed: ['EXT_texture_webp'], extensionsRequired: ['EXT_texture_webp'] }),
  });
}

/**
 * Binary glTF 2.0: one mesh with a primitive and a material per part, the texture inside, in metres.
 *
 * The base shape is the person with a neutral face. The model's expressions are morph targets (their names in
 * `mesh.extras.targetNames`, which is where viewers and Blender look) and the mesh's default weights are the fitted
 * expression: shown as it is, the file looks like the photo; with all weights at zero it is neutral. Neck, skull, jaw
 * and eyes are joints of a skin, at rest as fitted. At `detail: 'high'` the skin has a normal map, which moves with the
 * expressions, and tangents.
 */
export const glb: Exporter = {
  extension: '.glb',
  description: 'binary glTF 2.0 with texture, morph targets and a small skeleton, in metres',

  async encode(result, path, options) {
    const bytes = await encodePlain(result, options);
    if (options.compression === 'none') return [{ path, bytes }];
    const { compressInWorker } = await import('./compress.js');
    return [{ path, bytes: await compressInWorker(bytes) }];
  },
};

/** The same with what the head does over time: keys for the morph targets' weights, and for where the head is. */
export function encodeMovingGlb(
  result: ReconstructionData,
  motion: HeadMotion,
  options: ResolvedExportOptions,
): Promise<Uint8Array> {
  return encodePlain(result, options, motion);
}

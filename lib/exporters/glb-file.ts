/** A GLB from what the thread that makes it was given. */

import type { BlendShapeHead, SparseVectors } from '../blend-shapes.js';
import { gazeOf } from '../gaze.js';
import type { MeshPart } from '../result-data.js';
import { VERSION } from '../version.js';
import { eyePartsOf } from './eye-parts.js';
import { animationOf, type Moving } from './glb-animation.js';
import { GlbContainer } from './glb-container.js';
import { type GlbHead, type GlbJob, METRES_PER_MM } from './glb-head.js';
import type { GlbMakers } from './glb-makers.js';
import { nodesOf } from './glb-nodes.js';
import { lashTexture } from './lash-texture.js';
import { type LevelOfDetail, levelOfDetail } from './level-of-detail.js';
import type { EyePart } from './lid-margins.js';
import { CORNEA, HAIR, LASHES, MATERIALS, WET_LINES } from './materials.js';
import { movingFolds } from './moving-folds.js';
import { rimOf } from './neck-rim.js';
import { normalMap, tangentsOf } from './normal-map.js';
import type { TextureFormat } from './options.js';
import { encodeRoughness } from './roughness-map.js';
import { bindingOf, JOINTS, type Skeleton, skeletonOf } from './skeleton.js';

const NOT_HERE = 0xffffffff;
const MIME_TYPES: Record<TextureFormat, string> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
};

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

/** Where ascending numbers reach `least`. */
function firstFrom(ascending: Uint32Array, least: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] as number) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The offsets of a part's own vertices as an accessor. */
function offsets(
  container: GlbContainer,
  { vertices, values }: SparseVectors,
  { source, place }: PartVertices,
  scale: number,
): number {
  const begin = firstFrom(vertices, source[0] as number);
  const end = firstFrom(vertices, (source.at(-1) as number) + 1);
  const own = new Uint32Array(end - begin);
  const scaled = new Float32Array(3 * (end - begin));
  let count = 0;
  for (let i = begin; i < end; i++) {
    const at = place[vertices[i] as number] as number;
    if (at === NOT_HERE) continue;
    own[count] = at;
    scaled[3 * count] = scale * (values[3 * i] as number);
    scaled[3 * count + 1] = scale * (values[3 * i + 1] as number);
    scaled[3 * count + 2] = scale * (values[3 * i + 2] as number);
    count++;
  }
  return container.offsets(source.length, own.subarray(0, count), scaled.slice(0, 3 * count));
}

/** The glTF primitive of a part, its material having the part's index. */
function primitiveOf(
  container: GlbContainer,
  { mesh, model }: GlbHead,
  head: BlendShapeHead,
  skeleton: Skeleton | undefined,
  level: LevelOfDetail,
  part: MeshPart,
  material: number,
  tangents: Float32Array | undefined,
): object {
  const own = partVertices(level.indices, part, model.vertexCount);
  const { source, indices } = own;
  const targets: object[] = [];
  for (const shape of head.shapes) {
    targets.push({
      POSITION: offsets(container, shape.positionOffsets, own, METRES_PER_MM),
      NORMAL: offsets(container, shape.normalOffsets, own, 1),
    });
  }
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

/** Textures by their index: the colours of all parts, then those of the skin. */
function materialOf({ name }: MeshPart, isDetailed: boolean): object {
  const { roughness, doubleSided } = MATERIALS[name];
  return {
    name,
    pbrMetallicRoughness: {
      baseColorTexture: { index: 0 },
      metallicFactor: 0,
      ...(name === 'skin' ? { metallicRoughnessTexture: { index: 1 } } : { roughnessFactor: roughness }),
    },
    doubleSided,
    ...(isDetailed && name === 'skin' && { normalTexture: { index: 2 } }),
  };
}

/** Corneas, lashes or wet lines, with the head's blend shapes. */
function eyePrimitive(
  container: GlbContainer,
  { positions, normals, uvs, colours, indices, joints, offsets: moved }: EyePart,
  isSkinned: boolean,
  material: number,
): object {
  const count = joints.length;
  const metres = (values: Float32Array) => values.map((value) => value * METRES_PER_MM);
  const carriers = joints.flatMap((name) => [JOINTS.findIndex((joint) => joint.name === name), 0, 0, 0]);
  return {
    attributes: {
      POSITION: container.vec3(metres(positions)),
      NORMAL: container.vec3(normals),
      ...(uvs && { TEXCOORD_0: container.vec2(uvs) }),
      ...(colours && { COLOR_0: container.vec4(colours) }),
      ...(isSkinned && {
        JOINTS_0: container.joints(Uint8Array.from(carriers)),
        WEIGHTS_0: container.weights(Uint16Array.from(carriers, (_, i) => (i % 4 === 0 ? 65535 : 0))),
      }),
    },
    indices: container.indices(indices, count),
    material,
    ...(moved.length > 0 && {
      targets: moved.map(({ vertices, values }) => ({ POSITION: container.offsets(count, vertices, metres(values)) })),
    }),
  };
}

function hairMaterial(texture: number): object {
  return {
    name: 'hair',
    pbrMetallicRoughness: {
      baseColorTexture: { index: texture },
      metallicFactor: 0,
      roughnessFactor: HAIR.roughness,
    },
    doubleSided: true,
  };
}

/** As factors are. */
const linear = (colour: readonly number[]) =>
  colour.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));

/** In the order of `EyeParts`. */
function eyeMaterials({ eyeColours }: GlbHead, texture: number): object[] {
  return [
    {
      name: 'wetLines',
      pbrMetallicRoughness: {
        baseColorFactor: [...linear(eyeColours.wet), 1],
        metallicFactor: 0,
        roughnessFactor: WET_LINES.roughness,
      },
      alphaMode: 'BLEND',
      doubleSided: true,
    },
    {
      name: 'cornea',
      pbrMetallicRoughness: {
        baseColorFactor: [0, 0, 0, CORNEA.alpha],
        metallicFactor: 0,
        roughnessFactor: CORNEA.roughness,
      },
      alphaMode: 'BLEND',
    },
    {
      name: 'lashes',
      pbrMetallicRoughness: {
        baseColorFactor: [...linear(eyeColours.lashes), 1],
        baseColorTexture: { index: texture },
        metallicFactor: 0,
        roughnessFactor: LASHES.roughness,
      },
      alphaMode: 'BLEND',
      doubleSided: true,
    },
  ];
}

/** Hair goes along with the skull. */
function hairPrimitive(
  container: GlbContainer,
  { positions, normals, uvs, indices }: NonNullable<GlbHead['hair']>,
  isSkinned: boolean,
  material: number,
): object {
  const count = positions.length / 3;
  const skull = JOINTS.findIndex(({ name }) => name === 'skull');
  return {
    attributes: {
      POSITION: container.vec3(positions.map((value) => value * METRES_PER_MM)),
      NORMAL: container.vec3(normals),
      TEXCOORD_0: container.vec2(uvs),
      ...(isSkinned && {
        JOINTS_0: container.joints(Uint8Array.from({ length: 4 * count }, (_, i) => (i % 4 === 0 ? skull : 0))),
        WEIGHTS_0: container.weights(Uint16Array.from({ length: 4 * count }, (_, i) => (i % 4 === 0 ? 65535 : 0))),
      }),
    },
    indices: container.indices(indices, count),
    material,
  };
}

/** The bytes, uncompressed. */
export async function encodeGlb(job: GlbJob, makers: GlbMakers): Promise<Uint8Array> {
  const { texture, encodePng, toBlendShapes } = makers;
  const { head: result, options, targets, motion } = job;
  const { model, coefficients } = result;
  const folds = options.lod === 0 ? movingFolds(result, targets) : undefined;
  const shaped = toBlendShapes(result, targets, folds?.offsets);
  const roughness = encodeRoughness(model, makers);
  const binding = options.skeleton ? bindingOf(model, makers) : undefined;
  const lashes = options.eyeParts && options.lod === 0 ? lashTexture(encodePng) : undefined;
  const head = await shaped;
  const level = await levelOfDetail(result, options.lod);
  const skeleton = binding && skeletonOf(model, head.positions, await binding);
  const container = new GlbContainer();
  const parts = level.parts.filter((part) => part.indexCount > 0);
  const skin = result.mesh.parts.find((part) => part.name === 'skin');
  const detail = skin && (folds?.map ?? result.displacementMap);
  const corners = skin && result.mesh.indices.subarray(skin.firstIndex, skin.firstIndex + skin.indexCount);
  const tangents = detail && corners ? tangentsOf({ ...result.mesh, ...head }, corners) : undefined;
  const primitives = parts.map((part, i) => primitiveOf(container, result, head, skeleton, level, part, i, tangents));
  const { shapes } = head;
  const eyes = options.eyeParts && options.lod === 0 ? eyePartsOf(result, head) : undefined;
  const eyeMeshes = Object.entries(eyes ?? {}).map(
    ([name, part], i) =>
      [name, eyePrimitive(container, part as EyePart, skeleton !== undefined, parts.length + i)] as const,
  );
  const { hair } = result;
  const hairMesh = hair && hairPrimitive(container, hair, skeleton !== undefined, parts.length + eyeMeshes.length);
  const bufferView = container.image(await texture);
  const roughnessView = container.image(await roughness, 'roughnessImage');
  const detailView =
    detail && corners && tangents
      ? container.image(
          await encodePng(normalMap(result.mesh, tangentsOf(result.mesh, corners), corners, detail)),
          'normalImage',
        )
      : undefined;
  const lashView = eyes && lashes && container.image(await lashes, 'lashImage');
  const hairView = hair && container.image(hair.image, 'hairImage');
  const detailTextures = detailView === undefined ? 0 : 1;
  const webp = options.textureFormat === 'webp';
  const textureOf = (source: number) => (webp ? { extensions: { EXT_texture_webp: { source } } } : { source });
  const hairTexture = 2 + detailTextures + (eyes ? 1 : 0);
  const levelSkin = parts.find((part) => part.name === 'skin');
  // Compression puts vertices in another order.
  const rim =
    levelSkin && options.compression === 'none'
      ? rimOf(partVertices(level.indices, levelSkin, model.vertexCount).indices)
      : [];
  const names = ['head', ...eyeMeshes.map(([name]) => name), ...(hairMesh ? ['hair'] : [])];
  const nodes = nodesOf(container, skeleton, gazeOf(coefficients.expression), names) as { nodes: { mesh?: number }[] };
  const moving: Moving = {
    meshes: nodes.nodes.flatMap(({ mesh }, i) => (mesh === undefined || names[mesh] === 'hair' ? [] : [i])),
    targets,
    // A skinned mesh stands where its joints do, whatever its own node does.
    head: skeleton ? 1 : 0,
    rest: skeleton ? skeleton.places[JOINTS[0].name] : [0, 0, 0],
  };
  return container.toBytes({
    asset: { version: '2.0', generator: `hrn ${VERSION}` },
    scene: 0,
    ...nodes,
    meshes: [
      {
        name: 'head',
        primitives,
        ...(shapes.length > 0 && { weights: shapes.map((shape) => shape.weight) }),
        extras: {
          ...(shapes.length > 0 && { targetNames: shapes.map((shape) => shape.name) }),
          units: 'metres',
          ...(rim.length > 0 && { neckRim: rim }),
          scaleSource: result.scaleSource,
        },
      },
      ...eyeMeshes.map(([name, primitive]) => ({
        name,
        primitives: [primitive],
        ...(shapes.length > 0 && {
          weights: shapes.map((shape) => shape.weight),
          extras: { targetNames: shapes.map((shape) => shape.name) },
        }),
      })),
      ...(hairMesh ? [{ name: 'hair', primitives: [hairMesh] }] : []),
    ],
    materials: [
      ...parts.map((part) => materialOf(part, detailView !== undefined)),
      ...(eyes ? eyeMaterials(result, 2 + detailTextures) : []),
      ...(hair ? [hairMaterial(hairTexture)] : []),
    ],
    ...(motion && { animations: [animationOf(container, motion, moving, METRES_PER_MM)] }),
    textures: [
      textureOf(0),
      { source: 1 },
      ...(detailView === undefined ? [] : [{ source: 2 }]),
      ...(lashView === undefined ? [] : [{ source: 2 + detailTextures }]),
      ...(hairView === undefined ? [] : [textureOf(hairTexture)]),
    ],
    images: [
      { name: 'texture', mimeType: MIME_TYPES[options.textureFormat], bufferView },
      { name: 'roughness', mimeType: 'image/png', bufferView: roughnessView },
      ...(detailView === undefined ? [] : [{ name: 'normals', mimeType: 'image/png', bufferView: detailView }]),
      ...(lashView === undefined ? [] : [{ name: 'lashes', mimeType: 'image/png', bufferView: lashView }]),
      ...(hairView === undefined
        ? []
        : [{ name: 'hair', mimeType: MIME_TYPES[options.textureFormat], bufferView: hairView }]),
    ],
    ...(webp && { extensionsUsed: ['EXT_texture_webp'], extensionsRequired: ['EXT_texture_webp'] }),
  });
}

import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { type Gaze, gazeOf } from '../gaze.js';
import type { MeshPart, ReconstructionData } from '../result-data.js';
import { VERSION } from '../version.js';
import { inArkitOrder } from './arkit.js';
import { type BlendShapeHead, type SparseVectors, toBlendShapes } from './blend-shapes.js';
import type { Exporter } from './exporter.js';
import { type EyePart, type EyeParts, eyePartsOf } from './eye-parts.js';
import { animationOf, type Moving } from './glb-animation.js';
import { GlbContainer } from './glb-container.js';
import { lashTexture } from './lash-texture.js';
import { type LevelOfDetail, levelOfDetail } from './level-of-detail.js';
import { CORNEA, LASHES, MATERIALS } from './materials.js';
import type { HeadMotion } from './motion.js';
import { rimOf } from './neck-rim.js';
import { normalMap, tangentsOf } from './normal-map.js';
import { chosenTargets, type ResolvedExportOptions } from './options.js';
import { encodeRoughness } from './roughness-map.js';
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

/** Corneas or lashes, with the head's blend shapes. */
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

function eyeMaterials({ lashColour }: EyeParts, texture: number): object[] {
  // Factors are linear.
  const linear = lashColour.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return [
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
        baseColorFactor: [...linear, 1],
        baseColorTexture: { index: texture },
        metallicFactor: 0,
        roughnessFactor: LASHES.roughness,
      },
      alphaMode: 'BLEND',
      doubleSided: true,
    },
  ];
}

/** x, y, z, w: turns the z axis to a line of sight. */
function gazeRotation({ yaw, pitch }: Gaze): number[] {
  const [y, x] = [yaw, -pitch].map((degrees) => (degrees * Math.PI) / 360) as [number, number];
  return [Math.cos(y) * Math.sin(x), Math.sin(y) * Math.cos(x), -Math.sin(y) * Math.sin(x), Math.cos(y) * Math.cos(x)];
}

/** Column-major, of a joint with this rotation at this place. */
function inverseBind([x, y, z, w]: readonly number[], place: readonly number[]): number[] {
  const [a, b, c, d] = [x as number, y as number, z as number, w as number];
  // Rows of the rotation are columns of its inverse.
  const rows = [
    [1 - 2 * (b * b + c * c), 2 * (a * b - c * d), 2 * (a * c + b * d)],
    [2 * (a * b + c * d), 1 - 2 * (a * a + c * c), 2 * (b * c - a * d)],
    [2 * (a * c - b * d), 2 * (b * c + a * d), 1 - 2 * (a * a + b * b)],
  ];
  const back = [0, 1, 2].map((k) => -rows.reduce((sum, row, i) => sum + (row[k] as number) * (place[i] as number), 0));
  return [...rows.flatMap((row) => [...row, 0]), ...back, 1];
}

const GAZE_NODES = { leftEye: 'leftGaze', rightEye: 'rightGaze' } as const;

/**
 * The scene's nodes, the head's mesh first; with a skeleton its joints follow, unrotated, then where each eye looks, then
 * the other meshes.
 */
function nodesOf(
  container: GlbContainer,
  skeleton: Skeleton | undefined,
  gaze: ReturnType<typeof gazeOf>,
  meshes: readonly string[],
): object {
  const others = meshes.slice(1).map((name, i) => ({ name, mesh: i + 1, ...(skeleton && { skin: 0 }) }));
  if (!skeleton) {
    const nodes = [{ name: 'head', mesh: 0 }, ...others];
    return { scenes: [{ name: 'scene', nodes: nodes.map((_, i) => i) }], nodes };
  }
  const index = (name: string | undefined) => 1 + JOINTS.findIndex((joint) => joint.name === name);
  const gazes = Object.entries(GAZE_NODES).flatMap(([joint, name]) => {
    const own = gaze?.[joint === 'leftEye' ? 'left' : 'right'];
    return own ? [{ joint: joint as keyof typeof GAZE_NODES, name, rotation: gazeRotation(own) }] : [];
  });
  const inverses = new Float32Array(16 * (JOINTS.length + gazes.length));
  const joints = JOINTS.map(({ name, parent }, i) => {
    const metres = skeleton.places[name].map((mm) => mm * METRES_PER_MM);
    inverses.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, ...metres.map((value) => -value), 1], 16 * i);
    const from = parent ? skeleton.places[parent] : [0, 0, 0];
    const translation = metres.map((value, k) => value - (from[k] as number) * METRES_PER_MM);
    const children = [
      ...JOINTS.filter((joint) => joint.parent === name).map((joint) => index(joint.name)),
      ...gazes.flatMap(({ joint }, g) => (joint === name ? [1 + JOINTS.length + g] : [])),
    ];
    return { name, translation, ...(children.length > 0 && { children }) };
  });
  const root = index(JOINTS[0].name);
  gazes.forEach(({ joint, rotation }, g) => {
    const place = skeleton.places[joint].map((mm) => mm * METRES_PER_MM);
    inverses.set(inverseBind(rotation, place), 16 * (JOINTS.length + g));
  });
  return {
    scenes: [{ name: 'scene', nodes: [0, root, ...others.map((_, i) => 1 + JOINTS.length + gazes.length + i)] }],
    nodes: [
      { name: 'head', mesh: 0, skin: 0 },
      ...joints,
      ...gazes.map(({ name, rotation }) => ({ name, rotation })),
      ...others,
    ],
    skins: [
      {
        name: 'head',
        skeleton: root,
        // Where the eyes look moves no vertex; as joints those nodes are part of the skeleton to every reader.
        joints: [...JOINTS.map(({ name }) => index(name)), ...gazes.map((_, g) => 1 + JOINTS.length + g)],
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
  const { model, texture, scale, coefficients } = result;
  const encoding = encodeTexture(texture, options.textureFormat);
  // Until it is awaited below.
  encoding.catch(() => {});
  const expressions = model.expression.names;
  const chosen = chosenTargets(options.targets, expressions);
  const ordered = options.targets === 'arkit' ? inArkitOrder(expressions) : chosen;
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
  const eyes = options.eyeParts && options.lod === 0 ? await eyePartsOf(result, head) : undefined;
  const eyeMeshes: [string, object][] = eyes
    ? [
        ['corneas', eyePrimitive(container, eyes.corneas, skeleton !== undefined, parts.length)],
        ['lashes', eyePrimitive(container, eyes.lashes, skeleton !== undefined, parts.length + 1)],
      ]
    : [];
  const bufferView = container.image(await encoding);
  const roughnessView = container.image(await encodeRoughness(model), 'roughnessImage');
  const detailView =
    detail && corners && tangents
      ? container.image(
          await encodePng(await normalMap(result.mesh, tangentsOf(result.mesh, corners), corners, detail)),
          'normalImage',
        )
      : undefined;
  const lashView = eyes && container.image(await lashTexture(), 'lashImage');
  const detailTextures = detailView === undefined ? 0 : 1;
  const webp = options.textureFormat === 'webp';
  const levelSkin = parts.find((part) => part.name === 'skin');
  // Compression puts vertices in another order.
  const rim =
    levelSkin && options.compression === 'none'
      ? rimOf(partVertices(level.indices, levelSkin, model.vertexCount).indices)
      : [];
  const names = ['head', ...eyeMeshes.map(([name]) => name)];
  const nodes = nodesOf(container, skeleton, gazeOf(coefficients.expression), names) as { nodes: { mesh?: number }[] };
  const moving: Moving = {
    meshes: nodes.nodes.flatMap(({ mesh }, i) => (mesh === undefined ? [] : [i])),
    targets: ordered,
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
          scaleSource: scale.source,
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
    ],
    materials: [
      ...parts.map((part) => materialOf(part, detailView !== undefined)),
      ...(eyes ? eyeMaterials(eyes, 2 + detailTextures) : []),
    ],
    ...(motion && { animations: [animationOf(container, motion, moving, METRES_PER_MM)] }),
    textures: [
      webp ? { extensions: { EXT_texture_webp: { source: 0 } } } : { source: 0 },
      { source: 1 },
      ...(detailView === undefined ? [] : [{ source: 2 }]),
      ...(lashView === undefined ? [] : [{ source: 2 + detailTextures }]),
    ],
    images: [
      { name: 'texture', mimeType: MIME_TYPES[options.textureFormat], bufferView },
      { name: 'roughness', mimeType: 'image/png', bufferView: roughnessView },
      ...(detailView === undefined ? [] : [{ name: 'normals', mimeType: 'image/png', bufferView: detailView }]),
      ...(lashView === undefined ? [] : [{ name: 'lashes', mimeType: 'image/png', bufferView: lashView }]),
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

import { HrnError } from '../../lib/errors.js';
import { NATIVE_EXPORTS, type NativeJob } from '../../lib/native/binding.js';
import { native } from '../../lib/native/load.js';
import { onnxRuntime } from '../../lib/native/onnx-runtime.js';
import { crop, denseNetwork, largeCrop, network, opened, personNetwork, rawSession } from './sessions.js';
import { tinyModel } from './tiny-model.js';
import { tinyLaugh, tinyScene, tinyShapes, tinyValues } from './tiny-scene.js';

/** A native entry point with arguments that it takes; the fuzzer changes copies of them. */
export interface EntryPoint {
  name: string;
  args: unknown[];
  call(...args: unknown[]): unknown;
}

const addon = native();
const model = tinyModel();
const points = model.dense.count;
const focal = 300;
const distance = 600;
const centre = 64;

const context = new addon.Context({ threads: 2 });
const image = new addon.Image({ data: new Uint8Array(128 * 128 * 3).fill(90), width: 128, height: 128, channels: 3 });
const head = await addon.buildModel(model).promise;

const pixels = Float64Array.from({ length: 2 * points }, (_, i) => {
  const vertex = model.dense.vertices[3 * (i >> 1)]!;
  const [x, y, z] = model.mean.subarray(3 * vertex, 3 * vertex + 3) as unknown as [number, number, number];
  return (focal * (i % 2 ? -y : x)) / (distance - z) + centre;
});
const camera = {
  rotation: Float64Array.of(1, 0, 0, 0, -1, 0, 0, 0, -1),
  translation: Float64Array.of(0, 0, distance),
  focalPx: focal,
  principalPx: Float64Array.of(centre, centre),
};
const landmarks = {
  pixels,
  depths: new Float64Array(points),
  weights: new Float64Array(points).fill(1),
  focalPx: focal,
  logFocalSigma: 0.1,
  principalPx: camera.principalPx,
  sigmaMm: new Float64Array(points).fill(1),
  sigmaFloorPx: 0.5,
  depthSigmaMm: 10,
  biasMm: new Float64Array(2 * points),
  nuisanceMm: new Float32Array(2 * points).fill(0.1),
  identityCount: 2,
  identityMean: new Float64Array(2),
  identitySigma: new Float64Array(2).fill(1),
  expressionMean: new Float64Array(2),
  expressionSigma: new Float64Array(2).fill(1),
  robust: 'huber',
  robustScale: 2,
  contourVertices: addon.contourCandidates(head, 15),
  contourSigmaMm: 1.5,
  contourMaxSlideMm: 15,
  maxIterations: 2,
  tolerance: 1e-5,
};
const scene = tinyScene(model, camera);
const shapes = tinyShapes(model);
const values = tinyValues(model);
const square = (size: number, value: number) => new Float32Array(size * size).fill(value);
const level = {
  rgb: new Float32Array(16 * 16 * 3).fill(0.5),
  mask: square(16, 1),
  size: 16,
  scale: 0.125,
  x0: 0,
  y0: 0,
  iterations: 1,
};
const dense = { side: 4, classes: new Float32Array(14 * 16).fill(1 / 14), toPhoto: [4, 0, 0, 0, 4, 0] };
const view = {
  values: square(64, 0).map((_, i) => (i % 64 < 32 ? 1 : 0)),
  rgb: new Float32Array(64 * 64 * 3).map((_, i) => 0.4 + 0.1 * (i % 3)),
  size: 64,
  toPhoto: [2, 0, 0, 0, 2, 0],
  pixels: Float32Array.from(pixels),
  points: {
    skin: Uint32Array.from({ length: points }, (_, i) => i),
    outline: Uint32Array.of(0, 1, 2),
    rightLids: Uint32Array.of(1, 2, 0),
    leftLids: Uint32Array.of(2, 0, 1),
    innerLips: Uint32Array.of(0, 2, 1),
    top: 0,
    left: 1,
    chin: 2,
    right: 0,
  },
};
const extent = { width: 128, height: 128 };

const call =
  (entry: (...args: never[]) => unknown) =>
  (...args: unknown[]) =>
    entry(...(args as never[]));

const registered = { level, camera, positions: model.mean, lighting: new Float64Array(27).fill(0.5) };
const seen = { vertices: Uint32Array.of(1), pixels: Float64Array.of(60, 60), information: Float64Array.of(1, 0, 1) };
const photometric = {
  landmarks,
  camera,
  identity: new Float64Array(2),
  expression: new Float64Array(2),
  nuisance: new Float64Array(1),
  levels: [level],
  silhouette: {
    edges: Float64Array.of(10, 20, 12, 20),
    normals: Float64Array.of(1, 0, 0, 1),
    takesPart: new Uint8Array(model.mean.length / 3).fill(1),
    sigmaMm: 1.5,
    reachMm: 20,
    robustScale: 4,
  },
  normals: {
    side: 4,
    normals: new Float32Array(48).fill(0.5),
    normalSigma: new Float32Array(16).fill(0.2),
    skin: new Float32Array(16).fill(1),
    toPhoto: [8, 0, 0, 0, 8, 0],
    effective: 60,
    floorSigma: 0.06,
    robustScale: 2.5,
  },
  points: seen,
  sigmaReference: 0.04,
  sigmaFloor: 0.01,
  robust: 0.1,
  effectiveSamples: 400,
  albedoSigma: 1,
  lightSigma: 0.5,
  lightColourSigma: 0.1,
};
const deformation = {
  positions: model.mean,
  camera,
  albedo: new Float64Array(2),
  lighting: new Float64Array(27).fill(0.5),
  pixels,
  weights: new Float64Array(points).fill(1),
  biasMm: new Float64Array(2 * points),
  sigmaMm: new Float64Array(points).fill(1),
  points: seen,
  level,
  mapSize: 16,
  shapeScales: [{ sigma: 1, lengthTexels: 4 }],
  mirror: 0.6,
  colourScales: [{ sigma: 0.05, lengthTexels: 4 }],
  sigmaReference: 0.04,
  sigmaFloor: 0.01,
  robust: 0.1,
  effectiveSamples: 400,
  landmarkFloorPx: 0.5,
  landmarkDepthSigmaMm: 6,
};

const blended = new addon.TextureBlend(head);
await blended.add(
  context,
  image,
  {
    positions: model.mean,
    camera,
    albedo: new Float64Array(2),
    lighting: new Float64Array(27).fill(0.5),
    size: 32,
    face: view,
    dense,
  } as never,
  1,
).promise;
const landmarksAlone = { ...photometric, levels: [] };
const referenceModel = {
  identityCount: 2,
  expressionCount: 1,
  albedoCount: 2,
  mean: Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0.2),
  shapeBasis: new Float32Array(36).fill(0.01),
  meanAlbedo: new Float32Array(12).fill(0.5),
  albedoBasis: new Float32Array(24).fill(0.01),
  triangles: Uint32Array.of(0, 1, 2, 1, 3, 2),
  uvs: Float32Array.of(0, 0, 1, 0, 0, 1, 1, 1),
  keypoints: Uint32Array.of(0, 1, 2, 3),
};
const referenceProblem = {
  side: 16,
  mapSize: 8,
  focal: 70,
  cameraDistance: 10,
  picture: new Float32Array(16 * 16 * 3).fill(0.4),
  landmarks: Float32Array.of(8, 8, 12, 8, 8, 12, 12, 12),
  rows: new Float32Array(32).map((_, i) => (i % 2 === 0 ? 2 : 14)),
  coefficients: new Float32Array(2 + 1 + 2 + 33),
  iterations: 2,
};
const builtReference = await addon.buildReferenceModel(referenceModel).promise;

export const ENTRY_POINTS: readonly EntryPoint[] = [
  {
    name: 'Context',
    args: [{ threads: 2, cudaDevice: 0 }],
    call: call((...args) => dispose(Reflect.construct(addon.Context, args))),
  },
  {
    name: 'Image',
    args: [{ data: new Uint8Array(48), width: 4, height: 4, channels: 3 }],
    call: call((...args) => dispose(Reflect.construct(addon.Image, args))),
  },
  {
    name: 'cropImage',
    args: [context, image, { matrix: [1, 0, 0, 0, 1, 0], width: 16, height: 16, low: 0, high: 1, border: 'zero' }],
    call: call(addon.cropImage),
  },
  { name: 'render', args: [context, scene], call: call(addon.render) },
  {
    name: 'guidedUpsample',
    args: [
      context,
      {
        mask: square(8, 1),
        guide: new Float32Array(192),
        size: 8,
        fineGuide: new Float32Array(768),
        fineSize: 16,
        radius: 2,
        epsilon: 0.01,
      },
    ],
    call: call(addon.guidedUpsample),
  },
  { name: 'skinEdges', args: [context, view, dense, extent], call: call(addon.skinEdges) },
  {
    name: 'skinMask',
    args: [context, view, dense, { x0: 0, y0: 0, scale: 0.125, size: 16 }, extent],
    call: call(addon.skinMask),
  },
  {
    name: 'fineDetail',
    args: [{ values: square(128, 1), rgb: new Float32Array(3 * 128 * 128), size: 128 }],
    call: call(addon.fineDetail),
  },
  { name: 'buildModel', args: [model], call: call(addon.buildModel) },
  {
    name: 'subdivide',
    args: [
      {
        mean: new Float32Array(12).fill(1),
        faces: Uint16Array.of(0, 1, 2, 3),
        mirror: Uint16Array.of(0, 1, 2, 3),
        bases: [new Uint16Array(24)],
      },
    ],
    call: call(addon.subdivide),
  },
  { name: 'coarseFit', args: [context, head, landmarks, () => {}], call: call(addon.coarseFit) },
  { name: 'contourCandidates', args: [head, 15], call: call(addon.contourCandidates) },
  { name: 'headShape', args: [context, head, new Float64Array(2), new Float64Array(2)], call: call(addon.headShape) },
  {
    name: 'photometricFit',
    args: [context, head, photometric, () => {}],
    call: call(addon.photometricFit),
  },
  {
    name: 'deformationFit',
    args: [context, head, deformation, () => {}],
    call: call(addon.deformationFit),
  },
  {
    name: 'jointLandmarkFit',
    args: [context, head, { views: [landmarksAlone, landmarksAlone], oneCamera: true }, () => {}],
    call: call(addon.jointLandmarkFit),
  },
  {
    name: 'jointPhotometricFit',
    args: [context, head, { views: [photometric, photometric], oneCamera: false }, () => {}],
    call: call(addon.jointPhotometricFit),
  },
  {
    name: 'registerViews',
    args: [context, head, [registered, registered], () => {}],
    call: call(addon.registerViews),
  },
  {
    name: 'jointDeformationFit',
    args: [context, head, [deformation, deformation], () => {}],
    call: call(addon.jointDeformationFit),
  },
  {
    name: 'detailFit',
    args: [
      context,
      head,
      image,
      {
        positions: model.mean,
        camera,
        albedo: new Float64Array(2),
        square: { x0: 0, y0: 0, side: 64 },
        size: 64,
        triangles: 200,
        face: view,
        dense,
        covered: [{ ring: Float32Array.of(10, 10, 20, 10, 15, 20), marginPx: 2, trust: 0.2 }],
        skinSize: 16,
      },
      () => {},
    ],
    call: call(addon.detailFit),
  },
  {
    name: 'combinePatterns',
    args: [new Float32Array(12).fill(0.5), new Float64Array(6).fill(2), 3],
    call: call(addon.combinePatterns),
  },
  {
    name: 'buildReferenceModel',
    args: [referenceModel],
    call: call(addon.buildReferenceModel),
  },
  {
    name: 'referenceFit',
    args: [context, builtReference, referenceProblem, () => {}],
    call: call(addon.referenceFit),
  },
  {
    name: 'recoverTexture',
    args: [
      context,
      head,
      image,
      {
        positions: model.mean,
        camera,
        albedo: new Float64Array(2),
        lighting: new Float64Array(27).fill(0.5),
        size: 32,
        rgb: new Uint8Array(32 * 32 * 3),
        face: view,
        dense,
        eyes: {
          left: { lids: new Float32Array([4, 4, 8, 3, 12, 4, 8, 6]), iris: new Float32Array(10).fill(5), shut: 0 },
          right: { lids: new Float32Array(0), iris: new Float32Array(10), shut: 1 },
        },
      },
    ],
    call: call(addon.recoverTexture),
  },
  {
    name: 'hairVolume',
    args: [context, head, image, { positions: model.mean, camera, face: view, dense, wide: dense }],
    call: call(addon.hairVolume),
  },
  {
    name: 'blendShapes',
    args: [shapes],
    call: call(addon.blendShapes),
  },
  { name: 'ownOffsets', args: [tinyLaugh(model)], call: call(addon.ownOffsets) },
  { name: 'spreadValues', args: [values.spread], call: call(addon.spreadValues) },
  { name: 'layoutMap', args: [values.drawn], call: call(addon.layoutMap) },
  {
    name: 'TextureBlend',
    args: [head],
    call: call((...args) => {
      Reflect.construct(addon.TextureBlend, args);
    }),
  },
  {
    name: 'TextureBlend.add',
    args: [
      context,
      image,
      {
        positions: model.mean,
        camera,
        albedo: new Float64Array(2),
        lighting: new Float64Array(27).fill(0.5),
        size: 32,
        face: view,
        dense,
      },
      0.7,
    ],
    call: call((...args) => {
      const blend = new addon.TextureBlend(head);
      return Reflect.apply(blend.add, blend, args);
    }),
  },
  {
    name: 'TextureBlend.finish',
    args: [context, new Uint8Array(32 * 32 * 3)],
    call: call((...args) => Reflect.apply(blended.finish, blended, args)),
  },
  {
    name: 'Session.open',
    args: [{ library: onnxRuntime().library, model: network.subarray(0, 4096), cudaDevice: 0 }],
    call: call((options) => rawSession().open(options)),
  },
  { name: 'Session.run', args: [new Float32Array(128 * 128 * 3)], call: call((input) => opened.run(input)) },
  ...(
    [
      ['look', opened, crop],
      ['lookBothWays', opened, crop],
      ['lookDensely', denseNetwork, largeCrop],
      ['lookForPerson', personNetwork, largeCrop, { ...crop, radius: 2, epsilon: 1e-3 }],
    ] as const
  ).map(([name, session, ...args]) => ({
    name: `Session.${name}`,
    args: [context, image, ...args],
    call: call((...given) => Reflect.apply(session[name], session, given)),
  })),
  {
    name: 'setErrorClass',
    args: [{}],
    call: call((value) => {
      try {
        addon.setErrorClass(value);
      } finally {
        addon.setErrorClass(HrnError);
      }
    }),
  },
];

function dispose(resource: { dispose(): void }): void {
  resource.dispose();
}

export function isJob(value: unknown): value is NativeJob<unknown> {
  return typeof value === 'object' && value !== null && 'promise' in value && 'cancel' in value;
}

/** Exports that take nothing. */
const TAKE_NOTHING = ['backends', 'isa', 'errorCodes', 'probeCuda'];
const missing = NATIVE_EXPORTS.filter(
  (name) => !TAKE_NOTHING.includes(name) && !ENTRY_POINTS.some((entry) => entry.name.split('.')[0] === name),
);
if (missing.length > 0) throw new Error(`not fuzzed: ${missing.join(', ')}`);

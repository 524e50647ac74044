import type { Expressions } from '../expression-names.js';
import type { HeadModel } from '../head-model.js';
import type { MorphableModel, Part, PartName } from '../morphable-model.js';
import type { DetailFit } from '../native/detail.js';
import { partVertices } from '../part-vertices.js';
import { projectionMatrix } from '../projection-matrix.js';
import type { DetailedMesh, Mesh, Pose, Quality, Raster, ReconstructionData } from '../result-data.js';
import type { CoarseStage } from './coarse.js';
import type { FocalLength } from './focal-length.js';
import type { MetricScale } from './iris-scale.js';
import { expectedErrors } from './landmark-errors.js';
import type { DenseLandmarks } from './landmarks.js';
import { LEFT_EYE_OUTER, MESH_POINTS, RIGHT_EYE_OUTER } from './mesh-points.js';
import { fitFigures, requirePlausible } from './plausibility.js';
import type { RefinedHead } from './refine.js';
import { refinementOf } from './refinement.js';
import { projectPoints, surfacePoints } from './surface-points.js';
import type { Texture } from './texture.js';

export interface Fitted {
  head: MorphableModel;
  landmarks: DenseLandmarks;
  /** An animator's weights of its expression, one for each of the model's. */
  told: ArrayLike<number>;
  coarse: CoarseStage;
  refined: RefinedHead;
  detail?: DetailFit | undefined;
  scale: MetricScale;
  focal: FocalLength;
  principalPx: readonly [number, number];
  /** Of the result's frame, mm of the fitted head; default: between its eyes. */
  origin?: HeadOrigin;
}

export type HeadOrigin = readonly [number, number, number];

type Assembled = Pick<
  ReconstructionData,
  | 'mesh'
  | 'coefficients'
  | 'pose'
  | 'camera'
  | 'landmarks'
  | 'levels'
  | 'deformationMap'
  | 'evidence'
  | 'displacementMap'
  | 'texture'
  | 'albedo'
  | 'quality'
  | 'scale'
>;

/** An animator's weights by name. */
export function namedExpressions({ expression }: MorphableModel, told: ArrayLike<number>): Expressions {
  return Object.fromEntries(expression.names.map((name, k) => [name, told[k]!])) as Expressions;
}

/** A head that waits for its texture and normals. */
export type Unpainted = Omit<Assembled, 'mesh' | 'texture' | 'albedo'> & { mesh: Omit<Mesh, 'normals'> };

export function withTexture({ mesh, ...head }: Unpainted, { rgb, albedo, normals }: Texture): Assembled {
  return {
    ...head,
    mesh: { ...mesh, normals },
    texture: rasterOf(rgb),
    ...(albedo && { albedo: rasterOf(albedo) }),
  };
}

/** Points `[n][3]` of the fitted head in the public frame. */
export function placed(points: Float32Array, [x, y, z]: HeadOrigin, factor: number): Float32Array {
  const out = new Float32Array(points.length);
  for (let i = 0; i < out.length; i += 3) {
    out[i] = (points[i]! - x) * factor;
    out[i + 1] = (points[i + 1]! - y) * factor;
    out[i + 2] = (points[i + 2]! - z) * factor;
  }
  return out;
}

/** Brings the stages' results to metric size and into the public frame: origin between the fitted eyes. */
export function assemble(fitted: Fitted): Unpainted {
  const { head, landmarks, coarse, refined, detail, scale, focal, principalPx } = fitted;
  const origin = fitted.origin ?? betweenEyes(head, refined.positions);
  const place = (points: Float32Array) => placed(points, origin, scale.factor);
  const positions = place(refined.positions);
  const { pose, projection } = placedCamera(refined.camera, origin, scale.factor, principalPx);
  const points = surfacePoints(head.ibug68, positions);
  const { factor: _, ...scaleSource } = scale;
  return {
    mesh: {
      positions,
      uvs: head.uvs.slice(),
      indices: head.triangles.slice(),
      parts: head.parts.map(({ name, firstTriangle, triangleCount }: Part) => ({
        name,
        firstIndex: 3 * firstTriangle,
        indexCount: 3 * triangleCount,
      })),
    },
    coefficients: {
      identity: Float32Array.from(refined.identity),
      expression: namedExpressions(head, fitted.told),
      fittedExpression: Float32Array.from(refined.expression),
      albedo: Float32Array.from(refined.albedo),
      lighting: Float32Array.from(refined.lighting),
    },
    pose,
    camera: {
      projection,
      focalLengthPx: refined.camera.focalPx,
      principalPointPx: [...principalPx],
      focalLengthSource: focal.source,
    },
    landmarks: { positions: points, pixels: projectPoints(projection, points) },
    levels: {
      coarse: place(refined.coarsePositions),
      ...(refined.deformationMap ? { medium: positions } : {}),
      ...(detail ? { high: highMesh(head, detail, place(detail.positions)) } : {}),
    },
    ...(detail
      ? {
          displacementMap: {
            data: detail.map.map((value) => value * scale.factor),
            size: Math.round(Math.sqrt(detail.map.length)),
            seen: detail.seen,
            solvedSize: detail.solvedSize,
          },
        }
      : {}),
    ...(refined.deformationMap
      ? {
          deformationMap: {
            size: refined.deformationMap.size,
            data: refined.deformationMap.data.map((value) => value * scale.factor),
          },
        }
      : {}),
    ...(refined.evidence ? { evidence: refined.evidence } : {}),
    quality: fitQuality(head, landmarks, coarse, refined),
    scale: scaleSource,
  };
}

function highMesh(head: MorphableModel, detail: DetailFit, positions: Float32Array): DetailedMesh {
  let firstIndex = 0;
  const parts = head.parts.map(({ name }, i) => {
    const part = { name, firstIndex, indexCount: 3 * detail.partTriangles[i]! };
    firstIndex += part.indexCount;
    return part;
  });
  return {
    positions,
    normals: detail.normals,
    uvs: detail.uvs,
    indices: detail.indices,
    parts,
    parents: detail.parents,
  };
}

/** A view's pose and projection in the result's frame. */
export function placedCamera(
  { rotation, translation, focalPx }: RefinedHead['camera'],
  origin: HeadOrigin,
  factor: number,
  principalPx: readonly [number, number],
): { pose: Pose; projection: number[] } {
  // R (s (p - o)) + t' is s times R p + t: the same pixels, at s times the distance.
  const moved = [0, 1, 2].map((row) => {
    const turned = [0, 1, 2].reduce((sum, k) => sum + rotation[3 * row + k]! * origin[k]!, 0);
    return factor * (translation[row]! + turned);
  }) as [number, number, number];
  const pose = { rotation: [...rotation], translation: moved };
  return { pose, projection: projectionMatrix(pose.rotation, moved, focalPx, principalPx) };
}

/** How well a head fits a photo, before it is brought to metric size. */
export function fitQuality(
  head: MorphableModel,
  landmarks: DenseLandmarks,
  coarse: CoarseStage,
  refined: RefinedHead,
): Quality {
  const { rotation, translation, focalPx, principalPx } = refined.camera;
  const projection = projectionMatrix([...rotation], [...translation], focalPx, [principalPx[0]!, principalPx[1]!]);
  return {
    ...landmarkError(head, unbiased(landmarks, coarse, refined), projection, refined.positions),
    photometricError: refined.photometricError,
    ...refinementOf(head, refined),
  };
}

function rasterOf(rgb: Uint8Array): Raster {
  const side = Math.round(Math.sqrt(rgb.length / 3));
  return { data: rgb, width: side, height: side, channels: 3 };
}

/** Middle of the two eyeballs' mean positions. */
export function betweenEyes(head: MorphableModel, positions: Float32Array): HeadOrigin {
  const centre = (name: PartName) => {
    const vertices = partVertices(head, name);
    const sum = [0, 0, 0];
    for (const v of vertices) for (let k = 0; k < 3; k++) sum[k]! += positions[3 * v + k]! / vertices.length;
    return sum;
  };
  const [left, right] = [centre('leftEye'), centre('rightEye')];
  return [0, 1, 2].map((k) => (left[k]! + right[k]!) / 2) as [number, number, number];
}

/** @throws HrnError FIT_FAILED where the refined head has left the face */
export function requireLikeness(
  { morphable: { dense } }: HeadModel,
  landmarks: DenseLandmarks,
  coarse: CoarseStage,
  refined: Pick<RefinedHead, 'camera' | 'identity' | 'positions'>,
  principalPx: readonly [number, number],
): void {
  const { rotation, translation, focalPx } = refined.camera;
  const projection = projectionMatrix([...rotation], [...translation], focalPx, principalPx);
  const pixels = projectPoints(projection, surfacePoints(dense, refined.positions));
  const observed = { ...landmarks, pixels: unbiased(landmarks, coarse, refined) };
  requirePlausible(fitFigures(observed, { pixels, dynamic: dense.dynamic, rotation, translation }));
}

/** The landmarks without what the network is known to err by on such a head, which turns with it. */
export function unbiased(
  { pixels }: DenseLandmarks,
  { problem }: Pick<CoarseStage, 'problem'>,
  { camera, identity }: Pick<RefinedHead, 'camera' | 'identity'>,
): Float32Array {
  const errorsMm = expectedErrors(problem, identity);
  if (errorsMm === undefined) return pixels;
  const { rotation, translation, focalPx } = camera;
  const pxPerMm = focalPx / translation[2]!;
  const right = pixels.slice();
  for (let i = 0; i < right.length; i++) {
    const [row, x] = [3 * (i % 2), i - (i % 2)];
    right[i]! -= pxPerMm * (rotation[row]! * errorsMm[x]! + rotation[row + 1]! * errorsMm[x + 1]!);
  }
  return right;
}

/**
 * Mean distance between observed points and the same points of the fitted head, over the points that have a place on the
 * surface (the network's jaw outline follows the silhouette instead).
 */
function landmarkError(
  head: MorphableModel,
  pixels: Float32Array,
  projection: readonly number[],
  positions: Float32Array,
): { landmarkErrorPx: number; landmarkErrorPercent: number } {
  const fitted = projectPoints(projection, surfacePoints(head.dense, positions));
  let [sum, count] = [0, 0];
  for (let i = 0; i < MESH_POINTS; i++) {
    if (head.dense.dynamic[i]) continue;
    sum += Math.hypot(fitted[2 * i]! - pixels[2 * i]!, fitted[2 * i + 1]! - pixels[2 * i + 1]!);
    count++;
  }
  const eyes = Math.hypot(
    pixels[2 * LEFT_EYE_OUTER]! - pixels[2 * RIGHT_EYE_OUTER]!,
    pixels[2 * LEFT_EYE_OUTER + 1]! - pixels[2 * RIGHT_EYE_OUTER + 1]!,
  );
  return { landmarkErrorPx: sum / count, landmarkErrorPercent: (100 * sum) / count / eyes };
}

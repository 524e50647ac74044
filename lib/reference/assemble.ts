import type { Expressions } from '../expression-names.js';
import type { DecodedImage } from '../image.js';
import type { MorphableModel } from '../morphable-model.js';
import { projectionMatrix } from '../projection-matrix.js';
import type { Mesh, ReconstructionData } from '../result-data.js';
import type { Alignment } from './align.js';
import { MAP_PX, type ReferenceAssets } from './assets.js';
import { displacedMesh } from './dense-mesh.js';
import { AMBIENT, CAMERA_DISTANCE, CENTRE, FOCAL, rotationOf } from './face-model.js';
import type { ReferenceFace } from './hrn-method.js';
import { betweenEyes, UNIT_MM } from './morphable.js';

type Assembled = Pick<
  ReconstructionData,
  | 'mesh'
  | 'coefficients'
  | 'pose'
  | 'camera'
  | 'landmarks'
  | 'levels'
  | 'deformationMap'
  | 'displacementMap'
  | 'texture'
  | 'quality'
  | 'scale'
  | 'reference'
>;

/**
 * Brings what the reference computes in decimetres and crops into millimetres and the photo's pixels.
 *
 * @param isDetailed with the displacement map and its mesh, where there is one
 */
export function assembleReference(
  { model, uvs }: ReferenceAssets,
  morphable: MorphableModel,
  face: ReferenceFace,
  picture: Float32Array,
  crop: Alignment,
  image: Pick<DecodedImage, 'width' | 'height'>,
  points: Float32Array,
  isDetailed: boolean,
): Assembled {
  const { parts } = face;
  const origin = betweenEyes(face.shape, model.keypoints);
  const place = (shape: Float32Array) => shape.map((x, i) => UNIT_MM * x - origin[i % 3]!);
  const positions = place(face.shape);
  // Rows times the reference's matrix, y up, z towards the camera: turned to columns, y down, z away from it.
  const r = rotationOf(parts.angles);
  const sign = [1, -1, -1];
  const rotation = Array.from({ length: 9 }, (_, i) => sign[Math.floor(i / 3)]! * r[3 * (i % 3) + Math.floor(i / 3)]!);
  const translation = [0, 1, 2].map((row) => {
    const moved = [0, 1, 2].reduce((sum, k) => sum + rotation[3 * row + k]! * origin[k]!, 0);
    return moved + UNIT_MM * (sign[row]! * parts.translation[row]! + (row === 2 ? CAMERA_DISTANCE : 0));
  }) as [number, number, number];
  // The whole number of pixels of the scaled photo makes its two scales differ a little.
  const [sx, sy] = [image.width / crop.width, image.height / crop.height];
  const focal = FOCAL * ((sx + sy) / 2);
  const principal: [number, number] = [(crop.left + CENTRE) * sx, (crop.top + crop.side - CENTRE) * sy];
  const projection = projectionMatrix(rotation, translation, focal, principal);
  const landmarks = Float32Array.from(
    { length: 3 * 68 },
    (_, i) => positions[3 * model.keypoints[Math.floor(i / 3)]! + (i % 3)]!,
  );
  const pixels = projectedBy(projection, landmarks);
  const mesh: Mesh = {
    positions,
    normals: face.normals,
    uvs: morphable.uvs.slice(),
    indices: model.triangles.slice(),
    parts: [{ name: 'skin', firstIndex: 0, indexCount: model.triangles.length }],
  };
  const { displacement } = face;
  const displacementMap = isDetailed &&
    displacement && {
      data: displacement.heights.map((x) => UNIT_MM * x),
      size: MAP_PX,
      seen: displacement.bare,
      solvedSize: MAP_PX,
    };
  return {
    mesh,
    coefficients: {
      identity: parts.identity,
      expression: Object.fromEntries(
        morphable.expression.names.map((name, k) => [name, parts.expression[k]!]),
      ) as Expressions,
      fittedExpression: Float32Array.from(parts.expression),
      albedo: parts.albedo,
      lighting: parts.light.map((value, i) => lightScale(i % 9) * (value + (i % 9 === 0 ? AMBIENT : 0))),
    },
    reference: { coefficients: face.coefficients },
    pose: { rotation, translation },
    camera: { projection, focalLengthPx: focal, principalPointPx: principal, focalLengthSource: 'estimated' },
    landmarks: { positions: landmarks, pixels },
    levels: {
      coarse: place(face.coarse),
      medium: positions,
      ...(displacementMap ? { high: displacedMesh(mesh, displacementMap) } : {}),
    },
    ...(displacementMap ? { displacementMap } : {}),
    deformationMap: { size: face.deformation.size, data: face.deformation.data.map((x) => UNIT_MM * x) },
    texture: {
      data: Uint8Array.from(face.texture, (x) => Math.round(255 * Math.min(1, Math.max(0, x)))),
      width: MAP_PX,
      height: MAP_PX,
      channels: 3,
    },
    quality: {
      ...landmarkError(pixels, points, image.height),
      photometricError: colourError(face, model.triangles, uvs, picture),
      refinement: 'full',
    },
    scale: { source: 'prior' },
  };
}

/** The reference's basis functions over those of docs/frames.md, by their order. */
function lightScale(k: number): number {
  return k === 0 ? 1 : k < 4 ? Math.sqrt(3) : Math.sqrt(8);
}

function projectedBy(projection: readonly number[], points: Float32Array): Float32Array {
  const out = new Float32Array((2 * points.length) / 3);
  for (let i = 0; i < points.length / 3; i++) {
    const row = (k: number) =>
      projection[4 * k]! * points[3 * i]! +
      projection[4 * k + 1]! * points[3 * i + 1]! +
      projection[4 * k + 2]! * points[3 * i + 2]! +
      projection[4 * k + 3]!;
    out[2 * i] = row(0) / row(2);
    out[2 * i + 1] = row(1) / row(2);
  }
  return out;
}

/** Over the points within the face; the jaw's follow the outline. */
function landmarkError(pixels: Float32Array, points: Float32Array, height: number) {
  const observed = points.map((x, i) => (i % 2 === 0 ? x + 0.5 : height - 1 - x + 0.5));
  let sum = 0;
  for (let i = 17; i < 68; i++)
    sum += Math.hypot(pixels[2 * i]! - observed[2 * i]!, pixels[2 * i + 1]! - observed[2 * i + 1]!) / 51;
  const eyes = Math.hypot(observed[2 * 36]! - observed[2 * 45]!, observed[2 * 36 + 1]! - observed[2 * 45 + 1]!);
  return { landmarkErrorPx: sum, landmarkErrorPercent: (100 * sum) / eyes };
}

/** Mean absolute difference of the texture, at the nearest texel, and the picture where the face is seen. */
function colourError(
  { texture, visibility }: ReferenceFace,
  triangles: Uint32Array,
  uvs: Float32Array,
  picture: Float32Array,
): number {
  let [sum, count] = [0, 0];
  for (let p = 0; p < visibility.triangle.length; p++) {
    const t = visibility.triangle[p]!;
    if (t < 0) continue;
    const at = [0, 1].map((k) =>
      [0, 1, 2].reduce((total, j) => total + visibility.weights[3 * p + j]! * uvs[2 * triangles[3 * t + j]! + k]!, 0),
    ) as [number, number];
    const texel = (value: number) => Math.min(MAP_PX - 1, Math.max(0, Math.floor(value * MAP_PX)));
    const from = 3 * (texel(1 - at[1]) * MAP_PX + texel(at[0]));
    for (let k = 0; k < 3; k++) sum += Math.abs(texture[from + k]! - picture[3 * p + k]!);
    count += 3;
  }
  return count > 0 ? sum / count : 0;
}

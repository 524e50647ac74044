/** Portraits with known truth: of the embedded model (`hrn sample`) and of ICT-FaceKit heads. */
import { type LandmarkSet, type MorphableModel, REGION_NAMES, type RegionName } from '../../lib/morphable-model.js';
import type { Raster } from '../../lib/result.js';
import { randomCamera, type SampleCamera } from '../../lib/sample/camera.js';
import { Random } from '../../lib/sample/random.js';
import { sample } from '../../lib/sample.js';
import { type IctModel, randomIctHead } from './ict-head.js';
import { drawIctPortrait, ICT_FACE_CENTRE_MM } from './ict-portrait.js';
import type { FaceEstimate, FaceTruth } from './metrics.js';
import { sampleSurface, scannedVertices, trianglesOf } from './surface.js';

export interface PortraitCase {
  name: string;
  image: Raster;
  truth: FaceTruth;
  /** Face region on the truth's skin, `[triangles][3]`. */
  faceRegion: Uint32Array;
  camera: SampleCamera;
  /** Which column of the table it belongs to. */
  view: 'all' | 'frontal' | 'turned';
}

const PORTRAIT_PX = 1024;
const SAMPLES = 6000;
const FACE_REGIONS: readonly RegionName[] = ['nose', 'mouth', 'forehead', 'cheeks', 'eyes', 'chin'];

/** Portraits of seeds 1 to `count`. */
export async function* inModelCases(model: MorphableModel, count: number): AsyncGenerator<PortraitCase> {
  const region = modelFaceRegion(model);
  for (let seed = 1; seed <= count; seed++) {
    const { image, head, camera } = await sample({ seed, size: PORTRAIT_PX, model });
    const face = faceOf(model, head.positions);
    const samples = sampleSurface({ positions: head.positions, triangles: model.triangles }, region, SAMPLES);
    yield {
      name: `sample-${String(seed).padStart(2, '0')}`,
      image,
      truth: { ...face, samples },
      faceRegion: region,
      camera,
      view: 'all',
    };
  }
}

/** Every head from the front and turned by 30 to 45 degrees, to alternating sides. */
export async function* outOfModelCases(ict: IctModel, count: number): AsyncGenerator<PortraitCase> {
  for (let i = 0; i < count; i++) {
    const head = randomIctHead(ict, i);
    const skin = { positions: head.positions, triangles: ict.skin };
    const landmarks = new Float64Array(3 * ict.landmarks68.length);
    ict.landmarks68.forEach((v, l) => {
      landmarks.set(head.positions.subarray(3 * v, 3 * v + 3), 3 * l);
    });
    const truth = { samples: sampleSurface(skin, ict.faceRegion, SAMPLES), landmarks, skin };
    const turn = (i % 2 === 0 ? 1 : -1) * new Random(900 + i).uniform(30, 45);
    for (const [view, yaw] of [
      ['frontal', 0],
      ['turned', turn],
    ] as const) {
      const seed = 2 * (8000 + i) + (yaw === 0 ? 0 : 1);
      const camera = randomCamera(new Random(seed), PORTRAIT_PX, yaw, ICT_FACE_CENTRE_MM);
      const pixels = await drawIctPortrait(ict, head, camera, seed, PORTRAIT_PX);
      yield {
        name: `${head.name}${head.hasExpression ? ' expression' : ''} ${yaw.toFixed(0)}`,
        image: { data: pixels, width: PORTRAIT_PX, height: PORTRAIT_PX, channels: 3 },
        truth,
        faceRegion: ict.faceRegion,
        camera,
        view,
      };
    }
  }
}

/** The skin and the 68 landmarks of vertex positions of a model. */
export function faceOf(model: MorphableModel, positions: Float32Array): FaceEstimate {
  const skin = model.parts.find((part) => part.name === 'skin')!;
  const first = 3 * skin.firstTriangle;
  return {
    skin: { positions, triangles: model.triangles.subarray(first, first + 3 * skin.triangleCount) },
    landmarks: landmarkPositions(model.ibug68, positions),
  };
}

/** `[count][3]` */
export function landmarkPositions({ count, vertices, weights }: LandmarkSet, positions: Float32Array): Float64Array {
  const out = new Float64Array(3 * count);
  for (let l = 0; l < count; l++) {
    for (let j = 0; j < 3; j++) {
      for (let k = 0; k < 3; k++) {
        out[3 * l + k]! += weights[3 * l + j]! * positions[3 * vertices[3 * l + j]! + k]!;
      }
    }
  }
  return out;
}

/** Triangles of the face that a scanner in front of the mean head would reach. */
export function modelFaceRegion(model: MorphableModel): Uint32Array {
  const { skin } = faceOf(model, model.mean);
  const scanned = scannedVertices({ positions: model.mean, triangles: model.triangles });
  const isFace = REGION_NAMES.map((name) => FACE_REGIONS.includes(name));
  return trianglesOf(
    skin.triangles,
    (v) => isFace[model.regions[v]!] === true && model.deformable[v]! > 0.5 && scanned[v] === 1,
  );
}

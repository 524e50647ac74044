/** Portraits with known truth: of the embedded model (`hrn sample`, the training generator) and of ICT-FaceKit heads. */
import { HrnError } from '../../lib/errors.js';
import type { MorphableModel } from '../../lib/morphable-model.js';
import type { NativeContext } from '../../lib/native/binding.js';
import { native } from '../../lib/native/load.js';
import type { Raster } from '../../lib/result.js';
import { randomCamera, type SampleCamera } from '../../lib/sample/camera.js';
import { Random } from '../../lib/sample/random.js';
import { sample } from '../../lib/sample.js';
import { detectFaces } from '../../lib/stages/detect.js';
import { findLandmarks } from '../../lib/stages/landmarks.js';
import { FaceNetworks } from '../../lib/stages/networks.js';
import { Photo } from '../../lib/stages/photo.js';
import { PortraitPainter, PORTRAIT_PX as TRAINING_PORTRAIT_PX } from '../../models/train/portrait.js';
import { type IctModel, randomIctHead } from './ict-head.js';
import { drawIctPortrait, ICT_FACE_CENTRE_MM } from './ict-portrait.js';
import type { FaceTruth } from './metrics.js';
import { modelFaceRegion, modelTruth, withoutExpression } from './model-face.js';
import { SAMPLES, sampleSurface } from './surface.js';

export interface PortraitCase {
  name: string;
  image: Raster;
  truth: FaceTruth;
  /** Face region on the truth's skin, `[triangles][3]`. */
  faceRegion: Uint32Array;
  camera: SampleCamera;
  /** Which rows of the table it belongs to, beside those of all portraits. */
  view?: string;
  /** The true head without its expression, `[vertices][3]`, mm, where it is one of the embedded model's. */
  neutral?: Float32Array;
}

const PORTRAIT_PX = 1024;
/** Training portraits have seeds from 2,000,000 (models/train/results/generate.log). */
const FIRST_HELD_OUT_SEED = 9_000_000;
const YAW_ROWS = [
  { view: 'yaw 0 to 15', below: 15 },
  { view: 'yaw 15 to 35', below: 35 },
  { view: 'yaw 35 to 60', below: Infinity },
] as const;

/** Portraits of seeds 1 to `count`. */
export async function* inModelCases(model: MorphableModel, count: number): AsyncGenerator<PortraitCase> {
  const region = modelFaceRegion(model);
  for (let seed = 1; seed <= count; seed++) {
    const { image, head, camera } = await sample({ seed, size: PORTRAIT_PX, model });
    yield {
      name: `sample-${String(seed).padStart(2, '0')}`,
      image,
      truth: modelTruth(model, region, head.positions),
      faceRegion: region,
      camera,
      neutral: withoutExpression(model, head.positions, head.expression),
    };
  }
}

/**
 * The first `count` portraits of the training generator, from seeds that no network was trained on, that detector and
 * landmark network accept. The truth is the skin that was drawn, bumps included, without the hair on it.
 */
export async function* heldOutCases(model: MorphableModel, count: number): AsyncGenerator<PortraitCase> {
  const region = modelFaceRegion(model);
  const context = new (native().Context)({ threads: 2 });
  const networks = new FaceNetworks({ threads: 2 });
  const painter = new PortraitPainter(context, model);
  const size = TRAINING_PORTRAIT_PX;
  try {
    for (let [seed, found] = [FIRST_HELD_OUT_SEED, 0]; found < count; seed++) {
      const { pixels, skinPositions, expression, camera } = await painter.draw(seed);
      const image: Raster = { data: pixels, width: size, height: size, channels: 3 };
      if (!(await isAccepted(context, networks, image))) continue;
      found++;
      const { yaw } = camera.anglesDegrees;
      yield {
        name: `held-out-${seed} ${yaw.toFixed(0)}`,
        image,
        truth: modelTruth(model, region, skinPositions),
        faceRegion: region,
        camera,
        view: YAW_ROWS.find(({ below }) => Math.abs(yaw) < below)!.view,
        neutral: withoutExpression(model, skinPositions, expression),
      };
    }
  } finally {
    networks.dispose();
    context.dispose();
  }
}

async function isAccepted(context: NativeContext, networks: FaceNetworks, image: Raster): Promise<boolean> {
  const photo = new Photo(context, image);
  try {
    const [face] = await detectFaces(networks, photo);
    if (face) await findLandmarks(networks, photo, face);
    return face !== undefined;
  } catch (error) {
    if (error instanceof HrnError && error.code === 'FACE_NOT_VISIBLE') return false;
    throw error;
  } finally {
    photo.dispose();
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

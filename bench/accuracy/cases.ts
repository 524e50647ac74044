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
import { findLandmarks } from '../../lib/stages/framing.js';
import { FaceNetworks } from '../../lib/stages/networks.js';
import { Photo } from '../../lib/stages/photo.js';
import { PortraitPainter, PORTRAIT_PX as TRAINING_PORTRAIT_PX } from '../../models/train/portrait.js';
import { type IctModel, randomIctHead } from './ict-head.js';
import { drawIctPortrait, ICT_FACE_CENTRE_MM, ictPaint } from './ict-portrait.js';
import type { FaceTruth } from './metrics.js';
import { modelFaceRegion, modelTruth, withoutExpression } from './model-face.js';
import { typologyAngle } from './skin-tone.js';
import { sampleSurface } from './surface.js';

export interface PortraitCase {
  name: string;
  image: Raster;
  truth: FaceTruth;
  /** Face region on the truth's skin, `[triangles][3]`. */
  faceRegion: Uint32Array;
  camera: SampleCamera;
  /** Portraits of one head have the same. */
  head: string;
  /** Which rows of the table it belongs to, beside those of all portraits. */
  view?: string;
  /** The true head without its expression, `[vertices][3]`, mm, where it is one of the embedded model's. */
  neutral?: Float32Array;
  /** Typology angle of the skin, degrees, where its albedo is one colour. */
  skinTone?: number;
}

/** Which portraits of a set, and how finely they are measured. */
export interface CaseRange {
  count: number;
  /** Number or seed of the first head. */
  first?: number;
  /** Side of the picture, where it can be chosen. */
  sizePx?: number;
  /** Points of the true face that are compared. */
  samples?: number;
}

const PORTRAIT_PX = 1024;
const SAMPLES = 6000;
/** Training portraits have seeds from 2,000,000 (models/train/results/generate.log). */
export const FIRST_HELD_OUT_SEED = 9_000_000;
const YAW_ROWS = [
  { view: 'yaw 0 to 15', below: 15 },
  { view: 'yaw 15 to 35', below: 35 },
  { view: 'yaw 35 to 60', below: Infinity },
] as const;

/** Portraits of `hrn sample`, by default from seed 1. */
export async function* inModelCases(model: MorphableModel, range: CaseRange): AsyncGenerator<PortraitCase> {
  const { count, first = 1, sizePx = PORTRAIT_PX, samples = SAMPLES } = range;
  const region = modelFaceRegion(model);
  for (let seed = first; seed < first + count; seed++) {
    const { image, head, camera } = await sample({ seed, size: sizePx, model });
    const name = `sample-${String(seed).padStart(2, '0')}`;
    yield {
      name,
      head: name,
      image,
      truth: modelTruth(model, region, head.positions, samples),
      faceRegion: region,
      camera,
      neutral: withoutExpression(model, head.positions, head.expression),
    };
  }
}

/**
 * Portraits of the training generator, by default from a seed far from those that networks were trained on: the first
 * `count` that detector and landmark network accept. The truth is the skin that was drawn, bumps included, without the hair on it.
 */
export async function* heldOutCases(model: MorphableModel, range: CaseRange): AsyncGenerator<PortraitCase> {
  const { count, first = FIRST_HELD_OUT_SEED, samples = SAMPLES } = range;
  const region = modelFaceRegion(model);
  const context = new (native().Context)({ threads: 2 });
  const networks = new FaceNetworks();
  const painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
  const size = TRAINING_PORTRAIT_PX;
  try {
    for (let [seed, found] = [first, 0]; found < count; seed++) {
      const { pixels, skinPositions, expression, camera } = await painter.draw(seed);
      const image: Raster = { data: pixels, width: size, height: size, channels: 3 };
      if (!(await isAccepted(context, networks, image))) continue;
      found++;
      const { yaw } = camera.anglesDegrees;
      yield {
        name: `held-out-${seed} ${yaw.toFixed(0)}`,
        head: String(seed),
        image,
        truth: modelTruth(model, region, skinPositions, samples),
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

/** Every head, by default from the first, from the front and turned by 30 to 45 degrees, to alternating sides. */
export async function* outOfModelCases(ict: IctModel, range: CaseRange): AsyncGenerator<PortraitCase> {
  const { count, first = 1, sizePx = PORTRAIT_PX, samples = SAMPLES } = range;
  for (let i = first - 1; i < first - 1 + count; i++) {
    const head = randomIctHead(ict, i);
    const skin = { positions: head.positions, triangles: ict.skin };
    const landmarks = new Float64Array(3 * ict.landmarks68.length);
    ict.landmarks68.forEach((v, l) => {
      landmarks.set(head.positions.subarray(3 * v, 3 * v + 3), 3 * l);
    });
    const truth = { samples: sampleSurface(skin, ict.faceRegion, samples), landmarks, skin };
    const turn = (i % 2 === 0 ? 1 : -1) * new Random(900 + i).uniform(30, 45);
    for (const [view, yaw] of [
      ['frontal', 0],
      ['turned', turn],
    ] as const) {
      const seed = 2 * (8000 + i) + (yaw === 0 ? 0 : 1);
      const camera = randomCamera(new Random(seed), sizePx, yaw, ICT_FACE_CENTRE_MM);
      const pixels = await drawIctPortrait(ict, head, camera, seed, sizePx);
      yield {
        name: `${head.name}${head.hasExpression ? ' expression' : ''} ${yaw.toFixed(0)}`,
        head: head.name,
        image: { data: pixels, width: sizePx, height: sizePx, channels: 3 },
        truth,
        faceRegion: ict.faceRegion,
        camera,
        view,
        skinTone: typologyAngle(ictPaint(ict, head, seed).tone),
      };
    }
  }
}

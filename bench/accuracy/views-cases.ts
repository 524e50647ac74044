/** People with known truth, each in several views of other expressions, light, cameras and focal lengths. */
import type { MorphableModel } from '../../lib/morphable-model.js';
import type { Raster } from '../../lib/result-data.js';
import { randomCamera, type SampleCamera } from '../../lib/sample/camera.js';
import { drawHeadPortrait } from '../../lib/sample/head-portrait.js';
import { randomLighting } from '../../lib/sample/lighting.js';
import { Random } from '../../lib/sample/random.js';
import { addBasis, randomExpression, randomHead } from '../../lib/sample/random-head.js';
import { type IctModel, randomIctHead } from './ict-head.js';
import { drawIctPortrait, ICT_FACE_CENTRE_MM } from './ict-portrait.js';
import type { FaceTruth } from './metrics.js';
import { modelFaceRegion, modelTruth } from './model-face.js';
import { sampleSurface } from './surface.js';

/** The first view is from the front; truth is the head with that view's expression. */
export interface PersonCase {
  name: string;
  images: Raster[];
  cameras: SampleCamera[];
  truth: FaceTruth;
}

/** Turn of the head in each view, degrees: front, left, right, and others. */
const YAWS = [0, 38, -38, 18, -18, 50, -50, 8] as const;
const FACE_CENTRE_MM = [0, -25, 60] as const;
/** Of light that a mean face reflects. */
const REFLECTANCE = 0.35;

export async function ictPerson(ict: IctModel, index: number, views: number, sizePx: number): Promise<PersonCase> {
  const images: Raster[] = [];
  const cameras: SampleCamera[] = [];
  let truth: FaceTruth | undefined;
  for (let view = 0; view < views; view++) {
    const seed = 100_000 + 100 * index + view;
    // Every other person's front view has a neutral face.
    const head =
      view === 0 && index % 2 === 0
        ? randomIctHead(ict, index)
        : randomIctHead(ict, index, 50_000 + 100 * index + view);
    const camera = randomCamera(new Random(seed), sizePx, YAWS[view]!, ICT_FACE_CENTRE_MM);
    const data = await drawIctPortrait(ict, head, camera, seed, sizePx, 40_000 + index);
    cameras.push(camera);
    images.push({ data, width: sizePx, height: sizePx, channels: 3 });
    if (truth) continue;
    const skin = { positions: head.positions, triangles: ict.skin };
    const landmarks = new Float64Array(3 * ict.landmarks68.length);
    ict.landmarks68.forEach((v, l) => {
      landmarks.set(head.positions.subarray(3 * v, 3 * v + 3), 3 * l);
    });
    truth = { samples: sampleSurface(skin, ict.faceRegion, SAMPLES), landmarks, skin };
  }
  return { name: `ict-${String(index + 1).padStart(2, '0')}`, images, cameras, truth: truth! };
}

const SAMPLES = 3000;

export async function modelPerson(
  model: MorphableModel,
  index: number,
  views: number,
  sizePx: number,
): Promise<PersonCase> {
  const person = randomHead(model, new Random(300_000 + index));
  const neutral = model.mean.slice();
  addBasis(neutral, model.identity, person.identity);
  const images: Raster[] = [];
  const cameras: SampleCamera[] = [];
  let truth: FaceTruth | undefined;
  for (let view = 0; view < views; view++) {
    const random = new Random(310_000 + 100 * index + view);
    const expression =
      view === 0 && index % 2 === 0
        ? new Float32Array(model.expression.count)
        : randomExpression(model.expression, random);
    const positions = neutral.slice();
    addBasis(positions, model.expression, expression);
    const head = { ...person, expression, positions };
    const camera = randomCamera(random, sizePx, YAWS[view]!, FACE_CENTRE_MM);
    const data = await drawHeadPortrait(model, head, camera, randomLighting(random, REFLECTANCE), sizePx, random);
    cameras.push(camera);
    images.push({ data, width: sizePx, height: sizePx, channels: 3 });
    truth ??= modelTruth(model, modelFaceRegion(model), positions, SAMPLES);
  }
  return { name: `sample-${index + 1}`, images, cameras, truth: truth! };
}

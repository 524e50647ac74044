import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { writeFilesAtomically } from './atomic-write.js';
import { HrnError } from './errors.js';
import { loadHead } from './models/head.js';
import { locateModels } from './models/locate.js';
import { readModel } from './models/manifest.js';
import type { MorphableModel } from './morphable-model.js';
import { invalid } from './options.js';
import type { Raster } from './result-data.js';
import { randomCamera, type SampleCamera } from './sample/camera.js';
import { drawHeadPortrait } from './sample/head-portrait.js';
import { randomLighting } from './sample/lighting.js';
import { Random } from './sample/random.js';
import { type RandomHead, randomHead } from './sample/random-head.js';
import { VERSION } from './version.js';

export interface SampleOptions {
  /** Any whole number; the same one gives the same portrait. */
  seed: number;
  /** Side of the square picture, 128 to 4096 pixels. Default 1024. */
  size?: number | undefined;
  /** Turn of the head in degrees, positive to the viewer's right. Default: random, mostly within 35. */
  yawDegrees?: number | undefined;
  /** A model in place of the embedded head. */
  model?: MorphableModel | undefined;
}

/** A synthetic portrait with everything that is true about it. */
export interface Sample {
  seed: number;
  image: Raster;
  /** The model that the head is made of. */
  model: MorphableModel;
  head: RandomHead;
  camera: SampleCamera;
  /** Spherical harmonics, `[3][9]`, view frame: x right, y up, z towards the camera. */
  lighting: Float32Array;
}

/** Middle of a face in the head frame, mm. */
const FACE_CENTRE_MM = [0, -25, 60] as const;
const YAW_SIGMA_DEGREES = 16;
const YAW_LIMIT_SIGMAS = 2.2;

/**
 * Draws a synthetic portrait of a random head: identity, expression, colours, light, pose, focal length and background
 * follow from the seed alone.
 *
 * @throws HrnError INVALID_OPTION, MODEL_MISSING, MODEL_CORRUPT
 */
export async function sample(options: SampleOptions): Promise<Sample> {
  const { seed, size = 1024, yawDegrees } = options;
  if (!Number.isSafeInteger(seed)) throw invalid('a whole number', 'seed', seed);
  if (!Number.isInteger(size) || size < 128 || size > 4096)
    throw invalid('a whole number from 128 to 4096', 'size', size);
  if (yawDegrees !== undefined && !(Math.abs(yawDegrees) <= 180)) {
    throw invalid('a number from -180 to 180', 'yawDegrees', yawDegrees);
  }
  const model = options.model ?? (await embeddedHead());
  const random = new Random(seed);
  const head = randomHead(model, random);
  const randomYaw = random.normal(0, YAW_SIGMA_DEGREES, YAW_LIMIT_SIGMAS);
  const camera = randomCamera(random, size, yawDegrees ?? randomYaw, FACE_CENTRE_MM);
  const lighting = randomLighting(random, faceReflectance(model, head.colours));
  const data = await drawHeadPortrait(model, head, camera, lighting, size, random);
  return { seed, image: { data, width: size, height: size, channels: 3 }, model, head, camera, lighting };
}

/** Mean albedo where the face is, 0..1. */
function faceReflectance({ deformable }: MorphableModel, colours: Float32Array): number {
  let [sum, weight] = [0, 0];
  for (let v = 0; v < deformable.length; v++) {
    sum += (deformable[v]! * (colours[3 * v]! + colours[3 * v + 1]! + colours[3 * v + 2]!)) / 3;
    weight += deformable[v]!;
  }
  return weight > 0 ? sum / weight : 0.5;
}

async function embeddedHead(): Promise<MorphableModel> {
  return await loadHead(await readModel(locateModels(), 'head.safetensors'));
}

/**
 * Writes NAME.png and its truth: NAME.obj (mm, head frame) and NAME.json. The folder is made if it is missing.
 *
 * @returns the paths written
 * @throws HrnError OUTPUT_NOT_WRITABLE, DISK_FULL
 */
export async function writeSample(sample: Sample, folder: string, name = `sample-${sample.seed}`): Promise<string[]> {
  const { image } = sample;
  const png = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .png()
    .toBuffer();
  await mkdir(folder, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new HrnError(
      'OUTPUT_NOT_WRITABLE',
      `Cannot make the folder ${folder} (${cause.code}): choose one you may write to`,
      { cause },
    );
  });
  const files = [
    { path: path.join(folder, `${name}.png`), bytes: png },
    { path: path.join(folder, `${name}.obj`), bytes: Buffer.from(objText(sample)) },
    {
      path: path.join(folder, `${name}.json`),
      bytes: Buffer.from(`${JSON.stringify(sampleTruth(sample), null, 2)}\n`),
    },
  ];
  await writeFilesAtomically(files);
  return files.map((file) => file.path);
}

/** What NAME.json holds. */
function sampleTruth({ seed, image, model, head, camera, lighting }: Sample) {
  const named = model.expression.names.map((name, k) => [name, head.expression[k]!] as const);
  return {
    version: 1,
    generator: `hrn ${VERSION} sample`,
    seed,
    input: { width: image.width, height: image.height },
    camera: { projection: camera.projection, focalLengthPx: camera.focalLengthPx },
    pose: { rotation: camera.rotation, translation: camera.translation, anglesDegrees: camera.anglesDegrees },
    mesh: { vertices: model.vertexCount, triangles: model.triangleCount, units: 'mm' },
    coefficients: {
      identity: Array.from(head.identity),
      expression: Object.fromEntries(named),
      albedo: Array.from(head.albedo),
      lighting: [0, 1, 2].map((channel) => Array.from(lighting.subarray(9 * channel, 9 * channel + 9))),
    },
  };
}

function objText({ model, head }: Sample): string {
  const lines = [`# hrn ${VERSION} sample: millimetres, y up, z out of the face`];
  for (let i = 0; i < head.positions.length; i += 3) {
    lines.push(`v ${[...head.positions.subarray(i, i + 3)].map((x) => x.toFixed(5)).join(' ')}`);
  }
  for (const { name, firstTriangle, triangleCount } of model.parts) {
    lines.push(`g ${name}`);
    for (let t = 3 * firstTriangle; t < 3 * (firstTriangle + triangleCount); t += 3) {
      lines.push(`f ${[...model.triangles.subarray(t, t + 3)].map((v) => v + 1).join(' ')}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

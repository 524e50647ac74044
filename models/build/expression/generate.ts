/**
 * Portraits with scripted expressions, as the landmark network sees them: `npx tsx models/build/expression/generate.ts
 * FIRST COUNT FILE`. One record a portrait that detector and landmark network accept, float32: the 52 true weights, yaw, and
 * what lib/stages/eye-state.ts and lib/stages/mouth-state.ts show their networks.
 */
import { writeFile } from 'node:fs/promises';
import { HrnError } from '../../../lib/errors.js';
import { loadHead } from '../../../lib/models/head.js';
import { locateModels } from '../../../lib/models/locate.js';
import { readModel } from '../../../lib/models/manifest.js';
import { native } from '../../../lib/native/load.js';
import { detectFaces } from '../../../lib/stages/detect.js';
import { eyeInput } from '../../../lib/stages/eye-state.js';
import { landmarksInFrame } from '../../../lib/stages/landmarks.js';
import { mouthInput } from '../../../lib/stages/mouth-state.js';
import { FaceNetworks } from '../../../lib/stages/networks.js';
import { Photo } from '../../../lib/stages/photo.js';
import { PORTRAIT_PX, PortraitPainter } from '../../train/portrait.js';
import { scriptedExpression } from './scripted.js';

const [first, count, file] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]!];
const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
const context = new (native().Context)({ threads: 1 });
const painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
const networks = new FaceNetworks();
const records: Float32Array[] = [];
let next = first;
const save = () => writeFile(file, Buffer.concat(records.map((record) => Buffer.from(record.buffer))));
for (; next < first + count; next++) {
  const { pixels, expression, camera } = await painter.draw(next, { expression: scriptedExpression });
  const photo = new Photo(context, { data: pixels, width: PORTRAIT_PX, height: PORTRAIT_PX, channels: 3 });
  try {
    const [face] = await detectFaces(networks, photo, { minFacePx: PORTRAIT_PX });
    if (!face) continue;
    const landmarks = await landmarksInFrame(networks, photo, face.framed);
    records.push(
      Float32Array.from([
        ...expression,
        camera.anglesDegrees.yaw,
        ...(await eyeInput(photo, landmarks)),
        ...(await mouthInput(photo, landmarks)),
      ]),
    );
  } catch (error) {
    if (!(error instanceof HrnError && error.code === 'FACE_NOT_VISIBLE')) throw error;
  } finally {
    photo.dispose();
  }
  if (next % 200 === 0) await save();
}
await save();
process.stdout.write(`${records.length} of ${count} portraits\n`);
networks.dispose();
context.dispose();

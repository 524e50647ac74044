/** What the mouth's network sees in portraits whose expressions are known. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { create } from '../lib/hrn.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import type { MorphableModel } from '../lib/morphable-model.js';
import type { NativeContext } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';
import { detectFaces } from '../lib/stages/detect.js';
import { landmarksInFrame } from '../lib/stages/landmarks.js';
import { MOUTH_SHAPES, type MouthState, seeMouth } from '../lib/stages/mouth-state.js';
import { FaceNetworks } from '../lib/stages/networks.js';
import { Photo } from '../lib/stages/photo.js';
import { PORTRAIT_PX, PortraitPainter } from '../models/train/portrait.js';

const FIRST_SEED = 15_000_000;
const FACES = 8;
let model: MorphableModel;
let context: NativeContext;
let painter: PortraitPainter;
const networks = new FaceNetworks();
beforeAll(async () => {
  model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
  context = new (native().Context)({ threads: 2 });
  painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
});
afterAll(() => {
  networks.dispose();
  context.dispose();
});

/** Means over the same people's faces that make an expression, and no other. */
async function seen(expression: Record<string, number>): Promise<(shape: string) => number> {
  const weights = Float32Array.from(model.expression.names, (name) => expression[name] ?? 0);
  const states: MouthState[] = [];
  for (let seed = FIRST_SEED; states.length < FACES; seed++) {
    const { pixels, camera } = await painter.draw(seed, { expression: () => weights });
    if (Math.abs(camera.anglesDegrees.yaw) > 35) continue;
    const photo = new Photo(context, { data: pixels, width: PORTRAIT_PX, height: PORTRAIT_PX, channels: 3 });
    try {
      const [face] = await detectFaces(networks, photo, { minFacePx: PORTRAIT_PX });
      if (face) states.push(await seeMouth(networks, photo, await landmarksInFrame(networks, photo, face.framed)));
    } catch {
      // A face that a hand covers.
    } finally {
      photo.dispose();
    }
  }
  return (shape) => states.reduce((sum, state) => sum + state.get(shape)!, 0) / states.length;
}

it('tells smiles, open and closed mouths and sides apart', async () => {
  const neutral = await seen({});
  const smile = await seen({ mouthSmileLeft: 0.9, mouthSmileRight: 0.9 });
  const open = await seen({ jawOpen: 0.7 });
  const rolled = await seen({ mouthClose: 0.8 });
  const aside = await seen({ mouthLeft: 0.9 });
  for (const shape of MOUTH_SHAPES) expect(neutral(shape)).toBeLessThan(0.05);
  for (const side of ['Left', 'Right']) {
    expect(smile(`mouthSmile${side}`)).toBeGreaterThan(0.7);
    for (const other of [open, rolled, aside]) expect(other(`mouthSmile${side}`)).toBeLessThan(0.1);
  }
  expect(open('jawOpen')).toBeGreaterThan(0.35);
  expect(smile('jawOpen')).toBeLessThan(0.1);
  expect(rolled('mouthClose')).toBeGreaterThan(0.35);
  expect(aside('mouthLeft')).toBeGreaterThan(0.4);
  expect(aside('mouthRight')).toBeLessThan(0.05);
});

it('calls a smile in a photo a smile', async () => {
  const hrn = await create();
  try {
    const { coefficients } = await hrn.fit('examples/astronaut.png', { textureSize: 256 });
    const { mouthSmileLeft, mouthSmileRight, mouthDimpleLeft, mouthUpperUpLeft } = coefficients.expression;
    expect(Math.min(mouthSmileLeft!, mouthSmileRight!)).toBeGreaterThan(0.5);
    expect(Math.max(mouthDimpleLeft!, mouthUpperUpLeft!)).toBeLessThan(0.4);
  } finally {
    await hrn.dispose();
  }
});

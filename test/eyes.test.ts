import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closingBlink } from '../lib/blink.js';
import { decodeHalfs } from '../lib/half-float.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import type { MorphableModel } from '../lib/morphable-model.js';
import { native } from '../lib/native/load.js';
import { Random } from '../lib/sample/random.js';
import { addBasis } from '../lib/sample/random-head.js';
import { detectFaces } from '../lib/stages/detect.js';
import type { EyeStates } from '../lib/stages/eye-state.js';
import { landmarksInFrame } from '../lib/stages/landmarks.js';
import { FaceNetworks } from '../lib/stages/networks.js';
import { Photo } from '../lib/stages/photo.js';
import { PORTRAIT_PX, PortraitPainter } from '../models/train/portrait.js';

let model: MorphableModel;
const context = new (native().Context)({ threads: 1 });
const networks = new FaceNetworks();
beforeAll(async () => {
  model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
});
afterAll(() => {
  networks.dispose();
  context.dispose();
});

describe('the state of eyes', () => {
  let painter: PortraitPainter;
  beforeAll(async () => {
    painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
  });
  async function eyesOf(seed: number, weights: Record<string, number>): Promise<EyeStates> {
    const { pixels } = await painter.draw(seed, {
      expression: ({ names }) => Float32Array.from(names, (name) => weights[name] ?? 0),
    });
    const photo = new Photo(context, { data: pixels, width: PORTRAIT_PX, height: PORTRAIT_PX, channels: 3 });
    try {
      const [face] = await detectFaces(networks, photo, { minFacePx: PORTRAIT_PX });
      return (await landmarksInFrame(networks, photo, face!.framed)).eyes;
    } finally {
      photo.dispose();
    }
  }

  it('is told from their pictures: open, shut, a wink, a look aside', async () => {
    const open = await eyesOf(13_500_007, {});
    expect(Math.max(open.left.shut, open.right.shut)).toBeLessThan(0.2);
    const shut = await eyesOf(13_500_001, { eyeBlinkLeft: 1, eyeBlinkRight: 1 });
    expect(Math.min(shut.left.shut, shut.right.shut)).toBeGreaterThan(0.8);
    expect([shut.left.outwards, shut.left.up]).toEqual([0, 0]);
    const wink = await eyesOf(13_500_005, { eyeBlinkLeft: 0.95 });
    expect(wink.left.shut).toBeGreaterThan(0.8);
    expect(wink.right.shut).toBeLessThan(0.2);
    const aside = await eyesOf(13_500_007, { eyeLookOutLeft: 0.9, eyeLookInRight: 0.9 });
    expect(aside.left.outwards).toBeGreaterThan(0.3);
    expect(aside.right.outwards).toBeLessThan(-0.3);
  });
});

describe('a blink of one head', () => {
  it('brings the lids together, whatever its eyes', () => {
    const size = 3 * model.vertexCount;
    for (const seed of [1, 2, 3, 4]) {
      const positions = model.mean.slice();
      const random = new Random(seed);
      addBasis(
        positions,
        model.identity,
        Float32Array.from({ length: model.identity.count }, () => random.normal(0, 1, 2.5)),
      );
      const k = model.expression.names.indexOf('eyeBlinkLeft');
      const generic = decodeHalfs(model.expression.halfs, k * size, (k + 1) * size);
      const blink = closingBlink(model, positions, generic, 'Left');
      const height = (point: number, offsets: Float32Array) => {
        let sum = 0;
        for (let j = 3 * point; j < 3 * point + 3; j++) {
          const i = 3 * model.dense.vertices[j]! + 1;
          sum += model.dense.weights[j]! * (positions[i]! + offsets[i]!);
        }
        return sum;
      };
      // Upper and lower margin, one above the other, from the middle of the eye.
      for (const [upper, lower] of [
        [387, 373],
        [386, 374],
        [385, 380],
      ] as const) {
        expect(Math.abs(height(upper, blink) - height(lower, blink) + 0.4)).toBeLessThan(0.7);
      }
    }
  });
});

import { describe, expect, it } from 'vitest';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import { animalLook } from '../lib/stages/animal.js';
import { requireCredible } from '../lib/stages/credible.js';
import { DENSE_CLASSES, type DenseClass } from '../lib/stages/dense.js';
import { facingPoints } from '../lib/stages/facing-points.js';
import { LEFT_EYE_OUTER, MESH_POINTS, NOSE_TIP, RIGHT_EYE_OUTER } from '../lib/stages/mesh-points.js';
import { seenSkin } from '../lib/stages/seen-skin.js';

const SIDE = 16;

/** Left half one class, right half another; a pixel of the map is ten of the photo, which is turned by 90 degrees. */
function map(left: DenseClass, right: DenseClass) {
  const classes = new Float32Array(DENSE_CLASSES.length * SIDE * SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const shown = i % SIDE < SIDE / 2 ? left : right;
    classes[DENSE_CLASSES.indexOf(shown) * SIDE * SIDE + i] = 1;
  }
  return { side: SIDE, classes, toPhoto: [0, -10, 300, 10, 0, 100] as const };
}

/** All points at one place of the map. */
const landmarks = (u: number, v: number) => ({
  pixels: new Float32Array(2 * MESH_POINTS).map((_, i) => (i % 2 === 0 ? 300 - 10 * v : 100 + 10 * u)),
});

describe('seenSkin', () => {
  it('reads the map where the photo shows the points', () => {
    expect(seenSkin(map('face', 'hair'), landmarks(3.5, 9.5))).toEqual({ bare: 1, covering: 0, glasses: 0 });
    expect(seenSkin(map('face', 'hair'), landmarks(12.5, 9.5))).toEqual({ bare: 0, covering: 0, glasses: 0 });
    expect(seenSkin(map('glasses', 'lips'), landmarks(3.5, 1.5))).toEqual({ bare: 0, covering: 1, glasses: 1 });
  });

  it('knows nothing of points beyond it', () => {
    expect(seenSkin(map('face', 'hair'), landmarks(-3, 40))).toBeUndefined();
  });
});

it('facingPoints leaves out the far cheek of a turned head', async () => {
  const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
  // MediaPipe's points on the cheekbones, the subject's right and left.
  const [rightCheek, leftCheek] = [123, 352];
  const shown = (turnDegrees: number) => {
    const facing = facingPoints(model, turnDegrees);
    return [RIGHT_EYE_OUTER, rightCheek, NOSE_TIP, leftCheek, LEFT_EYE_OUTER].map((i) => facing.has(i));
  };
  expect(facingPoints(model, 10).size).toBe(MESH_POINTS);
  expect(shown(45)).toEqual([true, true, true, false, false]);
  expect(shown(-45)).toEqual([false, false, true, true, true]);
});

describe('requireCredible', () => {
  const sure = { isCertain: true, score: 0.9, presenceLogit: 25 };
  const doubted = { isCertain: true, score: 0.6, presenceLogit: 22 };
  const seen = (bare: number, glasses = 0) => ({ bare, covering: 1 - bare, glasses });

  it('wants eyes or lips of what is hardly seen bare', () => {
    expect(() => requireCredible(sure, seen(0.61), seen(0.6), 0.11)).toThrow(/only 61 % of it look like one/);
    expect(() => requireCredible(sure, seen(0.61), seen(0.6), 0.4)).not.toThrow();
    expect(() => requireCredible(sure, seen(0.61), seen(0.9), 0.11)).not.toThrow();
    expect(() => requireCredible(sure, seen(0.9), seen(0.6), 0.11)).not.toThrow();
  });

  it('takes glasses for bare where lips are seen', () => {
    expect(() => requireCredible(doubted, seen(0.71), seen(0.1), 0.6)).toThrow(/only 71 %/);
    expect(() => requireCredible(doubted, seen(0.71, 0.25), seen(0.1), 0.6)).not.toThrow();
    expect(() => requireCredible(doubted, seen(0.71, 0.25), seen(0.1), 0.1)).toThrow(/only 71 %/);
    expect(() => requireCredible({ ...doubted, presenceLogit: 17 }, seen(0.71, 0.25), seen(0.1), 0.6)).toThrow(
      /only 71 %/,
    );
  });

  it('refuses what looks like an animal where the detector doubts it', () => {
    const animal = { presenceLogOdds: 15, browsShare: 0.1, bareNose: 0.8 };
    expect(() => requireCredible(doubted, seen(0.9), seen(0.9), 0.5, animal)).toThrow(/nose is not of skin/);
    expect(() => requireCredible(sure, seen(0.9), seen(0.9), 0.5, animal)).not.toThrow();
  });
});

describe('animalLook', () => {
  const at = landmarks(3.5, 9.5);

  it('is what has no brows and a nose of something else than skin, followed with little certainty', async () => {
    const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
    const look = (shown: ReturnType<typeof map>, logOdds: number, turn: number) =>
      animalLook(shown, at, model, turn, logOdds);
    const noBrows = map('face', 'hair');
    for (let i = 0; i < SIDE * SIDE; i++) {
      noBrows.classes[DENSE_CLASSES.indexOf('face') * SIDE * SIDE + i]! *= 0.85;
      noBrows.classes[DENSE_CLASSES.indexOf('occluder') * SIDE * SIDE + i] = 0.15;
    }
    expect(look(noBrows, 15, 0)?.browsShare).toBe(0);
    expect(look(noBrows, 25, 0)).toBeUndefined();
    expect(look(noBrows, 15, 40)).toBeUndefined();
    expect(look(map('brows', 'face'), 15, 0)).toBeUndefined();
    expect(look(map('hair', 'face'), 15, 0)).toBeUndefined();
  });
});

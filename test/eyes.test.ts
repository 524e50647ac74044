import { NodeIO } from '@gltf-transform/core';
import { validateBytes } from 'gltf-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toBlendShapes } from '../lib/blend-shapes.js';
import { closingBlink } from '../lib/blink.js';
import { gazeOf } from '../lib/gaze.js';
import { decodeHalfs } from '../lib/half-float.js';
import { create } from '../lib/hrn.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import type { MorphableModel } from '../lib/morphable-model.js';
import { native } from '../lib/native/load.js';
import type { Reconstruction } from '../lib/result.js';
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

describe('the whites of a face lit from one side', () => {
  it('are darker where the face is', async () => {
    const painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
    const { pixels } = await painter.draw(13_500_007, { expression: ({ names }) => new Float32Array(names.length) });
    const dark = Uint8Array.from(pixels, (value, i) => {
      const x = (Math.floor(i / 3) % PORTRAIT_PX) / PORTRAIT_PX;
      return value * (1 - 0.6 * Math.min(1, Math.max(0, (x - 0.48) / 0.04)));
    });
    const hrn = await create({ device: 'cpu' });
    try {
      const image = { data: dark, width: PORTRAIT_PX, height: PORTRAIT_PX, channels: 3 } as const;
      const { texture } = await hrn.fit(image, { textureSize: 512 });
      const white = (name: string) => {
        const { firstTriangle, triangleCount } = model.parts.find((part) => part.name === name)!;
        const ball = new Set(model.triangles.subarray(3 * firstTriangle, 3 * (firstTriangle + triangleCount)));
        const middle = [0, 1, 2].map((k) => [...ball].reduce((sum, v) => sum + model.mean[3 * v + k]! / ball.size, 0));
        let [sum, count] = [0, 0];
        for (const v of ball) {
          const [x, y, z] = [0, 1, 2].map((k) => model.mean[3 * v + k]! - middle[k]!) as [number, number, number];
          const angle = Math.atan2(Math.hypot(x, y), z);
          if (angle < 0.5 || angle > 0.8) continue;
          const [column, row] = [0, 1].map((k) => Math.floor(model.uvs[2 * v + k]! * texture.width)) as [
            number,
            number,
          ];
          sum += texture.data[texture.channels * (row * texture.width + column) + 1]!;
          count++;
        }
        return sum / count;
      };
      // The subject's left is on the right of the picture.
      expect(white('leftEye') / white('rightEye')).toBeLessThan(0.7);
    } finally {
      await hrn.dispose();
    }
  });
});

describe('a fitted head whose eyes are shut', () => {
  let face: Reconstruction;
  beforeAll(async () => {
    const painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
    const { pixels } = await painter.draw(13_500_001, {
      expression: ({ names }) => Float32Array.from(names, (name) => (/^eyeBlink/.test(name) ? 1 : 0)),
    });
    const hrn = await create({ device: 'cpu' });
    try {
      const image = { data: pixels, width: PORTRAIT_PX, height: PORTRAIT_PX, channels: 3 } as const;
      face = await hrn.fit(image, { minFacePx: 80, textureSize: 256 });
    } finally {
      await hrn.dispose();
    }
  });
  /** Of the lids' margins in the middle of the left eye, mm. */
  function slit(positions: Float32Array): number {
    const height = (point: number) => {
      let sum = 0;
      for (let j = 3 * point; j < 3 * point + 3; j++) {
        sum += model.dense.weights[j]! * positions[3 * model.dense.vertices[j]! + 1]!;
      }
      return sum;
    };
    return height(386) - height(374);
  }

  it('has shut lids, a straight gaze, and opens in its neutral base', async () => {
    const { expression } = face.coefficients;
    expect(Math.min(expression.eyeBlinkLeft, expression.eyeBlinkRight)).toBeGreaterThan(0.8);
    expect(gazeOf(expression)).toEqual({ left: { yaw: 0, pitch: 0 }, right: { yaw: 0, pitch: 0 } });
    expect(slit(face.mesh.positions)).toBeLessThan(0.8);
    const all = model.expression.names.map((_, k) => k);
    const { positions, shapes } = await toBlendShapes(face, all);
    expect(slit(positions)).toBeGreaterThan(4);
    const blink = positions.slice();
    const { vertices, values } = shapes.find(({ name }) => name === 'eyeBlinkLeft')!.positionOffsets;
    vertices.forEach((v, i) => {
      for (let k = 0; k < 3; k++) blink[3 * v + k]! += values[3 * i + k]!;
    });
    expect(Math.abs(slit(blink))).toBeLessThan(0.8);
  });

  it('has white eyes with an iris though the photo shows none', () => {
    const part = model.parts.find(({ name }) => name === 'leftEye')!;
    const vertices = new Set(
      model.triangles.subarray(3 * part.firstTriangle, 3 * (part.firstTriangle + part.triangleCount)),
    );
    const front = [...vertices].sort((a, b) => model.mean[3 * b + 2]! - model.mean[3 * a + 2]!);
    const colour = (vertex: number) => {
      const [x, y] = [0, 1].map((k) => Math.floor(256 * model.uvs[2 * vertex + k]!)) as [number, number];
      return [...face.texture.data.subarray(3 * (256 * y + x), 3 * (256 * y + x) + 3)] as [number, number, number];
    };
    const white = colour(front[Math.floor(0.6 * front.length)]!);
    const pupil = colour(front[0]!);
    expect(Math.min(...white)).toBeGreaterThan(Math.max(...pupil) + 60);
    expect(white[0] - white[2]).toBeLessThan(90);
  });

  it('gets corneas, lashes and wet lines that follow ball and lids, and nodes that tell its gaze', async () => {
    const bytes = await face.encode('glb');
    expect((await validateBytes(bytes)).issues.messages).toEqual([]);
    const root = (await new NodeIO().readBinary(bytes)).getRoot();
    const names = root.listNodes().map((node) => node.getName());
    expect(names).toEqual(expect.arrayContaining(['wetLines', 'corneas', 'lashes', 'leftGaze', 'rightGaze']));
    const moved = (name: string, target: string): number => {
      const mesh = root
        .listNodes()
        .find((node) => node.getName() === name)!
        .getMesh()!;
      const k = (mesh.getExtras().targetNames as string[]).indexOf(target);
      const offsets = mesh.listPrimitives()[0]!.listTargets()[k]!.getAttribute('POSITION')!.getArray()!;
      return Math.max(
        ...Array.from({ length: offsets.length / 3 }, (_, v) => Math.hypot(...offsets.subarray(3 * v, 3 * v + 3))),
      );
    };
    expect(moved('lashes', 'eyeBlinkLeft')).toBeGreaterThan(0.006);
    expect(moved('lashes', 'jawOpen')).toBeLessThan(0.001);
    expect(moved('wetLines', 'eyeBlinkLeft')).toBeGreaterThan(0.004);
    expect(moved('wetLines', 'jawOpen')).toBeLessThan(0.001);
    expect(moved('corneas', 'eyeLookOutLeft')).toBeGreaterThan(0.005);
    expect(moved('corneas', 'eyeBlinkLeft')).toBe(0);
    // All of the wet lines is within a millimetre of an eyeball; where they end nothing is seen of them.
    const pointsOf = (name: string, k: number, what: string) =>
      root
        .listMeshes()
        .find((mesh) => mesh.getName() === name)!
        .listPrimitives()
        [k]!.getAttribute(what)!;
    const balls = [1, 2].map((k) => {
      const [low, high] = [
        [0, 0, 0],
        [0, 0, 0],
      ] as [number[], number[]];
      pointsOf('head', k, 'POSITION').getMin(low);
      pointsOf('head', k, 'POSITION').getMax(high);
      return { centre: low.map((v, i) => (v + high[i]!) / 2), radius: (high[1]! - low[1]!) / 2 };
    });
    const wet = pointsOf('wetLines', 0, 'POSITION');
    const colours = pointsOf('wetLines', 0, 'COLOR_0');
    let faintest = 1;
    for (let i = 0; i < wet.getCount(); i++) {
      const point = wet.getElement(i, [0, 0, 0]);
      const off = balls.map(({ centre, radius }) => Math.hypot(...point.map((v, k) => v - centre[k]!)) - radius);
      expect(Math.min(...off.map(Math.abs))).toBeLessThan(0.001);
      faintest = Math.min(faintest, colours.getElement(i, [0, 0, 0, 0])[3]!);
    }
    expect(faintest).toBe(0);
    const plain = (await new NodeIO().readBinary(await face.encode('glb', { eyeParts: false }))).getRoot();
    expect(plain.listMeshes().map((mesh) => mesh.getName())).toEqual(['head']);
  });
});

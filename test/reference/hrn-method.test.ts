import { describe, expect, it } from 'vitest';
import { WorkSlices } from '../../lib/importers/work-slices.js';
import { align } from '../../lib/reference/align.js';
import { assembleReference } from '../../lib/reference/assemble.js';
import { MAP_PX, MID_PX, type ReferenceAssets, type ReferenceNetwork } from '../../lib/reference/assets.js';
import { IMAGE_PX, projected, rotationOf, toCamera, turned } from '../../lib/reference/face-model.js';
import { hrnMethod } from '../../lib/reference/hrn-method.js';
import { landmarks68 } from '../../lib/reference/landmarks-68.js';
import { morphableOf } from '../../lib/reference/morphable.js';
import { uvGrid } from '../../lib/reference/uv-grid.js';
import { G, gridModel, gridUvs, V } from './grid-face.js';
import { randoms } from './random-tensors.js';

/** The pieces of the reference's folder around a small face; the networks' answers are given, not computed. */
const model = gridModel();
const assets: ReferenceAssets = {
  model,
  uvs: gridUvs(),
  standardPoints: new Float64Array(15),
  colourMapMean: new Float32Array(3 * MAP_PX * MAP_PX).fill(150),
  colourMapBase: new Float32Array(3 * MAP_PX * MAP_PX * 80),
  networks: {
    coefficients: new Uint8Array(),
    mid: new Uint8Array(),
    high: new Uint8Array(),
    retouch: new Uint8Array(),
  },
  alpha: 1,
  beta: 1,
  records: [],
};
const vector = new Float32Array(257);
vector.set(randoms('id', 80, 0.3), 0);
vector.set([0.1, -0.2, 0.05], 224);
vector.set([0.05, -0.1, 0.3], 254);

async function fitted(midValue: number) {
  const answers: Record<ReferenceNetwork, Float32Array> = {
    coefficients: vector,
    retouch: new Float32Array(3 * MAP_PX * MAP_PX).fill(0.5),
    mid: new Float32Array(3 * MID_PX * MID_PX).fill(midValue),
    high: new Float32Array(MAP_PX * MAP_PX),
  };
  const asked: string[] = [];
  const picture = Float32Array.from({ length: 3 * IMAGE_PX * IMAGE_PX }, (_, i) => [0.7, 0.5, 0.4][i % 3]!);
  const face = await hrnMethod(
    assets,
    uvGrid(model, assets.uvs, MAP_PX),
    {
      picture,
      largePicture: new Float32Array(3 * 512 * 512).fill(0.5),
      texturePicture: picture,
      mask: new Float32Array(IMAGE_PX * IMAGE_PX).fill(1),
    },
    async (name) => {
      asked.push(name);
      return answers[name];
    },
    new WorkSlices(),
    () => {},
  );
  return { face, asked, picture };
}

describe("the reference's method", () => {
  it('asks its networks in order, and moves vertices by the map', async () => {
    const { face, asked } = await fitted(0.5);
    expect(asked).toEqual(['coefficients', 'retouch', 'mid', 'high']);
    // The map is 0.1 times what the network says, the same everywhere.
    const middle = 3 * (Math.floor(G / 2) * G + Math.floor(G / 2));
    for (let k = 0; k < 3; k++) expect(face.shape[middle + k]! - face.coarse[middle + k]!).toBeCloseTo(0.05, 4);
  });

  it('ends with the colours of the picture', async () => {
    const { face, picture } = await fitted(0);
    const seen = face.visibility.triangle.findIndex((t, p) => t >= 0 && p > 110 * IMAGE_PX + 100);
    expect(seen).toBeGreaterThan(0);
    const assembled = assembleReference(
      assets,
      morphableOf(assets),
      face,
      picture,
      crop(),
      photo,
      new Float32Array(136),
      false,
    );
    expect(assembled.quality.photometricError).toBeLessThan(0.02);
  });

  it('is told in millimetres and in pixels of the photo', async () => {
    const { face, picture } = await fitted(0.2);
    const at = crop();
    const { mesh, camera, pose, landmarks } = assembleReference(
      assets,
      morphableOf(assets),
      face,
      picture,
      at,
      photo,
      new Float32Array(136),
      false,
    );
    expect(mesh.positions).toHaveLength(3 * V);
    const pixels = projected(toCamera(turned(face.shape, rotationOf(face.parts.angles), face.parts.translation)));
    for (let i = 0; i < 68; i++) {
      const v = model.keypoints[i]!;
      const x = ((pixels[2 * v]! + at.left) * photo.width) / at.width;
      const y = ((at.top + IMAGE_PX - pixels[2 * v + 1]!) * photo.height) / at.height;
      // The photo's scaled size is a whole number of pixels, its two scales differ by less than one in a thousand.
      expect(Math.abs(landmarks.pixels[2 * i]! - x)).toBeLessThan(0.2);
      expect(Math.abs(landmarks.pixels[2 * i + 1]! - y)).toBeLessThan(0.2);
    }
    expect(pose.translation[2]).toBeGreaterThan(800);
    expect(camera.focalLengthPx / 1015).toBeCloseTo(photo.width / at.width, 2);
  });
});

const photo = { width: 1000, height: 1200 };
function crop() {
  return { scale: 0.4, width: 400, height: 480, left: 90, top: 130, side: IMAGE_PX, landmarks: new Float32Array(136) };
}

describe('the alignment', () => {
  it('lays a standard face where it is', () => {
    const standard = Float64Array.of(-0.3, 0.3, 0.2, 0.3, 0.3, 0.2, 0, 0, 0.5, -0.2, -0.35, 0.25, 0.2, -0.35, 0.25);
    const points = new Float32Array(136);
    // Scaled by 200 about (500, 700), y up.
    const place = (i: number, k: number) => {
      points[2 * i] = 500 + 200 * standard[3 * k]!;
      points[2 * i + 1] = 700 + 200 * standard[3 * k + 1]!;
    };
    for (const [i, k] of [
      [36, 0],
      [39, 0],
      [42, 1],
      [45, 1],
      [30, 2],
      [48, 3],
      [54, 4],
    ] as const)
      place(i, k);
    const at = align(points, standard, photo, 224);
    expect(at.scale).toBeCloseTo(102 / 200, 6);
    // The middle of the standard face comes to the middle of the crop, but for the scaled photo's whole pixels.
    expect(Math.abs(at.landmarks[60]! - 112)).toBeLessThan(0.6);
    expect(Math.abs(at.landmarks[61]! - 112)).toBeLessThan(0.6);
    expect(align(points, standard, photo, 512).scale).toBeCloseTo((102 / 200) * (512 / 224), 6);
  });

  it('counts landmarks as the reference does', () => {
    const pixels = new Float32Array(2 * 478).fill(10);
    const points = landmarks68(pixels, 100);
    expect([points[0], points[1]]).toEqual([9.5, 89.5]);
  });
});

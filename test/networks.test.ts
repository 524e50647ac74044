import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeContext } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';
import type { Raster } from '../lib/result.js';
import { sample } from '../lib/sample.js';
import { detectFaces } from '../lib/stages/detect.js';
import { findLandmarks } from '../lib/stages/framing.js';
import { type DenseLandmarks, yawOf } from '../lib/stages/landmarks.js';
import { findPersonMask } from '../lib/stages/mask.js';
import { MIRROR } from '../lib/stages/mesh-points.js';
import { FaceNetworks } from '../lib/stages/networks.js';
import { Photo, transform } from '../lib/stages/photo.js';
import { astronaut, blank, cropped, mirrored, onCanvas, sharedPhotos, sideBySide, turned } from './photos.js';

let context: NativeContext;
let networks: FaceNetworks;
const photos: Photo[] = [];

beforeAll(() => {
  context = new (native().Context)({ threads: 2 });
  networks = new FaceNetworks();
});

afterAll(() => {
  networks.dispose();
  for (const photo of photos) photo.dispose();
  context.dispose();
});

function photoOf(raster: Raster): Photo {
  const photo = new Photo(context, raster);
  photos.push(photo);
  return photo;
}

async function landmarksOf(raster: Raster): Promise<DenseLandmarks> {
  const photo = photoOf(raster);
  const [face] = await detectFaces(networks, photo);
  return await findLandmarks(networks, photo, face!);
}

const point = ({ pixels }: DenseLandmarks, i: number) => [pixels[2 * i]!, pixels[2 * i + 1]!] as const;

function meanDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 2) sum += Math.hypot(a[i]! - b[i]!, a[i + 1]! - b[i + 1]!);
  return (2 * sum) / a.length;
}

describe('detection', () => {
  it('finds the one face of a portrait where it is', async () => {
    const faces = await detectFaces(networks, photoOf(await astronaut()), { all: true });
    expect(faces).toHaveLength(1);
    const [{ box, score, keypoints }] = faces as [(typeof faces)[number]];
    expect(score).toBeGreaterThan(0.9);
    expect([box.x, box.y, box.width, box.height].map(Math.round)).toEqual([178, 68, 96, 107]);
    // Right eye, left eye, nose, mouth: read off the picture.
    for (const [i, [x, y]] of [
      [204, 101],
      [247, 104],
      [223, 128],
      [223, 147],
    ].entries()) {
      expect(Math.hypot(keypoints[i]![0] - x!, keypoints[i]![1] - y!)).toBeLessThan(5);
    }
  });

  it('finds several faces, largest first', async () => {
    const raster = sideBySide(await astronaut(), await mirrored(await astronaut(), 400));
    const faces = await detectFaces(networks, photoOf(raster), { all: true });
    expect(faces).toHaveLength(2);
    expect(faces[0]!.box.width).toBeGreaterThan(faces[1]!.box.width);
    expect(faces[0]!.box.x).toBeLessThan(512);
    expect(faces[1]!.box.x).toBeGreaterThan(512);
  });

  it('finds a small face in a large photo', async () => {
    const raster = await onCanvas(await astronaut(), 512, { width: 4000, height: 2600, left: 3100, top: 300 });
    const faces = await detectFaces(networks, photoOf(raster), { all: true });
    expect(faces).toHaveLength(1);
    expect(Math.abs(faces[0]!.box.x - (3100 + 178))).toBeLessThan(10);
    expect(Math.abs(faces[0]!.box.y - (300 + 68))).toBeLessThan(10);
  });

  it('finds a face that fills the photo', async () => {
    const raster = await cropped(await astronaut(), { left: 180, top: 65, width: 95, height: 110 });
    expect(await detectFaces(networks, photoOf(raster))).toHaveLength(1);
  });

  it('keeps boxes inside the photo', async () => {
    const raster = await cropped(await astronaut(), { left: 190, top: 60, width: 300, height: 300 });
    const [face] = await detectFaces(networks, photoOf(raster));
    const { x, y, width, height } = face!.box;
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
    expect(Math.max(x + width, y + height)).toBeLessThanOrEqual(300);
  });

  it('finds no face where there is none', async () => {
    expect(await detectFaces(networks, photoOf(blank(640, 480)), { all: true })).toEqual([]);
    expect(await detectFaces(networks, photoOf(blank(1, 1)), { all: true })).toEqual([]);
    expect(await detectFaces(networks, photoOf(blank(3000, 2)), { all: true, minFacePx: 1 })).toEqual([]);
  });
});

describe('landmarks', () => {
  it('sit on the eyes, nose and mouth of a portrait', async () => {
    const landmarks = await landmarksOf(await astronaut());
    expect(landmarks.presence).toBeGreaterThan(0.9999);
    // Read off the picture: irises, nose tip, inner lips.
    for (const [i, x, y] of [
      [468, 203.5, 101],
      [473, 246.5, 103.5],
      [4, 223.5, 126.5],
      [13, 223.5, 143.5],
      [14, 223, 150.5],
    ] as const) {
      const [px, py] = point(landmarks, i);
      expect(Math.hypot(px - x, py - y)).toBeLessThan(1.5);
    }
    const { depth } = landmarks;
    expect(depth[4]!).toBeLessThan(depth[33]!);
    expect(depth[33]!).toBeLessThan(depth[132]!);
  });

  it('are those of the original networks', async () => {
    // Recorded once from these networks, which were compared with the TFLite originals (docs/networks.md).
    const file = new URL('golden/astronaut-landmarks.json', import.meta.url);
    const golden = JSON.parse(await readFile(file, 'utf8')) as { pixels: number[]; depth: number[] };
    const { pixels, depth } = await landmarksOf(await astronaut());
    expect(pixels).toHaveLength(478 * 2);
    expect(meanDistance(pixels, golden.pixels)).toBeLessThan(0.1);
    expect(Math.max(...depth.map((z, i) => Math.abs(z - golden.depth[i]!)))).toBeLessThan(0.5);
  });

  it('mirror with the photo', async () => {
    const raster = await astronaut();
    const seen = await landmarksOf(raster);
    const inMirror = await landmarksOf(await mirrored(raster));
    const back = Float32Array.from(seen.pixels, (_, k) => {
      const [x, y] = point(inMirror, MIRROR[k >> 1]!);
      return k % 2 === 0 ? raster.width - x : y;
    });
    // 0.3 pixels of a face of 107.
    expect(meanDistance(seen.pixels, back)).toBeLessThan(0.3);
    expect(yawOf(inMirror)).toBeCloseTo(-yawOf(seen), 0);
  });

  it.each([-80, -60, -40, 40, 60, 80])('turn with the photo: %i degrees', async (degrees) => {
    const raster = await astronaut();
    const upright = await landmarksOf(raster);
    const rotated = await turned(raster, degrees);
    const landmarks = await landmarksOf(rotated);
    const angle = (degrees * Math.PI) / 180;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const expected = upright.pixels.map((_, k) => {
      const [x, y] = point(upright, k >> 1).map((value) => value - raster.width / 2) as [number, number];
      return k % 2 === 0 ? cos * x - sin * y + rotated.width / 2 : sin * x + cos * y + rotated.height / 2;
    });
    expect(meanDistance(landmarks.pixels, expected)).toBeLessThan(1.5);
  });

  it('have the width and turn of a rendered head', async () => {
    const { image } = await sample({ seed: 3, size: 384, yawDegrees: 30 });
    expect(yawOf(await landmarksOf(image))).toBeGreaterThan(20);
  });

  it.each([
    [1, 80],
    [2, -80],
    [4, 90],
  ])('refuse a head in profile: seed %i, %i degrees', async (seed, yawDegrees) => {
    const { image } = await sample({ seed, size: 384, yawDegrees });
    const photo = photoOf(image);
    const [face] = await detectFaces(networks, photo);
    expect(face).toBeDefined();
    await expect(findLandmarks(networks, photo, face!)).rejects.toMatchObject({ code: 'FACE_NOT_VISIBLE' });
  });

  it('refuse a region without a face', async () => {
    const photo = photoOf(await astronaut());
    const region = { x: 400, y: 80, size: 120, angle: 0 };
    await expect(findLandmarks(networks, photo, { region })).rejects.toMatchObject({ code: 'FACE_NOT_VISIBLE' });
  });
});

describe('person mask', () => {
  it('separates a head from its background', async () => {
    const photo = photoOf(await astronaut());
    const [face] = await detectFaces(networks, photo);
    const landmarks = await findLandmarks(networks, photo, face!);
    const { values, size, toPhoto } = await findPersonMask(networks, photo, landmarks);
    expect(values).toHaveLength(size * size);
    const valueAt = (x: number, y: number): number => {
      for (let i = 0; i < values.length; i++) {
        const [px, py] = transform(toPhoto, (i % size) + 0.5, Math.floor(i / size) + 0.5);
        if (Math.abs(px - x) < 0.5 && Math.abs(py - y) < 0.5) return values[i]!;
      }
      return Number.NaN;
    };
    // Nose, forehead, hair; wall left and right of the head.
    for (const [x, y] of [point(landmarks, 4), point(landmarks, 9), [165, 90] as const]) {
      expect(valueAt(x, y)).toBeGreaterThan(0.9);
    }
    expect(valueAt(140, 110)).toBeLessThan(0.1);
    expect(valueAt(305, 110)).toBeLessThan(0.1);
    // The cheek's edge, read off the picture at the height of the mouth: between 180 and 185.
    expect(valueAt(187, 146)).toBeGreaterThan(0.5);
    expect(valueAt(177, 146)).toBeLessThan(0.5);
  });
});

describe('the networks', () => {
  it('give the same bytes in every run and with any number of threads', async () => {
    const raster = await astronaut();
    const results: string[] = [];
    for (const threads of [1, 1, 2, Math.max(2, availableParallelism())]) {
      const own = new (native().Context)({ threads });
      const nets = new FaceNetworks();
      const photo = new Photo(own, raster);
      const [face] = await detectFaces(nets, photo);
      const landmarks = await findLandmarks(nets, photo, face!);
      const mask = await findPersonMask(nets, photo, landmarks);
      const arrays = [landmarks.pixels, landmarks.depth, mask.values];
      results.push(JSON.stringify(face) + arrays.map((array) => Buffer.from(array.buffer).toString('base64')).join());
      photo.dispose();
      nets.dispose();
      own.dispose();
    }
    expect(new Set(results).size).toBe(1);
  });

  it('run side by side', async () => {
    const photo = photoOf(await astronaut());
    const all = await Promise.all(Array.from({ length: 4 }, () => detectFaces(networks, photo)));
    for (const faces of all) expect(faces).toEqual(all[0]);
  });

  it('stop when aborted', async () => {
    const photo = photoOf(await astronaut());
    const reason = new Error('enough');
    await expect(detectFaces(networks, photo, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const detecting = detectFaces(networks, photo, { signal: controller.signal });
    controller.abort(reason);
    await expect(detecting).rejects.toBe(reason);
  });

  it('refuse to run after dispose', async () => {
    const nets = new FaceNetworks();
    const photo = photoOf(await astronaut());
    await detectFaces(nets, photo);
    nets.dispose();
    nets.dispose();
    await expect(detectFaces(nets, photo)).rejects.toMatchObject({ code: 'DISPOSED' });
  });
});

const shared = await sharedPhotos();
describe.skipIf(shared.length === 0)('photos of the shared folder (skipped where it is absent)', () => {
  it.each(shared)('%s: one face that can be followed', async (_name, load) => {
    const photo = photoOf(await load());
    const faces = await detectFaces(networks, photo, { all: true });
    expect(faces).toHaveLength(1);
    const landmarks = await findLandmarks(networks, photo, faces[0]!);
    expect(landmarks.presence).toBeGreaterThan(0.9999);
    // The mesh is inside the box, give or take.
    const { x, y, width, height } = faces[0]!.box;
    for (let i = 0; i < 468; i++) {
      const [px, py] = point(landmarks, i);
      expect(px).toBeGreaterThan(x - 0.15 * width);
      expect(px).toBeLessThan(x + 1.15 * width);
      expect(py).toBeGreaterThan(y - 0.15 * height);
      expect(py).toBeLessThan(y + 1.15 * height);
    }
  });
});

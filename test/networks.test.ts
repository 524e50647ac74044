import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeContext } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';
import { detectFaces } from '../lib/stages/detect.js';
import { findLandmarks } from '../lib/stages/landmarks.js';
import { FaceNetworks } from '../lib/stages/networks.js';
import { Photo } from '../lib/stages/photo.js';
import { astronaut, blank, mirrored, sideBySide } from './photos.js';

let context: NativeContext;
let networks: FaceNetworks;
const photos: Photo[] = [];

beforeAll(() => {
  context = new (native().Context)({ threads: 2 });
  networks = new FaceNetworks({ threads: 2 });
});

afterAll(() => {
  networks.dispose();
  for (const photo of photos) photo.dispose();
  context.dispose();
});

function photoOf(raster: ConstructorParameters<typeof Photo>[1]): Photo {
  const photo = new Photo(context, raster);
  photos.push(photo);
  return photo;
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

  it('finds no face where there is none', async () => {
    expect(await detectFaces(networks, photoOf(blank(640, 480)), { all: true })).toEqual([]);
    expect(await detectFaces(networks, photoOf(blank(1, 1)), { all: true })).toEqual([]);
  });
});

describe('landmarks', () => {
  it('sit on the eyes, nose and mouth of a portrait', async () => {
    const photo = photoOf(await astronaut());
    const [face] = await detectFaces(networks, photo);
    const { pixels, depth, presence } = await findLandmarks(networks, photo, face!);
    expect(presence).toBeGreaterThan(0.99);
    expect(pixels).toHaveLength(956);
    // Read off the picture: irises, nose tip, inner lips.
    for (const [point, x, y] of [
      [468, 203.5, 101],
      [473, 246.5, 103.5],
      [4, 223.5, 126.5],
      [13, 223.5, 143.5],
      [14, 223, 150.5],
    ] as const) {
      expect(Math.hypot(pixels[2 * point]! - x, pixels[2 * point + 1]! - y)).toBeLessThan(1.5);
    }
    // The nose is in front of the eyes, the eyes in front of the jaw below the ears.
    expect(depth[4]!).toBeLessThan(depth[33]!);
    expect(depth[33]!).toBeLessThan(depth[132]!);
  });
});

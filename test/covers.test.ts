import { afterAll, beforeAll, expect, it } from 'vitest';
import { put } from '../bench/robust/things.js';
import type { HrnError } from '../lib/errors.js';
import { create, type Hrn } from '../lib/hrn.js';
import { projectionMatrix } from '../lib/projection-matrix.js';
import type { Raster } from '../lib/result.js';
import { Random } from '../lib/sample/random.js';
import { projectPoints, surfacePoints } from '../lib/stages/surface-points.js';
import { astronaut, cropped } from './photos.js';

const FAST = { detail: 'coarse', textureSize: 256 } as const;
let hrn: Hrn;
let bare: Raster;
let points: Float32Array;

beforeAll(async () => {
  hrn = await create({ device: 'cpu' });
  bare = await cropped(await astronaut(), { left: 40, top: 0, width: 360, height: 360 });
  const { model, mesh, pose, camera, warnings } = await hrn.fit(bare, FAST);
  expect(warnings).toEqual([]);
  const projection = projectionMatrix(pose.rotation, pose.translation, camera.focalLengthPx, camera.principalPointPx);
  points = projectPoints(projection, surfacePoints(model.dense, mesh.positions));
});
afterAll(() => hrn.dispose());

it("hands of the face's own skin over the mouth are told, or the face is refused", async () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const { raster } = put('hand over the mouth', new Random(seed), bare, points);
    const codes = await hrn.fit(raster, FAST).then(
      ({ warnings }) => warnings.map(({ code }) => code as string),
      (error: HrnError) => [error.code],
    );
    expect(codes).toEqual(expect.arrayContaining([expect.stringMatching(/^(COVERED|FACE_NOT_VISIBLE)$/)]));
  }
});

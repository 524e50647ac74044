import { describe, expect, it } from 'vitest';
import { native } from '../lib/native/load.js';
import { render, renderVisibility } from '../lib/render.js';

const context = new (native().Context)({ threads: 2 });
// Looking down -z of the head frame from 100 mm in front of its origin: 1 mm at the origin is 1 px.
const front = {
  pose: { rotation: [1, 0, 0, 0, -1, 0, 0, 0, -1], translation: [0, 0, 100] as [number, number, number] },
  camera: { focalLengthPx: 100, principalPointPx: [20, 15] as [number, number] },
  width: 40,
  height: 30,
};
// A square of 20 x 20 mm, counter-clockwise from the camera; its left half is at the left of the picture.
const square = {
  positions: new Float32Array([-10, -10, 0, 10, -10, 0, 10, 10, 0, -10, 10, 0]),
  indices: new Uint32Array([0, 1, 2, 0, 2, 3]),
  uvs: new Float32Array([0, 1, 1, 1, 1, 0, 0, 0]),
};
const flat = { light: 'none' } as const;
const pixel = (picture: { data: Uint8Array; width: number }, x: number, y: number) => [
  ...picture.data.subarray(4 * (y * picture.width + x), 4 * (y * picture.width + x) + 4),
];

describe('render', () => {
  it('draws what faces the camera where the projection says', async () => {
    const picture = await render(context, square, front, { ...flat, colours: new Float32Array(12).fill(1) });
    for (let y = 0; y < 30; y++) {
      for (let x = 0; x < 40; x++) {
        const inside = x >= 10 && x < 30 && y >= 5 && y < 25;
        expect(pixel(picture, x, y), `${x}, ${y}`).toEqual(inside ? [255, 255, 255, 255] : [0, 0, 0, 0]);
      }
    }
  });

  it('draws the other side only when asked', async () => {
    const back = { ...square, indices: new Uint32Array([0, 2, 1, 0, 3, 2]) };
    const count = async (cullBackFaces: boolean) =>
      (await render(context, back, front, { cullBackFaces })).data.filter((_, i) => i % 4 === 3).filter(Boolean).length;
    expect(await count(true)).toBe(0);
    expect(await count(false)).toBe(400);
  });

  it('gives half-covered pixels half the alpha, and lays the mesh over the background', async () => {
    const shifted = { ...front, camera: { focalLengthPx: 100, principalPointPx: [20.5, 15] as [number, number] } };
    const white = { ...flat, colours: new Float32Array(12).fill(1) };
    expect(pixel(await render(context, square, shifted, white), 10, 15)).toEqual([255, 255, 255, 128]);
    const overBlack = await render(context, square, shifted, { ...white, background: [0, 0, 0, 1] });
    expect(pixel(overBlack, 10, 15)).toEqual([128, 128, 128, 255]);
    const image = { data: new Uint8Array(40 * 30 * 3).fill(100), width: 40, height: 30, channels: 3 as const };
    const overImage = await render(context, square, front, { ...white, background: image, opacity: 0.2 });
    expect(pixel(overImage, 20, 15)).toEqual([131, 131, 131, 255]);
    expect(pixel(overImage, 0, 0)).toEqual([100, 100, 100, 255]);
  });

  it('puts row 0 of a texture at v = 0', async () => {
    // Upper left red, upper right green, lower left blue, lower right white.
    const data = new Uint8Array([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]);
    const picture = await render(context, square, front, {
      ...flat,
      texture: { data, width: 2, height: 2, channels: 3 },
    });
    expect(pixel(picture, 11, 6)).toEqual([255, 0, 0, 255]);
    expect(pixel(picture, 28, 6)).toEqual([0, 255, 0, 255]);
    expect(pixel(picture, 11, 23)).toEqual([0, 0, 255, 255]);
    expect(pixel(picture, 28, 23)).toEqual([255, 255, 255, 255]);
  });

  it('averages a texture that is much finer than the picture', async () => {
    const size = 512;
    const data = Uint8Array.from({ length: 3 * size * size }, (_, i) => {
      const texel = Math.floor(i / 3);
      return ((texel % size) + Math.floor(texel / size)) % 2 === 0 ? 255 : 0;
    });
    const texture = { data, width: size, height: size, channels: 3 as const };
    const picture = await render(context, square, front, { ...flat, texture });
    for (let x = 10; x < 30; x++) expect(Math.abs(pixel(picture, x, 15)[0]! - 128)).toBeLessThanOrEqual(1);
  });

  it('lights with harmonics in the view frame', async () => {
    const light = new Float32Array(27);
    light[0] = 0.5; // red: constant
    light[9 + 2] = 0.4; // green: towards the camera
    light[18 + 1] = 0.4; // blue: from above, which a surface facing the camera does not see
    const picture = await render(context, square, front, { light, colours: new Float32Array(12).fill(1) });
    expect(pixel(picture, 20, 15)).toEqual([
      Math.round(255 * 0.5 * 0.886227),
      Math.round(255 * 0.4 * 1.023327),
      0,
      255,
    ]);
  });

  it('reports depth, triangles and barycentrics of pixel centres', async () => {
    const tilted = { ...square, positions: new Float32Array([-10, -10, 10, 10, -10, -10, 10, 10, -10, -10, 10, 10]) };
    const seen = await renderVisibility(context, tilted, front);
    expect(seen.triangleId[0]).toBe(-1);
    expect(seen.depth[0]).toBe(Infinity);
    const i = 15 * 40 + 20;
    // The plane z = -x at the ray (0.5, 0.5, 100): x = 0.005 (100 + x) in the camera frame.
    expect(seen.depth[i]).toBeCloseTo(100 + 0.5 / 0.995, 3);
    const [b0, b1] = seen.barycentrics.subarray(2 * i);
    const corners = tilted.indices.subarray(3 * seen.triangleId[i]!, 3 * seen.triangleId[i]! + 3);
    const x = [b0!, b1!, 1 - b0! - b1!].reduce((sum, b, k) => sum + b * tilted.positions[3 * corners[k]!]!, 0);
    expect(x).toBeCloseTo(0.5 / 0.995, 3);
  });

  it('is the same for any number of threads, also over several bands', async () => {
    const view = {
      ...front,
      camera: { focalLengthPx: 1800, principalPointPx: [500, 400] as [number, number] },
      width: 1000,
      height: 800,
      supersampling: 3,
    };
    const pictures = await Promise.all(
      [1, 2, 3].map((threads) => render(new (native().Context)({ threads }), square, view, {})),
    );
    for (const picture of pictures) expect(Buffer.compare(picture.data, pictures[0]!.data)).toBe(0);
    expect(pixel(pictures[0]!, 500, 400)[3]).toBe(255);
  });

  it('draws nothing for vertices that are not finite or behind the camera', async () => {
    const positions = new Float32Array([Number.NaN, 0, 0, 10, -10, 0, 10, 10, 200, -10, 10, 0]);
    const picture = await render(context, { ...square, positions }, front);
    expect(picture.data.every((value) => value === 0)).toBe(true);
  });

  it('refuses what does not fit together', async () => {
    const refused = { code: 'INVALID_ARGUMENT' };
    await expect(render(context, { ...square, indices: new Uint32Array([0, 1, 4]) }, front)).rejects.toMatchObject(
      refused,
    );
    await expect(render(context, { ...square, indices: new Uint32Array(4) }, front)).rejects.toMatchObject(refused);
    await expect(render(context, square, { ...front, width: 0 })).rejects.toMatchObject(refused);
    await expect(render(context, square, { ...front, width: 5000, supersampling: 4 })).rejects.toMatchObject(refused);
    await expect(render(context, square, front, { colours: new Float32Array(3) })).rejects.toMatchObject(refused);
    const texture = { data: new Uint8Array(5), width: 2, height: 2, channels: 3 as const };
    await expect(render(context, square, front, { texture })).rejects.toMatchObject(refused);
    const { uvs, ...bare } = square;
    const four = { data: new Uint8Array(12), width: 2, height: 2, channels: 3 as const };
    await expect(render(context, bare, front, { texture: four })).rejects.toMatchObject(refused);
    expect(uvs).toHaveLength(8);
  });

  it('stops when aborted', async () => {
    const controller = new AbortController();
    const view = { ...front, width: 4000, height: 4000 };
    const picture = render(context, square, view, {}, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(picture).rejects.toThrow('enough');
  });
});

import { describe, expect, it } from 'vitest';
import { randomCamera, toCameraFrame } from '../../lib/sample/camera.js';
import { irradiance, randomLighting } from '../../lib/sample/lighting.js';
import { type PortraitScene, renderPortrait } from '../../lib/sample/portrait-renderer.js';
import { Random } from '../../lib/sample/random.js';

/** A square facing the camera, from (left, top) to (right, bottom) in pixels, at depth z. */
function square(left: number, top: number, right: number, bottom: number, z: number, focal: number): number[] {
  const corner = (x: number, y: number): number[] => [((x - 8) * z) / focal, ((y - 8) * z) / focal, z];
  return [...corner(left, top), ...corner(left, bottom), ...corner(right, bottom), ...corner(right, top)];
}

function scene(positions: number[], shade: PortraitScene['shade']): PortraitScene {
  const triangles: number[] = [];
  for (let v = 0; v < positions.length / 3; v += 4) triangles.push(v, v + 1, v + 2, v, v + 2, v + 3);
  return {
    width: 16,
    height: 16,
    cameraPositions: Float64Array.from(positions),
    triangles: Uint32Array.from(triangles),
    focalLengthPx: 20,
    principalPointPx: [8, 8],
    shade,
    backdrop: (_x, _y, rgb) => void rgb.fill(0),
  };
}

describe('renderPortrait', () => {
  it('puts pixel centres at +0.5: a square of whole pixels has hard edges', async () => {
    const pixels = await renderPortrait(scene(square(3, 5, 7, 12, 100, 20), (_t, _a, _b, _c, rgb) => void rgb.fill(1)));
    for (let y = 0; y < 16; y++) {
      for (let x = 0; x < 16; x++) {
        expect(pixels[3 * (16 * y + x)], `pixel ${x}, ${y}`).toBe(x >= 3 && x < 7 && y >= 5 && y < 12 ? 255 : 0);
      }
    }
  });

  it('averages over a pixel that an edge cuts', async () => {
    const pixels = await renderPortrait(
      scene(square(3.5, 5, 7, 12, 100, 20), (_t, _a, _b, _c, rgb) => void rgb.fill(1)),
    );
    const cut = pixels[3 * (16 * 8 + 3)]!;
    expect(cut).toBeGreaterThan(255 * 0.3);
    expect(cut).toBeLessThan(255 * 0.7);
  });

  it('draws the nearer surface, and nothing that is turned away', async () => {
    const near = square(2, 2, 14, 14, 50, 20);
    const far = square(2, 2, 14, 14, 80, 20);
    const pixels = await renderPortrait(
      scene([...far, ...near], (t, _a, _b, _c, rgb) => void rgb.fill(t < 2 ? 0.2 : 0.8)),
    );
    expect(pixels[3 * (16 * 8 + 8)]).toBe(204);
    const turned = scene(near, (_t, _a, _b, _c, rgb) => void rgb.fill(1));
    turned.triangles = turned.triangles.toReversed();
    expect(Math.max(...(await renderPortrait(turned)))).toBe(0);
  });

  it('interpolates with perspective', async () => {
    // A floor that runs away from the camera: depth at a pixel is known from its row.
    const z0 = 40;
    const z1 = 160;
    const y = 30;
    const positions = [-200, y, z1, -200, y, z0, 200, y, z0, 200, y, z1];
    const seen: number[] = [];
    await renderPortrait(
      scene(positions, (t, a, b, c, rgb) => {
        const corners = t === 0 ? [z1, z0, z0] : [z1, z0, z1];
        const z = a * corners[0]! + b * corners[1]! + c * corners[2]!;
        seen.push(z);
        rgb.fill(1);
      }),
    );
    // Rows 12.. have v - 8 = 20 * 30 / z, at the first of three sample rows of each pixel.
    const expected = (20 * y) / (12 + 1 / 6 - 8);
    expect(seen.some((z) => Math.abs(z - expected) < 1e-3)).toBe(true);
  });
});

describe('irradiance', () => {
  it('matches the basis of the documented convention', () => {
    const gamma = new Float32Array(27);
    const n = [0.48, -0.6, 0.64] as const;
    const expected = [0.886227, 1.023327 * 0.6, 1.023327 * 0.64, -1.023327 * 0.48, 0.858086 * 0.48 * -0.6];
    for (const [k, value] of expected.entries()) {
      gamma.fill(0);
      gamma[9 + k] = 1;
      expect(irradiance(gamma, 9, ...n)).toBeCloseTo(value, 6);
      expect(irradiance(gamma, 0, ...n)).toBe(0);
    }
  });

  it('exposes for the face', () => {
    for (let seed = 0; seed < 50; seed++) {
      for (const reflectance of [0.25, 0.5, 0.9]) {
        const gamma = randomLighting(new Random(seed), reflectance);
        const brightness = reflectance * irradiance(gamma, 9, 0, 0, 1);
        expect(brightness).toBeGreaterThan(0.2);
        expect(brightness).toBeLessThan(1);
      }
    }
  });
});

describe('randomCamera', () => {
  it('has a projection that agrees with rotation, translation and focal length', () => {
    const camera = randomCamera(new Random(5), 1024, 20, [0, -30, 60]);
    const point = Float32Array.from([12, -40, 70]);
    const [x, y, z] = toCameraFrame(camera, point) as unknown as [number, number, number];
    const p = camera.projection;
    const row = (o: number): number => p[o]! * 12 - p[o + 1]! * 40 + p[o + 2]! * 70 + p[o + 3]!;
    expect(row(0) / row(8)).toBeCloseTo((camera.focalLengthPx * x) / z + 512, 3);
    expect(row(4) / row(8)).toBeCloseTo((camera.focalLengthPx * y) / z + 512, 3);
    expect(z).toBeGreaterThan(0);
  });

  it('turns the face to the right of the picture for positive yaw', () => {
    const camera = randomCamera(new Random(5), 1024, 30, [0, 0, 0]);
    const nose = toCameraFrame(camera, Float32Array.from([0, 0, 100]));
    const back = toCameraFrame(camera, Float32Array.from([0, 0, 0]));
    expect(nose[0]!).toBeGreaterThan(back[0]!);
    expect(nose[2]!).toBeLessThan(back[2]!);
  });
});

describe('Random', () => {
  it('gives one sequence per seed, on every machine', () => {
    const random = new Random(1);
    expect(Array.from({ length: 4 }, () => Math.floor(random.uniform() * 2 ** 32))).toMatchInlineSnapshot(`
      [
        393288148,
        2174103013,
        3814759091,
        2092745082,
      ]
    `);
    expect(new Random(1).uniform()).not.toBe(new Random(2).uniform());
  });

  it('is even and normal', () => {
    const random = new Random(42);
    const n = 20000;
    let sum = 0;
    let square = 0;
    let low = 0;
    for (let i = 0; i < n; i++) {
      const x = random.normal();
      sum += x;
      square += x * x;
      if (random.uniform() < 0.25) low++;
    }
    expect(sum / n).toBeCloseTo(0, 1);
    expect(square / n).toBeCloseTo(0.973, 1);
    expect(low / n).toBeCloseTo(0.25, 1);
  });
});

import { describe, expect, it } from 'vitest';
import { alignPoints, applySimilarity, invertSimilarity, type Similarity } from '../../bench/accuracy/align.js';
import { type FaceTruth, faceError, quantile } from '../../bench/accuracy/metrics.js';
import { type Surface, sampleSurface, scannedVertices, trianglesOf } from '../../bench/accuracy/surface.js';
import { ClosestPointIndex } from '../../lib/importers/closest-point.js';
import { Random } from '../../lib/sample/random.js';

/** A face-like sheet: an oval dome with a nose and some waves, x to the left, y up, z out. Units mm. */
function sheet(nose: number, depth = 60): Surface {
  const columns = 61;
  const rows = 81;
  const positions = new Float32Array(3 * columns * rows);
  const triangles: number[] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const x = -75 + (150 * j) / (columns - 1);
      const y = 90 - (180 * i) / (rows - 1);
      const bulge = depth * Math.sqrt(Math.max(0.05, 1 - (x / 90) ** 2 - (y / 120) ** 2));
      const tip = nose * Math.exp(-((x / 10) ** 2) - ((y + 5) / 14) ** 2);
      const waves = 2 * Math.sin(x / 11 + y / 23) + 2 * Math.cos(y / 13);
      positions.set([x, y, bulge + tip + waves], 3 * (i * columns + j));
      if (i + 1 < rows && j + 1 < columns) {
        const a = i * columns + j;
        triangles.push(a, a + columns, a + 1, a + 1, a + columns, a + columns + 1);
      }
    }
  }
  return { positions, triangles: Uint32Array.from(triangles) };
}

/** 68 points on the sheet; the eye and mouth corners and the nose tip where a face has them. */
function landmarksOf(surface: Surface): Float64Array {
  const places: [number, number][] = Array.from({ length: 68 }, (_, i) => [
    50 * Math.cos(i * 2.4) * Math.sqrt(i / 68),
    60 * Math.sin(i * 2.4) * Math.sqrt(i / 68),
  ]);
  const corners: [number, number, number][] = [
    [30, 0, -5],
    [36, -45, 35],
    [39, -17, 35],
    [42, 17, 35],
    [45, 45, 35],
    [48, -25, -40],
    [54, 25, -40],
  ];
  for (const [l, x, y] of corners) places[l] = [x, y];
  const out = new Float64Array(3 * 68);
  for (const [l, [x, y]] of places.entries()) {
    let best = 0;
    let nearest = Number.POSITIVE_INFINITY;
    for (let v = 0; v < surface.positions.length; v += 3) {
      const d = (surface.positions[v]! - x) ** 2 + (surface.positions[v + 1]! - y) ** 2;
      if (d < nearest) {
        nearest = d;
        best = v;
      }
    }
    out.set(surface.positions.subarray(best, best + 3), 3 * l);
  }
  return out;
}

function truthOf(surface: Surface): FaceTruth {
  const inner = trianglesOf(
    surface.triangles,
    (v) => Math.hypot(surface.positions[3 * v]! / 60, surface.positions[3 * v + 1]! / 75) < 1,
  );
  return { samples: sampleSurface(surface, inner, 3000), landmarks: landmarksOf(surface), skin: surface };
}

const planted: Similarity = {
  scale: 1.07,
  rotation: rotationAbout([0.3, -0.8, 0.5], 0.7),
  translation: [12, -30, 400],
};

function rotationAbout(axis: number[], angle: number): number[] {
  const length = Math.hypot(...axis);
  const [x, y, z] = axis.map((a) => a / length) as [number, number, number];
  const c = Math.cos(angle);
  const s = Math.sin(angle);
  const d = 1 - c;
  return [
    c + x * x * d,
    x * y * d - z * s,
    x * z * d + y * s,
    y * x * d + z * s,
    c + y * y * d,
    y * z * d - x * s,
    z * x * d - y * s,
    z * y * d + x * s,
    c + z * z * d,
  ];
}

describe('alignPoints', () => {
  it('recovers a planted similarity, and undoes it', () => {
    const from = landmarksOf(sheet(20));
    const to = applySimilarity(planted, from);
    const found = alignPoints(from, to, true);
    expect(found.scale).toBeCloseTo(planted.scale, 10);
    for (let k = 0; k < 9; k++) expect(found.rotation[k]).toBeCloseTo(planted.rotation[k]!, 10);
    const back = applySimilarity(invertSimilarity(found), to);
    for (let i = 0; i < from.length; i++) expect(back[i]).toBeCloseTo(from[i]!, 8);
  });

  it('keeps the scale at one when asked to', () => {
    const from = landmarksOf(sheet(20));
    expect(alignPoints(from, applySimilarity(planted, from), false).scale).toBe(1);
  });
});

describe('ClosestPointIndex', () => {
  it('agrees with a search over all triangles', () => {
    const surface = sheet(18);
    const index = new ClosestPointIndex(surface.positions, surface.triangles);
    const random = new Random(3);
    for (let i = 0; i < 20; i++) {
      const p = [random.uniform(-120, 120), random.uniform(-120, 120), random.uniform(-50, 150)] as const;
      const hit = {
        ...index.query(...p),
        point: [...index.query(...p).point],
        weights: [...index.query(...p).weights],
      };
      let brute = Number.POSITIVE_INFINITY;
      for (let t = 0; t < surface.triangles.length; t += 3) {
        const single = new ClosestPointIndex(surface.positions, surface.triangles.subarray(t, t + 3));
        brute = Math.min(brute, single.query(...p).distance);
      }
      expect(hit.distance).toBeCloseTo(brute, 9);
      expect(Math.hypot(...hit.point.map((x, k) => x - p[k]!))).toBeCloseTo(hit.distance, 9);
      for (const w of hit.weights) expect(w).toBeGreaterThanOrEqual(-1e-12);
    }
  });

  it('finds the same with the hierarchy of a surface that is much like it', () => {
    const [surface, other] = [sheet(18), sheet(30, 45)];
    const index = new ClosestPointIndex(surface.positions, surface.triangles);
    const like = new ClosestPointIndex(
      surface.positions,
      surface.triangles,
      new ClosestPointIndex(other.positions, other.triangles),
    );
    const random = new Random(5);
    for (let i = 0; i < 200; i++) {
      const p = [random.uniform(-120, 120), random.uniform(-120, 120), random.uniform(-50, 150)] as const;
      expect(like.query(...p).distance).toBe(index.query(...p).distance);
    }
  });

  it('meets face, edge and corner of one triangle', () => {
    const index = new ClosestPointIndex(Float32Array.from([0, 0, 0, 4, 0, 0, 0, 4, 0]), Uint32Array.from([0, 1, 2]));
    expect(index.query(1, 1, 5).distance).toBeCloseTo(5, 12);
    expect(index.query(2, -3, 0).distance).toBeCloseTo(3, 12);
    expect(index.query(4, 4, 0).distance).toBeCloseTo(Math.hypot(2, 2), 12);
    expect(index.query(-3, -4, 0).distance).toBeCloseTo(5, 12);
  });
});

describe('sampleSurface', () => {
  it('spreads points by area and repeats itself', () => {
    // Two triangles, one three times as large as the other.
    const surface: Surface = {
      positions: Float32Array.from([0, 0, 0, 2, 0, 0, 0, 1, 0, 10, 0, 0, 16, 0, 0, 10, 1, 0]),
      triangles: Uint32Array.from([0, 1, 2, 3, 4, 5]),
    };
    const { positions, normals } = sampleSurface(surface, surface.triangles, 4000);
    let small = 0;
    for (let i = 0; i < positions.length; i += 3) if (positions[i]! < 5) small++;
    expect(small / 4000).toBeCloseTo(0.25, 2);
    expect(normals[2]).toBeCloseTo(1, 12);
    expect(sampleSurface(surface, surface.triangles, 4000).positions).toEqual(positions);
  });
});

describe('scannedVertices', () => {
  it('leaves out what lies behind the surface', () => {
    const front = sheet(20);
    const hidden = Float32Array.from([-5, 0, 0, 5, 0, 0, 0, 8, 0]);
    const n = front.positions.length / 3;
    const surface: Surface = {
      positions: Float32Array.from([...front.positions, ...hidden]),
      triangles: Uint32Array.from([...front.triangles, n, n + 1, n + 2]),
    };
    const seen = scannedVertices(surface);
    expect([...seen.subarray(n)]).toEqual([0, 0, 0]);
    expect(seen.subarray(0, n).reduce((a, b) => a + b, 0)).toBeGreaterThan(0.9 * n);
  });
});

describe('faceError', () => {
  const surface = sheet(20);
  const truth = truthOf(surface);

  it('is zero for the same face, moved and scaled', () => {
    const moved = { positions: applySimilarity(planted, surface.positions), triangles: surface.triangles };
    const error = faceError(truth, { skin: moved, landmarks: applySimilarity(planted, truth.landmarks) }, true);
    expect(error.meanMm).toBeLessThan(1e-3);
    expect(error.p90Mm).toBeLessThan(1e-3);
    expect(error.normalDegrees).toBeLessThan(0.1);
    expect(Math.abs(error.noseDepthMm)).toBeLessThan(0.01);
    expect(error.alignment.scale).toBeCloseTo(1 / planted.scale, 4);
  });

  it('counts a wrong size only without scale', () => {
    const larger = { scale: 1.1, rotation: [1, 0, 0, 0, 1, 0, 0, 0, 1], translation: [0, 0, 0] } as Similarity;
    const skin = { positions: applySimilarity(larger, surface.positions), triangles: surface.triangles };
    const landmarks = applySimilarity(larger, truth.landmarks);
    expect(faceError(truth, { skin, landmarks }, true).meanMm).toBeLessThan(1e-3);
    expect(faceError(truth, { skin, landmarks }, false).meanMm).toBeGreaterThan(0.3);
  });

  it('finds a known bump', () => {
    // 1 % of the samples sit under a bump: median unmoved, its distances as planted.
    const bumped = Float32Array.from(surface.positions);
    for (let v = 0; v < bumped.length; v += 3) {
      const d = Math.hypot(bumped[v]! - 30, bumped[v + 1]! + 10);
      if (d < 8) bumped[v + 2]! += 6;
    }
    const skin = { positions: bumped, triangles: surface.triangles };
    const error = faceError(truth, { skin, landmarks: truth.landmarks }, false);
    expect(error.medianMm).toBeLessThan(0.1);
    expect(Math.max(...error.distancesMm)).toBeGreaterThan(2.5);
    expect(error.normalDegrees).toBeGreaterThan(0.3);
  });

  it('measures the nose with its sign, where mean distance hardly notices', () => {
    const short = sheet(16);
    const error = faceError(truth, { skin: short, landmarks: landmarksOf(short) }, true);
    expect(error.noseDepthMm).toBeCloseTo(-4, 0);
    expect(error.meanMm).toBeLessThan(0.4);
    const long = sheet(24);
    expect(faceError(truth, { skin: long, landmarks: landmarksOf(long) }, true).noseDepthMm).toBeCloseTo(4, 0);
  });

  it('gives the same bits twice', () => {
    const short = sheet(16);
    const estimate = { skin: short, landmarks: landmarksOf(short) };
    expect(faceError(truth, estimate, true)).toEqual(faceError(truth, estimate, true));
  });
});

describe('quantile', () => {
  it('interpolates', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([7], 0.9)).toBe(7);
  });
});

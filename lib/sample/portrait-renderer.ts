/**
 * A small software renderer for synthetic portraits: depth buffer, perspective-correct attributes, supersampled edges.
 *
 * It shares no code with the renderer inside the fit on purpose: portraits with known truth test the fit's conventions
 * (pixel centres, projection, orientation of normals) only if they are drawn by somebody else.
 */

/** Fills `rgb` (sRGB-encoded 0..1) for a point of a triangle. The weights belong to the triangle's three corners. */
export type Shader = (triangle: number, w0: number, w1: number, w2: number, rgb: Float64Array) => void;

/** Fills `rgb` (sRGB-encoded 0..1) where nothing is in front; (x, y) in pixels, pixel centres at +0.5. */
export type Backdrop = (x: number, y: number, rgb: Float64Array) => void;

export interface PortraitScene {
  width: number;
  height: number;
  /** Camera frame (x right, y down, z away from the camera), `[vertices][3]`, mm. */
  cameraPositions: Float64Array;
  /** `[triangles][3]`, counter-clockwise seen from outside; triangles turned away are not drawn. */
  triangles: Uint32Array;
  focalLengthPx: number;
  principalPointPx: readonly [number, number];
  shade: Shader;
  backdrop: Backdrop;
}

/** Samples per pixel and axis. */
const SUPERSAMPLING = 3;
const BAND_ROWS = 32;
const NEAR_MM = 10;

/**
 * Draws the scene into 8-bit RGB, rows from the top. The picture is made in bands of rows with a turn of the event loop
 * between them.
 */
export async function renderPortrait(scene: PortraitScene): Promise<Uint8Array> {
  const { width, height, triangles } = scene;
  const projected = project(scene);
  const bands = binTriangles(projected, triangles, Math.ceil(height / BAND_ROWS));
  const pixels = new Uint8Array(3 * width * height);
  const samples = width * SUPERSAMPLING * BAND_ROWS * SUPERSAMPLING;
  const band: Band = {
    depth: new Float64Array(samples),
    triangle: new Int32Array(samples),
    weights: new Float32Array(2 * samples),
    firstRow: 0,
    columns: width * SUPERSAMPLING,
    rows: BAND_ROWS * SUPERSAMPLING,
  };
  for (let b = 0; b < bands.length; b++) {
    band.firstRow = b * BAND_ROWS * SUPERSAMPLING;
    band.depth.fill(0);
    band.triangle.fill(-1);
    for (const t of bands[b]!) drawTriangle(projected, triangles, t, band);
    const lastRow = Math.min(height, (b + 1) * BAND_ROWS);
    for (let y = b * BAND_ROWS; y < lastRow; y++) resolveRow(scene, band, y, pixels);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return pixels;
}

interface Band {
  /** 1 / z, so that 0 is infinitely far and the value is linear over the screen. */
  depth: Float64Array;
  triangle: Int32Array;
  /** Perspective-correct weights of the second and third corner. */
  weights: Float32Array;
  /** In samples. */
  firstRow: number;
  columns: number;
  rows: number;
}

/** `[vertices][3]`: x and y in samples, 1 / z; z of 0 marks a vertex too close to the camera. */
function project({ cameraPositions: p, focalLengthPx: f, principalPointPx: [cx, cy] }: PortraitScene): Float64Array {
  const out = new Float64Array(p.length);
  for (let i = 0; i < p.length; i += 3) {
    const z = p[i + 2]!;
    if (z < NEAR_MM) continue;
    out[i] = ((f * p[i]!) / z + cx) * SUPERSAMPLING;
    out[i + 1] = ((f * p[i + 1]!) / z + cy) * SUPERSAMPLING;
    out[i + 2] = 1 / z;
  }
  return out;
}

function binTriangles(projected: Float64Array, triangles: Uint32Array, count: number): number[][] {
  const bands: number[][] = Array.from({ length: count }, () => []);
  const rowsPerBand = BAND_ROWS * SUPERSAMPLING;
  for (let t = 0; t < triangles.length / 3; t++) {
    let low = Infinity;
    let high = -Infinity;
    let visible = true;
    for (let corner = 0; corner < 3; corner++) {
      const v = 3 * triangles[3 * t + corner]!;
      if (projected[v + 2] === 0) visible = false;
      low = Math.min(low, projected[v + 1]!);
      high = Math.max(high, projected[v + 1]!);
    }
    if (!visible) continue;
    const first = Math.max(0, Math.floor(low / rowsPerBand));
    const last = Math.min(count - 1, Math.floor(high / rowsPerBand));
    for (let b = first; b <= last; b++) bands[b]!.push(t);
  }
  return bands;
}

function drawTriangle(p: Float64Array, triangles: Uint32Array, t: number, band: Band): void {
  const a = 3 * triangles[3 * t]!;
  const b = 3 * triangles[3 * t + 1]!;
  const c = 3 * triangles[3 * t + 2]!;
  const ax = p[a]!;
  const ay = p[a + 1]! - band.firstRow;
  const bx = p[b]! - ax;
  const by = p[b + 1]! - p[a + 1]!;
  const cx = p[c]! - ax;
  const cy = p[c + 1]! - p[a + 1]!;
  // y points down, so a triangle that faces the camera turns clockwise here.
  const area = bx * cy - by * cx;
  if (!(area < 0)) return;
  const x0 = Math.max(0, Math.ceil(ax + Math.min(0, bx, cx) - 0.5));
  const x1 = Math.min(band.columns - 1, Math.floor(ax + Math.max(0, bx, cx) - 0.5));
  const y0 = Math.max(0, Math.ceil(ay + Math.min(0, by, cy) - 0.5));
  const y1 = Math.min(band.rows - 1, Math.floor(ay + Math.max(0, by, cy) - 0.5));
  const za = p[a + 2]!;
  const zb = p[b + 2]!;
  const zc = p[c + 2]!;
  for (let y = y0; y <= y1; y++) {
    const dy = y + 0.5 - ay;
    for (let x = x0; x <= x1; x++) {
      const dx = x + 0.5 - ax;
      const s = (dx * cy - dy * cx) / area;
      const r = (dy * bx - dx * by) / area;
      if (s < 0 || r < 0 || s + r > 1) continue;
      const inverseZ = (1 - s - r) * za + s * zb + r * zc;
      const i = y * band.columns + x;
      if (inverseZ <= band.depth[i]!) continue;
      band.depth[i] = inverseZ;
      band.triangle[i] = t;
      band.weights[2 * i] = (s * zb) / inverseZ;
      band.weights[2 * i + 1] = (r * zc) / inverseZ;
    }
  }
}

/** Shades the samples of one pixel row and averages them. */
function resolveRow(scene: PortraitScene, band: Band, y: number, pixels: Uint8Array): void {
  const { width, shade, backdrop } = scene;
  const n = SUPERSAMPLING;
  const rgb = new Float64Array(3);
  for (let x = 0; x < width; x++) {
    let [red, green, blue] = [0, 0, 0];
    let behind = 0;
    let shaded = -1;
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < n; k++) {
        const i = (y * n - band.firstRow + j) * band.columns + x * n + k;
        const t = band.triangle[i]!;
        if (t < 0) {
          behind++;
          continue;
        }
        // Edges are what needs many samples: inside a triangle one shading a pixel is enough.
        if (t !== shaded) {
          const w1 = band.weights[2 * i]!;
          const w2 = band.weights[2 * i + 1]!;
          shade(t, 1 - w1 - w2, w1, w2, rgb);
          shaded = t;
        }
        red += clamp01(rgb[0]!);
        green += clamp01(rgb[1]!);
        blue += clamp01(rgb[2]!);
      }
    }
    if (behind > 0) {
      // The backdrop is smooth: one value a pixel.
      backdrop(x + 0.5, y + 0.5, rgb);
      red += behind * clamp01(rgb[0]!);
      green += behind * clamp01(rgb[1]!);
      blue += behind * clamp01(rgb[2]!);
    }
    const o = 3 * (y * width + x);
    const scale = 255 / (n * n);
    pixels[o] = Math.round(red * scale);
    pixels[o + 1] = Math.round(green * scale);
    pixels[o + 2] = Math.round(blue * scale);
  }
}

function clamp01(x: number): number {
  return x < 0 ? 0 : x > 1 ? 1 : x;
}

/** Paints how far a fitted head lies from the true one, in heat colours on the true head, beside the portrait. */
import sharp from 'sharp';
import { ClosestPointIndex } from '../../lib/importers/closest-point.js';
import { toCameraFrame } from '../../lib/sample/camera.js';
import { type PortraitScene, renderPortrait } from '../../lib/sample/portrait-renderer.js';
import { applySimilarity, invertSimilarity } from './align.js';
import type { PortraitCase } from './cases.js';
import type { FaceError, FaceEstimate } from './metrics.js';
import { vertexNormals } from './surface.js';

const CELL_PX = 200;
/** Sides of the face's box that a cell shows. */
const AROUND_FACE = 1.25;
/** Where the scale ends: blue 0, green a third, yellow two thirds, red this and more. */
export const HOT_MM = 4;

/** One head of the picture: cells from left to right. */
export type PictureRow = Buffer[];

interface Square {
  left: number;
  top: number;
  size: number;
}

/** The square of the portrait around the face. */
function faceSquare({ truth, faceRegion, camera, image }: PortraitCase): Square {
  const p = camera.projection;
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  for (const v of faceRegion) {
    const point = [...truth.skin.positions.subarray(3 * v, 3 * v + 3), 1];
    const row = (o: number): number => point.reduce((sum, x, k) => sum + x * p[o + k]!, 0);
    for (const [axis, value] of [row(0) / row(8), row(4) / row(8)].entries()) {
      low[axis] = Math.min(low[axis]!, value);
      high[axis] = Math.max(high[axis]!, value);
    }
  }
  const wanted = Math.round(AROUND_FACE * Math.max(high[0]! - low[0]!, high[1]! - low[1]!));
  const size = Math.min(wanted, image.width, image.height);
  const place = (axis: 0 | 1, limit: number): number =>
    Math.round(Math.min(limit - size, Math.max(0, (low[axis]! + high[axis]! - size) / 2)));
  return { left: place(0, image.width), top: place(1, image.height), size };
}

/** The portrait's face as one cell. */
export async function portraitCell(portrait: PortraitCase): Promise<Buffer> {
  const { image } = portrait;
  const { left, top, size } = faceSquare(portrait);
  return await sharp(image.data, { raw: { width: image.width, height: image.height, channels: image.channels } })
    .extract({ left, top, width: size, height: size })
    .resize(CELL_PX)
    .removeAlpha()
    .raw()
    .toBuffer();
}

/** The true head seen by the portrait's camera, its face coloured by the distance to the fitted one. */
export async function errorCell(truthCase: PortraitCase, estimate: FaceEstimate, error: FaceError): Promise<Buffer> {
  const { truth, camera, faceRegion } = truthCase;
  const { left, top, size } = faceSquare(truthCase);
  const zoom = CELL_PX / size;
  const index = new ClosestPointIndex(estimate.skin.positions, estimate.skin.triangles);
  const vertexCount = truth.skin.positions.length / 3;
  const inFace = new Uint8Array(vertexCount);
  for (const v of faceRegion) inFace[v] = 1;
  const local = applySimilarity(invertSimilarity(error.alignment), truth.skin.positions);
  const colours = new Float64Array(3 * vertexCount).fill(0.45);
  for (let v = 0; v < vertexCount; v++) {
    if (!inFace[v]) continue;
    const hit = index.query(local[3 * v]!, local[3 * v + 1]!, local[3 * v + 2]!);
    colours.set(heat((hit.distance * error.alignment.scale) / HOT_MM), 3 * v);
  }
  const cameraPositions = toCameraFrame(camera, Float32Array.from(truth.skin.positions));
  const normals = vertexNormals({ positions: cameraPositions, triangles: truth.skin.triangles });
  const { triangles } = truth.skin;
  const scene: PortraitScene = {
    width: CELL_PX,
    height: CELL_PX,
    cameraPositions,
    triangles,
    focalLengthPx: camera.focalLengthPx * zoom,
    principalPointPx: [(camera.principalPointPx[0] - left) * zoom, (camera.principalPointPx[1] - top) * zoom],
    backdrop: (_x, _y, rgb) => void rgb.fill(0.12),
    shade: (t, w0, w1, w2, rgb) => {
      const corners = [3 * triangles[3 * t]!, 3 * triangles[3 * t + 1]!, 3 * triangles[3 * t + 2]!] as const;
      const at = (values: Float64Array, k: number): number =>
        w0 * values[corners[0] + k]! + w1 * values[corners[1] + k]! + w2 * values[corners[2] + k]!;
      const light = 0.45 + 0.55 * Math.max(0, -at(normals, 2));
      for (let k = 0; k < 3; k++) rgb[k] = at(colours, k) * light;
    },
  };
  return Buffer.from(await renderPortrait(scene));
}

/** Blue, cyan, green, yellow, red over 0..1. */
function heat(x: number): [number, number, number] {
  const t = 4 * Math.min(1, Math.max(0, x));
  const ramp = (centre: number): number => Math.min(1, Math.max(0, 2 - Math.abs(t - centre)));
  return [ramp(4), ramp(2), ramp(0)];
}

/** Rows side by side, `perLine` heads a line, as a JPEG. */
export async function composePicture(rows: readonly PictureRow[], perLine: number): Promise<Buffer> {
  const cells = rows[0]?.length ?? 0;
  const gap = 12;
  const headWidth = cells * CELL_PX + gap;
  const lines = Math.ceil(rows.length / perLine);
  const composites = rows.flatMap((row, i) =>
    row.map((cell, k) => ({
      input: cell,
      raw: { width: CELL_PX, height: CELL_PX, channels: 3 as const },
      left: (i % perLine) * headWidth + k * CELL_PX,
      top: Math.floor(i / perLine) * CELL_PX,
    })),
  );
  const canvas = {
    width: perLine * headWidth - gap,
    height: lines * CELL_PX,
    channels: 3 as const,
    background: '#000',
  };
  return await sharp({ create: canvas }).composite(composites).jpeg({ quality: 82 }).toBuffer();
}

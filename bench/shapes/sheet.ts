/** A picture of all shapes of one head. */
import sharp, { type OverlayOptions } from 'sharp';
import type { MorphableModel } from '../../lib/morphable-model.js';
import type { NativeContext } from '../../lib/native/binding.js';
import { render } from '../../lib/render.js';
import type { Raster } from '../../lib/result-data.js';
import { type NeutralHead, posed, type Weights } from './heads.js';

const CELL = 150;
const COLUMNS = 12;
const DISTANCE_MM = 900;
/** The face: middle, and what a cell shows of it, mm. */
const CENTRE = [0, -25, 10] as const;
const FACE_MM = 190;
/** The mouth, for a closer look. */
const MOUTH_CENTRE = [0, -68, 20] as const;
const MOUTH_MM = 70;
const CLOSE_UP = /mouth|jaw|tongue|open|lips|laugh|smile/i;

async function look(
  context: NativeContext,
  model: MorphableModel,
  positions: Float32Array,
  colours: Float32Array,
  yawDegrees: number,
  centre: readonly [number, number, number],
  extentMm: number,
): Promise<Raster> {
  const [cos, sin] = [Math.cos((yawDegrees * Math.PI) / 180), Math.sin((yawDegrees * Math.PI) / 180)];
  // Head frame to camera: y and z turned over, then about the vertical axis.
  const rotation = [cos, 0, sin, 0, -1, 0, sin, 0, -cos];
  const turned = [0, 1, 2].map((row) => centre.reduce((sum, c, k) => sum + rotation[3 * row + k]! * c, 0));
  return render(
    context,
    { positions, indices: model.triangles, uvs: model.uvs },
    {
      pose: { rotation, translation: [-turned[0]!, -turned[1]!, DISTANCE_MM - turned[2]!] },
      camera: { focalLengthPx: (CELL * DISTANCE_MM) / extentMm, principalPointPx: [CELL / 2, CELL / 2] },
      width: CELL,
      height: CELL,
      supersampling: 3,
    },
    { colours, background: [0.16, 0.17, 0.19, 1] },
  );
}

/** JPEG: per shape a cell from the front and one from 45 degrees; of the mouth's shapes from closer by. */
export async function drawSheet(
  context: NativeContext,
  model: MorphableModel,
  head: NeutralHead,
  shapes: readonly [string, Weights][],
): Promise<Uint8Array> {
  const rows = Math.ceil((2 * shapes.length) / COLUMNS);
  const cells: OverlayOptions[] = [];
  for (const [i, [name, weights]] of shapes.entries()) {
    const positions = posed(model, head, weights);
    const close = CLOSE_UP.test(name) || name === 'neutral';
    for (const [k, yaw] of [0, 45].entries()) {
      const index = 2 * i + k;
      const cell = await look(
        context,
        model,
        positions,
        head.colours,
        yaw,
        close ? MOUTH_CENTRE : CENTRE,
        close ? MOUTH_MM : FACE_MM,
      );
      const [left, top] = [CELL * (index % COLUMNS), (CELL + 14) * Math.floor(index / COLUMNS)];
      cells.push({
        input: Buffer.from(cell.data),
        raw: { width: CELL, height: CELL, channels: cell.channels },
        left,
        top,
      });
      if (k === 0) {
        const label = `<svg width="${2 * CELL}" height="14"><text x="4" y="11" font-size="11" fill="white">${name}</text></svg>`;
        cells.push({ input: Buffer.from(label), left, top: top + CELL });
      }
    }
  }
  return sharp({ create: { width: COLUMNS * CELL, height: rows * (CELL + 14), channels: 3, background: '#222' } })
    .composite(cells)
    .jpeg({ quality: 88 })
    .toBuffer();
}

/** Heads in plain grey under one raking light that flatters nothing: how relief is looked at. */
import sharp, { type Sharp } from 'sharp';
import type { NativeContext } from '../../lib/native/binding.js';
import { posedHead } from '../../lib/posed.js';
import { turned } from '../../lib/preview/framing.js';
import { render } from '../../lib/render.js';
import type { Mesh, Pose, ReconstructionData } from '../../lib/result-data.js';
import { irradiance } from '../../lib/sample/lighting.js';

const BACKGROUND = [0.13, 0.13, 0.14, 1] as const;
const GREY = 0.82;
const HEAD_CENTRE_MM = [0, -10, -40] as const;
export const RAKING = distantLight([-0.55, 0.55, 0.63], 0.95, 0.12);

/** Photo, medium level, high level, and both turned by 45 degrees, each `side` pixels; 8-bit RGB. */
export async function greyRow(context: NativeContext, face: ReconstructionData, side: number): Promise<Buffer[]> {
  const { mesh, levels, pose } = face;
  const medium = { ...mesh, positions: levels.medium ?? levels.coarse };
  const high = levels.high ?? medium;
  const side45 = turned(pose, 45, HEAD_CENTRE_MM);
  return await Promise.all([
    photoPanel(face, side),
    greyHead(context, face, medium, pose, side),
    greyHead(context, face, high, pose, side),
    greyHead(context, face, medium, side45, side),
    greyHead(context, face, high, side45, side),
  ]);
}

/** Photo, high level, and the same neutral: with all folds, and with those that belong to the expression faded. */
export async function foldsRow(context: NativeContext, face: ReconstructionData, side: number): Promise<Buffer[]> {
  const { levels, pose, displacementMap: map } = face;
  if (!levels.high || !map) throw new Error('no detailed head');
  // A map of no height leaves nothing to fade.
  const stiff = await posedHead({ ...face, displacementMap: { ...map, data: new Float32Array(map.data.length) } }, {});
  const meshes = [levels.high, stiff, await posedHead(face, {})];
  return await Promise.all([
    photoPanel(face, side),
    ...meshes.map((mesh) => greyHead(context, face, mesh, pose, side)),
  ]);
}

export async function greyHead(
  context: NativeContext,
  face: ReconstructionData,
  { positions, indices, normals }: Mesh,
  pose: Pose,
  side: number,
): Promise<Buffer> {
  const { x, y, size } = faceSquare(face);
  const scale = side / size;
  const [cx, cy] = face.camera.principalPointPx;
  const view = {
    pose,
    camera: {
      focalLengthPx: face.camera.focalLengthPx * scale,
      principalPointPx: [(cx - x) * scale, (cy - y) * scale] as [number, number],
    },
    width: side,
    height: side,
    supersampling: 3,
  };
  const colours = new Float32Array(positions.length).fill(GREY);
  const look = { colours, light: RAKING, background: BACKGROUND };
  const { data } = await render(context, { positions, indices, normals }, view, look);
  return await sharp(data, { raw: { width: side, height: side, channels: 4 } })
    .removeAlpha()
    .raw()
    .toBuffer();
}

export async function photoPanel(face: ReconstructionData, side: number): Promise<Buffer> {
  const { data, width, height, channels } = face.input;
  const { x, y, size } = faceSquare(face);
  const cut = Math.floor(size);
  return await sharp(data, { raw: { width, height, channels } })
    .extract({ left: Math.floor(x), top: Math.floor(y), width: cut, height: cut })
    .resize(side)
    .removeAlpha()
    .raw()
    .toBuffer();
}

/** The square of the photo around the 68 landmarks and the forehead. */
function faceSquare({ landmarks: { pixels }, input }: ReconstructionData) {
  let [left, top, right, low] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < pixels.length; i += 2) {
    [left, right] = [Math.min(left, pixels[i]!), Math.max(right, pixels[i]!)];
    [top, low] = [Math.min(top, pixels[i + 1]!), Math.max(low, pixels[i + 1]!)];
  }
  top -= 0.45 * (low - top);
  const size = Math.min(1.12 * Math.max(right - left, low - top), input.width, input.height);
  const place = (from: number, to: number, limit: number): number =>
    Math.min(limit - size, Math.max(0, (from + to - size) / 2));
  return { x: place(left, right, input.width), y: place(top, low, input.height), size };
}

/** Panels of one size, a row after the other, as one picture. */
export function joined(rows: readonly (readonly Buffer[])[], side: number, gap = 4): Sharp {
  const width = Math.max(...rows.map((row) => row.length)) * (side + gap) - gap;
  const height = rows.length * (side + gap) - gap;
  return sharp({ create: { width, height, channels: 3, background: '#fff' } }).composite(
    rows.flatMap((row, y) =>
      row.map((input, x) => ({
        input,
        raw: { width: side, height: side, channels: 3 as const },
        left: x * (side + gap),
        top: y * (side + gap),
      })),
    ),
  );
}

/** Spherical harmonics, `[3][9]`, of a distant white light and of an even one. */
function distantLight(from: readonly [number, number, number], strength: number, ambient: number): Float32Array {
  const length = Math.hypot(...from);
  const [x, y, z] = from.map((c) => c / length) as [number, number, number];
  const lobe = [Math.PI, (2 * Math.PI) / 3, Math.PI / 4];
  const gamma = Array.from({ length: 9 }, (_, k) => {
    const unit = new Float32Array(9);
    unit[k] = 1;
    const even = k === 0 ? ambient / irradiance(unit, 0, 0, 0, 1) : 0;
    return even + (strength * irradiance(unit, 0, x, y, z)) / lobe[Math.floor(Math.sqrt(k))]!;
  });
  return Float32Array.from([...gamma, ...gamma, ...gamma]);
}

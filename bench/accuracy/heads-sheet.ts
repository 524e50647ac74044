/** Fitted heads in neutral grey beside each other: whether people can be told apart by their shape alone. */
import sharp from 'sharp';
import type { NativeContext } from '../../lib/native/binding.js';
import { photoSquare } from '../../lib/preview/framing.js';
import { render } from '../../lib/render.js';
import type { Pose, Raster, ReconstructionData } from '../../lib/result.js';
import { headRotation } from '../../lib/sample/camera.js';
import { irradiance } from '../../lib/sample/lighting.js';
import { neutralShape } from './shape-agreement.js';

const PANEL = 216;
const GAP = 4;
/** From the front, and turned to where the light comes from. */
const YAWS_DEGREES = [0, -45];
/** What comes to lie in the middle, mm in the head frame. */
const CENTRE_MM = [0, -22, -30] as const;
/** All heads are seen by one camera, so that their sizes compare: far away, with this much in the picture. */
const DISTANCE_MM = 1800;
const SHOWN_MM = 255;
const GREY = 0.8;
const BACKGROUND = [0.13, 0.13, 0.14, 1] as const;
const LIGHT = light({ from: [-0.55, 0.6, 0.58], strength: 1, ambient: 0.1 });

/**
 * A column per face: photo, fitted head from the front and turned, the same with its expression taken away.
 *
 * @returns a JPEG file
 */
export async function drawHeadsSheet(context: NativeContext, faces: readonly ReconstructionData[]): Promise<Buffer> {
  const columns = await Promise.all(
    faces.map(async (face) => {
      const heads = [face.mesh.positions, neutralShape(face)].flatMap((head) =>
        YAWS_DEGREES.map((yaw) => drawHead(context, face, head, yaw)),
      );
      return await Promise.all([photoPanel(face), ...heads]);
    }),
  );
  const place = (index: number): number => index * (PANEL + GAP);
  const canvas = {
    width: place(columns.length) - GAP,
    height: place(1 + 2 * YAWS_DEGREES.length) - GAP,
    channels: 3 as const,
    background: '#fff',
  };
  const panels = columns.flatMap((column, x) =>
    column.map((input, y) => ({
      input,
      raw: { width: PANEL, height: PANEL, channels: 3 as const },
      left: place(x),
      top: place(y),
    })),
  );
  return await sharp({ create: canvas }).composite(panels).jpeg({ quality: 85 }).toBuffer();
}

async function photoPanel(face: ReconstructionData): Promise<Buffer> {
  const { data, width, height, channels } = face.input;
  const { x, y, size } = photoSquare(face);
  const side = Math.floor(size);
  return await sharp(data, { raw: { width, height, channels } })
    .extract({ left: Math.floor(x), top: Math.floor(y), width: side, height: side })
    .resize(PANEL)
    .removeAlpha()
    .raw()
    .toBuffer();
}

async function drawHead(
  context: NativeContext,
  { mesh }: ReconstructionData,
  positions: Float32Array,
  yawDegrees: number,
): Promise<Buffer> {
  const rotation = headRotation(yawDegrees, 0, 0);
  const [x, y, z] = CENTRE_MM;
  const at = (row: number): number => -(rotation[row]! * x + rotation[row + 1]! * y + rotation[row + 2]! * z);
  const pose: Pose = { rotation, translation: [at(0), at(3), at(6) + DISTANCE_MM] };
  const camera = {
    focalLengthPx: (DISTANCE_MM * PANEL) / SHOWN_MM,
    principalPointPx: [PANEL / 2, PANEL / 2] as [number, number],
  };
  const view = { pose, camera, width: PANEL, height: PANEL, supersampling: 3 };
  const colours = new Float32Array(positions.length).fill(GREY);
  const look = { colours, light: LIGHT, background: BACKGROUND };
  return withoutAlpha(await render(context, { positions, indices: mesh.indices }, view, look));
}

function withoutAlpha({ data, width, height }: Raster): Buffer {
  const rgb = Buffer.alloc(3 * width * height);
  for (let i = 0, o = 0; i < data.length; i += 4) for (let k = 0; k < 3; k++) rgb[o++] = data[i + k]!;
  return rgb;
}

/** Spherical harmonics, `[3][9]`, of a distant white light and of an even one. */
function light({ from, strength, ambient }: { from: [number, number, number]; strength: number; ambient: number }) {
  const length = Math.hypot(...from);
  const [x, y, z] = from.map((c) => c / length) as [number, number, number];
  // The cosine lobe's share of each order, which irradiance() multiplies with.
  const lobe = [Math.PI, (2 * Math.PI) / 3, Math.PI / 4];
  const gamma = Array.from({ length: 9 }, (_, k) => {
    const unit = new Float32Array(9);
    unit[k] = 1;
    const even = k === 0 ? ambient / irradiance(unit, 0, 0, 0, 1) : 0;
    return even + (strength * irradiance(unit, 0, x, y, z)) / lobe[Math.floor(Math.sqrt(k))]!;
  });
  return Float32Array.from([...gamma, ...gamma, ...gamma]);
}

/**
 * Close-ups of fitted eyes: the photo, the head as it sees it, turned, looking aside, blinking, and neutral:
 * `npm run bench:eyes -- [--out FILE] PHOTO...`.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp, { type OverlayOptions } from 'sharp';
import { type BlendShapeHead, toBlendShapes } from '../../lib/blend-shapes.js';
import { create } from '../../lib/hrn.js';
import { native } from '../../lib/native/load.js';
import { render } from '../../lib/render.js';
import type { Reconstruction } from '../../lib/result.js';
import type { Pose } from '../../lib/result-data.js';

const WIDTH = 300;
const HEIGHT = 120;
/** What a cell shows, mm across. */
const EXTENT_MM = 105;
const LABEL = 14;
const COLUMNS = 6;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: 'build/eyes.png' }, texture: { type: 'string', default: '1024' } },
});

type Weights = Readonly<Record<string, number>>;
const gaze = (right: number): Weights =>
  right > 0 ? { eyeLookOutRight: right, eyeLookInLeft: right } : { eyeLookInRight: -right, eyeLookOutLeft: -right };
const both = (name: string, weight: number): Weights => ({ [`${name}Left`]: weight, [`${name}Right`]: weight });
/** Animator's weights on the neutral head. */
const POSES: readonly [string, Weights, number][] = [
  ['neutral', {}, 0],
  ['turned by 30 degrees', {}, 30],
  ['25 degrees to their right', gaze(0.96), 0],
  ['25 degrees to their left', gaze(-0.96), 0],
  ['up', both('eyeLookUp', 1), 0],
  ['down', both('eyeLookDown', 1), 0],
  ['blink 0.5', both('eyeBlink', 0.5), 0],
  ['blink 1', both('eyeBlink', 1), 0],
  ['blink 1, turned', both('eyeBlink', 1), 40],
  ['squint', both('eyeSquint', 1), 0],
];

function posed({ positions, shapes }: BlendShapeHead, weights: Weights): Float32Array {
  const out = positions.slice();
  for (const { name, positionOffsets } of shapes) {
    const weight = weights[name] ?? 0;
    if (weight === 0) continue;
    positionOffsets.vertices.forEach((vertex, i) => {
      for (let k = 0; k < 3; k++) out[3 * vertex + k]! += weight * positionOffsets.values[3 * i + k]!;
    });
  }
  return out;
}

function facing(yawDegrees: number, centre: readonly [number, number, number]): Pose {
  const [cos, sin] = [Math.cos((yawDegrees * Math.PI) / 180), Math.sin((yawDegrees * Math.PI) / 180)];
  const rotation = [cos, 0, sin, 0, -1, 0, sin, 0, -cos];
  const at = [0, 1, 2].map((row) => centre.reduce((sum, c, k) => sum + rotation[3 * row + k]! * c, 0));
  return { rotation, translation: [-at[0]!, -at[1]!, 700 - at[2]!] };
}

async function row(face: Reconstruction): Promise<OverlayOptions[]> {
  const context = new (native().Context)({ threads: 1 });
  const cells: OverlayOptions[] = [];
  const add = (label: string, data: Uint8Array, channels: 3 | 4) => {
    const left = WIDTH * ((cells.length / 2) % COLUMNS);
    const top = (HEIGHT + LABEL) * Math.floor(cells.length / 2 / COLUMNS);
    cells.push({ input: Buffer.from(data), raw: { width: WIDTH, height: HEIGHT, channels }, left, top: top + LABEL });
    const text = `<svg width="${WIDTH}" height="${LABEL}"><text x="4" y="11" font-size="11" fill="white">${label}</text></svg>`;
    cells.push({ input: Buffer.from(text), left, top });
  };
  try {
    const { projection } = face.camera;
    const w = projection[11]!;
    const scale = (EXTENT_MM * face.camera.focalLengthPx) / face.pose.translation[2] / WIDTH;
    const [x, y] = [projection[3]! / w - (WIDTH * scale) / 2, projection[7]! / w - (HEIGHT * scale) / 2];
    const photo = new (native().Image)(face.input);
    const crop = await native().cropImage(context, photo, {
      matrix: [scale, 0, x, 0, scale, y],
      width: WIDTH,
      height: HEIGHT,
      low: 0,
      high: 255,
      border: 'replicate',
    }).promise;
    photo.dispose();
    add(
      `photo; blink ${['Left', 'Right'].map((s) => face.coefficients.expression[`eyeBlink${s}` as 'eyeBlinkLeft']?.toFixed(2)).join(' ')}`,
      Uint8Array.from(crop),
      3,
    );
    const look = { texture: face.texture, light: 'none' as const, background: [0.2, 0.2, 0.2, 1] as const };
    const [cx, cy] = face.camera.principalPointPx;
    const seen = await render(
      context,
      face.mesh,
      {
        pose: face.pose,
        camera: {
          focalLengthPx: face.camera.focalLengthPx / scale,
          principalPointPx: [(cx - x) / scale, (cy - y) / scale],
        },
        width: WIDTH,
        height: HEIGHT,
        supersampling: 3,
      },
      look,
    );
    add('fitted', seen.data, 4);
    const head = await toBlendShapes(
      face,
      face.model.expression.names.map((_, k) => k),
    );
    for (const [name, weights, yaw] of POSES) {
      const picture = await render(
        context,
        { positions: posed(head, weights), indices: face.mesh.indices, uvs: face.mesh.uvs },
        {
          pose: facing(yaw, [0, 0, 0]),
          camera: { focalLengthPx: (WIDTH * 700) / EXTENT_MM, principalPointPx: [WIDTH / 2, HEIGHT / 2] },
          width: WIDTH,
          height: HEIGHT,
          supersampling: 3,
        },
        look,
      );
      add(name, picture.data, 4);
    }
  } finally {
    context.dispose();
  }
  return cells;
}

const hrn = await create({ device: 'cpu' });
const rows: OverlayOptions[][] = [];
try {
  for (const file of positionals) {
    const face = await hrn.fit(file, { textureSize: Number(flags.texture), minFacePx: 80 });
    rows.push(await row(face));
    process.stdout.write(`${path.basename(file)}\n`);
  }
} finally {
  await hrn.dispose();
}
const lines = Math.ceil((POSES.length + 2) / COLUMNS);
const rowHeight = lines * (HEIGHT + LABEL);
await sharp({ create: { width: COLUMNS * WIDTH, height: rows.length * rowHeight, channels: 3, background: '#222' } })
  .composite(rows.flatMap((cells, r) => cells.map((cell) => ({ ...cell, top: cell.top! + r * rowHeight }))))
  .toFile(flags.out);

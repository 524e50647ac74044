/**
 * How well a scripted video of a head of the model is tracked:
 * `npm run bench:track [-- --frames N --size PX --seed N --picture FILE.webp]`.
 *
 * Figures: mean error of the expression weights, and what is told of those that the script moves where they are at their
 * height; angle between the fitted pose and the true one, all of it, what is left without the constant part (where a head's
 * own axes lie is a matter of its shape), and its drift from the first to the last quarter; mean second difference of the
 * landmarks from frame to frame, of the fit, of the truth and of the network. The picture shows every other frame beside
 * what was made of it.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import * as hrn from '../../lib/index.js';
import { loadHead } from '../../lib/models/head.js';
import { locateModels } from '../../lib/models/locate.js';
import { readModel } from '../../lib/models/manifest.js';
import { addBasis } from '../../lib/sample/random-head.js';
import { surfacePoints } from '../../lib/stages/surface-points.js';
import { Animation } from '../../lib/track/animation.js';
import { SCENE_FPS, type SceneFrame, scene } from './track-scene.js';

const { values: flags } = parseArgs({
  options: {
    frames: { type: 'string', default: '120' },
    size: { type: 'string', default: '512' },
    seed: { type: 'string', default: '5' },
    picture: { type: 'string' },
  },
});
const [frames, size, seed] = [flags.frames, flags.size, flags.seed].map(Number) as [number, number, number];

const folder = await mkdtemp(path.join(tmpdir(), 'hrn-bench-track-'));
const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
const reconstructor = await hrn.create({ device: 'cpu' });
try {
  const truth: Omit<SceneFrame, 'image'>[] = [];
  for await (const { image, weights, camera } of scene(model, seed, frames, size)) {
    const { data, width, height } = image;
    await sharp(data as Uint8Array, { raw: { width, height, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toFile(path.join(folder, `${truth.length}.png`));
    truth.push({ weights, camera });
  }
  const tracked: hrn.TrackedPerson[] = [];
  let first = 0;
  for await (const one of reconstructor.track(path.join(folder, '*.png'), { fps: SCENE_FPS, textureSize: 1024 })) {
    first ||= performance.now();
    tracked.push(one);
  }
  // The filter holds some frames back, so the first comes with those behind it.
  const perSecond = (1000 * (tracked.length - 4)) / (performance.now() - first);
  report(tracked, truth, perSecond);
  if (flags.picture) await draw(tracked, flags.picture);
} finally {
  await reconstructor.dispose();
  await rm(folder, { recursive: true });
}

function report(tracked: hrn.TrackedPerson[], truth: Omit<SceneFrame, 'image'>[], perSecond: number): void {
  const seen = tracked.filter(({ frame }) => frame.status === 'tracked');
  const { names } = model.expression;
  const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const weights = mean(
    seen.flatMap(({ frame }) =>
      Array.from(names, (name, k) => Math.abs(frame.expression[name]! - truth[frame.index]!.weights[k]!)),
    ),
  );
  const heights = names.flatMap((name, k) => {
    const top = Math.max(...truth.map((frame) => frame.weights[k]!));
    const high = seen.filter(({ frame }) => truth[frame.index]!.weights[k]! > 0.9 * top);
    return top < 0.1
      ? []
      : [`${name} ${mean(high.map(({ frame }) => frame.expression[name]!)).toFixed(2)} of ${top.toFixed(2)}`];
  });
  // Small rotations add up like vectors.
  const turns = seen.map(({ frame }) => turnBetween(truth[frame.index]!.camera.rotation, frame.pose.rotation));
  const average = (list: readonly number[][]) => [0, 1, 2].map((k) => mean(list.map((turn) => turn[k]!)));
  const less = (turn: readonly number[], other: readonly number[]) =>
    Math.hypot(...turn.map((value, k) => value - other[k]!));
  const constant = average(turns);
  const quarter = Math.max(1, Math.floor(turns.length / 4));
  const drift = less(average(turns.slice(0, quarter)), average(turns.slice(-quarter)));
  const shake = (points: (i: number) => number[][]) =>
    mean(
      tracked.slice(2).map((_, i) => {
        const [a, b, c] = [points(i), points(i + 1), points(i + 2)];
        return mean(b.map((p, l) => Math.hypot(p[0]! * 2 - a[l]![0]! - c[l]![0]!, p[1]! * 2 - a[l]![1]! - c[l]![1]!)));
      }),
    );
  const degrees = (value: number) => ((value * 180) / Math.PI).toFixed(2);
  process.stdout.write(
    [
      `frames ${tracked.length}, seen ${seen.length}, second pass ${perSecond.toFixed(1)} a second`,
      `expression weights off by ${weights.toFixed(4)}`,
      `told of the script's heights: ${heights.join(', ')}`,
      `pose off by ${degrees(mean(turns.map((turn) => less(turn, [0, 0, 0]))))} degrees, of which constant ${degrees(less(constant, [0, 0, 0]))}`,
      `(pitch, yaw, roll ${constant.map(degrees).join(', ')}), without that ${degrees(mean(turns.map((turn) => less(turn, constant))))}, drift ${degrees(drift)}`,
      `second difference of eyes, nose, mouth: fit ${shake((i) => fittedPoints(tracked[i]!)).toFixed(3)} px, truth ${shake((i) => truePoints(truth[i]!)).toFixed(3)} px`,
      '',
    ].join('\n'),
  );
}

/** Rotation vector in the head's frame, radians. */
function turnBetween(a: readonly number[], b: readonly number[]): number[] {
  const r = Array.from({ length: 9 }, (_, i) =>
    [0, 1, 2].reduce((sum, k) => sum + a[3 * k + Math.floor(i / 3)]! * b[3 * k + (i % 3)]!, 0),
  );
  const angle = Math.acos(Math.min(1, Math.max(-1, (r[0]! + r[4]! + r[8]! - 1) / 2)));
  const factor = angle < 1e-9 ? 0.5 : angle / (2 * Math.sin(angle));
  return [r[7]! - r[5]!, r[2]! - r[6]!, r[3]! - r[1]!].map((value) => factor * value);
}

/** Eye corners, nose and mouth corners as a camera sees them. */
function project(
  at: (vertex: number) => readonly number[],
  rotation: readonly number[],
  translation: readonly number[],
  focalPx: number,
  [cx, cy]: readonly [number, number],
): number[][] {
  return [36, 39, 42, 45, 30, 48, 54].map((landmark) => {
    const point = at(landmark);
    const [x, y, z] = [0, 1, 2].map(
      (k) => [0, 1, 2].reduce((sum, j) => sum + rotation[3 * k + j]! * point[j]!, 0) + translation[k]!,
    ) as [number, number, number];
    return [(focalPx * x) / z + cx, (focalPx * y) / z + cy];
  });
}

function pointsOf(positions: Float32Array): (landmark: number) => readonly number[] {
  const points = surfacePoints(model.ibug68, positions);
  return (landmark) => [0, 1, 2].map((k) => points[3 * landmark + k]!);
}

function fittedPoints({ person, frame }: hrn.TrackedPerson): number[][] {
  const positions = person.mesh.positions.slice();
  const { names } = model.expression;
  addBasis(
    positions,
    model.expression,
    Float32Array.from(names, (name) => frame.expression[name]! - (person.coefficients.expression[name] ?? 0)),
  );
  const { rotation, translation } = frame.pose;
  return project(pointsOf(positions), rotation, translation, frame.camera.focalLengthPx, frame.camera.principalPointPx);
}

function truePoints({ weights, camera }: Omit<SceneFrame, 'image'>): number[][] {
  const positions = model.mean.slice();
  addBasis(positions, model.expression, weights);
  const { rotation, translation, focalLengthPx, principalPointPx } = camera;
  return project(pointsOf(positions), rotation, translation, focalLengthPx, principalPointPx);
}

async function draw(tracked: hrn.TrackedPerson[], target: string): Promise<void> {
  const animation = new Animation(
    tracked[0]!.person,
    tracked.map(({ frame }) => frame),
  );
  const video = path.join(folder, 'preview.mp4');
  await reconstructor.writeTrackPreview(animation, path.join(folder, '*.png'), video, { fps: SCENE_FPS });
  await mkdir(path.dirname(target), { recursive: true });
  // Not libwebp_anim, whose frames keep blocks of those before.
  const half = ['-vf', `fps=${SCENE_FPS / 2},scale=560:-2`, '-c:v', 'libwebp', '-q:v', '60', '-loop', '0'];
  const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-y', '-i', video, ...half, target]);
  if (status !== 0) throw new Error(String(stderr));
}

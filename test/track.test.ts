import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SceneFrame, scene } from '../bench/accuracy/track-scene.js';
import { create, type Hrn } from '../lib/hrn.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import { degreesBetween } from '../lib/stages/seen-pose.js';
import { Animation } from '../lib/track/animation.js';
import type { TrackedPerson } from '../lib/track/track.js';
import { CHROMIUM } from './three-page.js';
import { playInThree } from './three-player.js';

const SIZE = 256;
const FRAMES = 16;
/** Where the picture is empty: the face leaves and comes back. */
const EMPTY = [9, 10];
const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;

describe('track', () => {
  let hrn: Hrn;
  let folder: string;
  let truth: SceneFrame[];
  let tracked: TrackedPerson[];
  const blank = new Uint8Array(3 * SIZE * SIZE).fill(120);

  async function* frames() {
    for (const [i, { image }] of truth.entries()) yield EMPTY.includes(i) ? { ...image, data: blank } : image;
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hrn-track-'));
    hrn = await create({ device: 'cpu', threads: 2 });
    const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
    truth = [];
    for await (const frame of scene(model, 5, FRAMES, SIZE)) truth.push(frame);
    tracked = [];
    for await (const one of hrn.track(frames(), { textureSize: 256 })) tracked.push(one);
  });
  afterAll(async () => {
    await hrn.dispose();
    await rm(folder, { recursive: true });
  });

  it('gives every frame its time and whether the face is seen', () => {
    expect(tracked.map(({ frame }) => frame.index)).toEqual(truth.map((_, i) => i));
    expect(tracked.map(({ frame }) => frame.timeSeconds)).toEqual(truth.map(({ image }) => image.timeSeconds));
    expect(tracked.flatMap(({ frame }) => (frame.status === 'lost' ? [frame.index] : []))).toEqual(EMPTY);
    expect(tracked.flatMap(({ frame }) => (frame.cut ? [frame.index] : []))).toEqual([0, EMPTY.at(-1)! + 1]);
    expect(new Set(tracked.map(({ person }) => person)).size).toBe(1);
  });

  it('follows the script', () => {
    const { names } = tracked[0]!.person.model.expression;
    let [sum, count] = [0, 0];
    for (const [i, { frame }] of tracked.entries()) {
      if (frame.status === 'lost') continue;
      for (const [k, name] of names.entries()) sum += Math.abs(frame.expression[name]! - truth[i]!.weights[k]!);
      count += names.length;
    }
    expect(sum / count).toBeLessThan(0.025);
    const jaw = tracked.map(({ frame }) => frame.expression.jawOpen!);
    const open = truth.map(({ weights }) => weights[names.indexOf('jawOpen')]!);
    const widest = open.indexOf(Math.max(...open));
    expect(jaw[widest]! - jaw[0]!).toBeGreaterThan(0.5 * (open[widest]! - open[0]!));
  });

  it('turns with the head', () => {
    const off = tracked.flatMap(({ frame }, i) =>
      frame.status === 'lost' ? [] : [degreesBetween(frame.pose.rotation, truth[i]!.camera.rotation)],
    );
    expect(off.reduce((sum, angle) => sum + angle, 0) / off.length).toBeLessThan(2);
  });

  it('writes an animated GLB without complaints, a line a frame, and a CSV', async () => {
    const animation = new Animation(
      tracked[0]!.person,
      tracked.map(({ frame }) => frame),
    );
    for (const format of ['glb', 'jsonl', 'csv']) await animation.write(join(folder, `track.${format}`));
    await expect(animation.write(join(folder, 'track.obj'))).rejects.toMatchObject({ code: 'UNSUPPORTED_FORMAT' });
    const { validateBytes } = await import('gltf-validator');
    const report = await validateBytes(new Uint8Array(await readFile(join(folder, 'track.glb'))));
    expect(report.issues).toMatchObject({ numErrors: 0, numWarnings: 0 });
    const lines = (await readFile(join(folder, 'track.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(FRAMES);
    expect(JSON.parse(lines[3]!)).toMatchObject({
      index: 3,
      status: 'tracked',
      expression: { jawOpen: expect.any(Number) },
    });
    const rows = (await readFile(join(folder, 'track.csv'), 'utf8')).trimEnd().split('\n');
    expect(rows).toHaveLength(1 + FRAMES - EMPTY.length);
  });

  it.skipIf(CHROMIUM)('SKIPPED: three.js does not play the track, no Chromium is installed', () => {});

  it.skipIf(!CHROMIUM)(
    'plays in three.js: the mouth opens where the script opens it',
    { timeout: 60_000 },
    async () => {
      const animation = new Animation(
        tracked[0]!.person,
        tracked.map(({ frame }) => frame),
      );
      const { bytes } = await animation.encode('track.glb');
      const seen = truth.flatMap((frame, i) => (EMPTY.includes(i) ? [] : [frame]));
      const times = seen.map(({ image }) => image.timeSeconds!);
      const jawOpen = tracked[0]!.person.model.expression.names.indexOf('jawOpen');
      const script = seen.map(({ weights }) => weights[jawOpen]!);
      const widest = script.indexOf(Math.max(...script));
      const played = await playInThree(bytes as Uint8Array, times, [times[widest]!]);
      const opened = played.map(({ chinFromNose }) => chinFromNose);
      expect(correlation(script, opened)).toBeGreaterThan(0.9);
      expect(opened[widest]! - opened[0]!).toBeGreaterThan(0.06);
      // Before the camera, where the script has it: 0.5 m away.
      for (const { head } of played) expect(-head[2]).toBeGreaterThan(0.3);
      const { png } = played[widest]!;
      const { channels } = await sharp(png).stats();
      for (const { stdev } of channels.slice(0, 3)) expect(stdev).toBeGreaterThan(20);
      if (process.env.HRN_PAGE_PICTURES) await writeFile(join(process.env.HRN_PAGE_PICTURES, 'track.png'), png!);
    },
  );

  it('ends with the signal, and when its reader goes away', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const read = async () => {
      for await (const _ of hrn.track(frames(), { textureSize: 256, signal: controller.signal }))
        controller.abort(reason);
    };
    await expect(read()).rejects.toBe(reason);
    let closed = false;
    async function* closing() {
      try {
        yield* frames();
      } finally {
        closed = true;
      }
    }
    for await (const _ of hrn.track(closing(), { textureSize: 256, smooth: false })) break;
    expect(closed).toBe(true);
  });

  it('says what is wrong with the video', async () => {
    const first = (video: never) => hrn.track(video).next();
    await expect(first(7 as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(first(join(folder, 'no.mp4') as never)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await expect(first(join(folder, 'no-*.png') as never)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    async function* nobody() {
      for (let i = 0; i < 3; i++) yield { data: blank, width: SIZE, height: SIZE, channels: 3 as const };
    }
    await expect(hrn.track(nobody()).next()).rejects.toMatchObject({ code: 'NO_FACE' });
  });

  it.skipIf(hasFfmpeg)('SKIPPED: video files are not tested, there is no ffmpeg on the PATH', () => {});

  it.skipIf(!hasFfmpeg)('reads a video with its own times, and frames by a pattern', { timeout: 120_000 }, async () => {
    const few = 6;
    for (const [i, { image }] of truth.slice(0, few).entries()) {
      const { data, width, height } = image;
      const bytes = await sharp(data as Uint8Array, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer();
      await writeFile(join(folder, `f${i + 1}.png`), bytes);
    }
    const video = join(folder, 'v.mp4');
    const made = spawnSync('ffmpeg', [
      ...['-v', 'error', '-framerate', '10', '-i', join(folder, 'f%d.png'), '-c:v', 'mpeg4', '-q:v', '2', '-y', video],
    ]);
    expect(made.status, String(made.stderr)).toBe(0);
    const times: number[] = [];
    for await (const { frame } of hrn.track(video, { textureSize: 256 })) times.push(frame.timeSeconds);
    expect(times).toHaveLength(few);
    for (const [i, time] of times.entries()) expect(time).toBeCloseTo(i / 10, 3);
    const pattern = [];
    for await (const { frame } of hrn.track(join(folder, 'f?.png'), { textureSize: 256, fps: 5 }))
      pattern.push(frame.timeSeconds);
    expect(pattern.at(-1)).toBeCloseTo((few - 1) / 5, 6);
    await truncate(video, 300);
    await expect(hrn.track(video).next()).rejects.toMatchObject({ code: 'VIDEO_UNREADABLE' });
  });
});

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [ma, mb] = [mean(a), mean(b)];
  const product = mean(a.map((value, i) => (value - ma) * (b[i]! - mb)));
  const spread = (list: readonly number[], m: number) => Math.sqrt(mean(list.map((value) => (value - m) ** 2)));
  return product / (spread(a, ma) * spread(b, mb));
}

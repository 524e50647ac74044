import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openVideo } from '../lib/track/ffmpeg.js';
import type { VideoFrame } from '../lib/track/frame-source.js';

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
if (!hasFfmpeg) console.warn('VIDEO TESTS SKIPPED: there is no ffmpeg on the PATH');

/** Upright pictures of 96 x 64 whose left third is red. */
const SOURCE = 'color=gray:s=96x64:r=10:d=2,drawbox=w=32:h=64:color=red:t=fill,noise=alls=20:allf=t';

describe.skipIf(!hasFfmpeg)('frames of a video', () => {
  let folder: string;
  const file = (name: string) => join(folder, name);
  const ffmpeg = (...args: string[]) => {
    const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-y', ...args]);
    expect(status, String(stderr)).toBe(0);
  };
  const read = async (name: string): Promise<VideoFrame[]> => {
    const frames: VideoFrame[] = [];
    for await (const frame of (await openVideo(file(name))).frames(undefined)) frames.push(frame);
    return frames;
  };
  const isRed = ({ data, width }: VideoFrame, x: number, y: number) => {
    const at = 3 * (y * width + x);
    return data[at]! > 150 && data[at + 1]! < 100;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hrn-video-'));
    ffmpeg('-f', 'lavfi', '-i', SOURCE, '-c:v', 'mpeg4', '-q:v', '2', file('plain.mp4'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('come as they are', async () => {
    const frames = await read('plain.mp4');
    expect(frames).toHaveLength(20);
    expect([frames[0]!.width, frames[0]!.height]).toEqual([96, 64]);
    expect([isRed(frames[0]!, 8, 32), isRed(frames[0]!, 88, 32)]).toEqual([true, false]);
  });

  it.each([
    ['a quarter clockwise', [0, 1, -1, 0], [64, 96], [32, 8]],
    ['half around', [-1, 0, 0, -1], [96, 64], [88, 32]],
    ['a quarter back', [0, -1, 1, 0], [64, 96], [32, 88]],
  ] as const)('are turned upright where a phone says that they are to be turned %s', async (_, turn, size, red) => {
    await writeFile(file('turned.mp4'), turned(await readFile(file('plain.mp4')), turn));
    const [first] = await read('turned.mp4');
    const { width, height } = first!;
    expect([width, height]).toEqual(size);
    expect(isRed(first!, red[0], red[1])).toBe(true);
    expect(isRed(first!, width - 1 - red[0], height - 1 - red[1])).toBe(false);
  });

  it('have their own times where the rate varies', async () => {
    const uneven = ['-vf', 'select=not(eq(mod(n\\,3)\\,1))', '-fps_mode', 'vfr'];
    ffmpeg('-i', file('plain.mp4'), ...uneven, '-c:v', 'mpeg4', '-q:v', '2', file('uneven.mp4'));
    const frames = await read('uneven.mp4');
    const expected = Array.from({ length: 20 }, (_, n) => n).filter((n) => n % 3 !== 1);
    expect(frames).toHaveLength(expected.length);
    for (const [i, { index, timeSeconds }] of frames.entries()) {
      expect(index).toBe(i);
      expect(timeSeconds).toBeCloseTo(expected[i]! / 10, 3);
    }
  });

  it.each(['mp4', 'mkv'])('come up to the break of a truncated %s file, which is told', async (extension) => {
    const broken = `broken.${extension}`;
    ffmpeg('-i', file('plain.mp4'), '-c', 'copy', '-movflags', 'faststart', file(broken));
    await truncate(file(broken), Math.floor(0.7 * (await readFile(file(broken))).length));
    const frames: VideoFrame[] = [];
    const reading = async () => {
      for await (const frame of (await openVideo(file(broken))).frames(undefined)) frames.push(frame);
    };
    await expect(reading()).rejects.toMatchObject({ code: 'VIDEO_UNREADABLE' });
    expect(frames.length).toBeGreaterThan(2);
    expect(frames.length).toBeLessThan(20);
  });
});

/** An MP4 with this linear part in the display matrix of its track header: how phones say how they were held. */
function turned(mp4: Buffer, [a, b, c, d]: readonly [number, number, number, number]): Buffer {
  const bytes = Buffer.from(mp4);
  // Behind the name: version, two times, track, reserved, duration; reserved, layer, group, volume, reserved.
  const matrix = bytes.indexOf('tkhd') + 4 + 4 + 5 * 4 + 8 + 8;
  const one = 1 << 16;
  for (const [place, value] of [
    [0, a],
    [1, b],
    [3, c],
    [4, d],
  ] as const)
    bytes.writeInt32BE(value * one, matrix + 4 * place);
  return bytes;
}

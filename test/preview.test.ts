import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type OutputInfo } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headSquare, photoSquare, turned } from '../lib/preview/framing.js';
import { renderPreview } from '../lib/preview.js';
import { syntheticHead } from './synthetic-head.js';

const head = syntheticHead();
const PANEL = 512;
const PITCH = PANEL + 6;

/** Colour of a pixel of a panel; fractions of the panel from its top-left corner. */
type Strip = { data: Buffer; info: OutputInfo };
const at = ({ data, info }: Strip, panel: number, x: number, y: number): number[] => {
  const start = (Math.floor(y * PANEL) * info.width + panel * PITCH + Math.floor(x * PANEL)) * 3;
  return [...data.subarray(start, start + 3)];
};

describe('framing', () => {
  it('shows the whole head if the photo does, and never anything beyond the photo', () => {
    const whole = photoSquare(head);
    for (const corner of [whole.x, whole.y]) expect(corner).toBeGreaterThanOrEqual(0);
    expect(whole.x + whole.size).toBeLessThanOrEqual(512);
    expect(whole.y + whole.size).toBeLessThanOrEqual(512);
    const narrow = photoSquare({ ...head, input: { ...head.input, width: 120, height: 300 } });
    expect(narrow).toMatchObject({ x: 0, size: 120 });
    expect(narrow.y + narrow.size).toBeLessThanOrEqual(300);
  });

  it('turns the head about its centre, away from the side that it already shows', () => {
    const centre = [0, -10, -60] as const;
    const apply = ({ rotation, translation }: typeof head.pose, p: readonly number[]) =>
      translation.map((t, row) => t + p.reduce((sum, c, k) => sum + rotation[3 * row + k]! * c, 0));
    const facing = ({ rotation: r }: typeof head.pose) => (Math.atan2(r[2]!, -r[8]!) * 180) / Math.PI;
    const right = turned(head.pose, 30, centre);
    expect(facing(right)).toBeCloseTo(30);
    expect(apply(right, centre).map((value) => Math.round(value))).toEqual(apply(head.pose, centre).map(Math.round));
    expect(facing(turned(right, 30, centre))).toBeCloseTo(0);
    const seen = headSquare(head, right);
    expect(seen.size).toBeGreaterThan(100);
  });
});

describe('preview', () => {
  let folder: string;
  let strip: Strip;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hrn-preview-'));
    await head.preview(join(folder, 'strip.png'));
    strip = await sharp(join(folder, 'strip.png')).raw().toBuffer({ resolveWithObject: true });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is five panels in a row', () => {
    expect(strip.info).toMatchObject({ width: 5 * PANEL + 4 * 6, height: PANEL, channels: 3 });
  });

  it('shows the photo first, as it is', () => {
    const { x, y, size } = photoSquare(head);
    for (const [u, v] of [
      [0.1, 0.2],
      [0.8, 0.7],
    ] as const) {
      const pixel = Math.floor(y + v * size) * 512 + Math.floor(x + u * size);
      const expected = head.input.data.subarray(3 * pixel, 3 * pixel + 3);
      at(strip, 0, u, v).forEach((value, k) => void expect(Math.abs(value - expected[k]!)).toBeLessThanOrEqual(2));
    }
  });

  it('lays grey clay over the face and leaves the rest of the photo', () => {
    for (const panel of [1, 2]) {
      const [red, green, blue] = at(strip, panel, 0.5, 0.5) as [number, number, number];
      expect(Math.min(red, green, blue)).toBeGreaterThan(120);
      expect(Math.abs(red - blue)).toBeLessThan(25);
      expect(at(strip, panel, 0.02, 0.02)).toEqual(at(strip, 0, 0.02, 0.02));
    }
  });

  it('shows the texture unlit on a dark wall, then the head turned', () => {
    const [red, green, blue] = at(strip, 3, 0.5, 0.5) as [number, number, number];
    expect(red).toBeGreaterThan(green);
    expect(green).toBeGreaterThan(blue);
    for (const panel of [3, 4]) expect(Math.max(...at(strip, panel, 0.02, 0.02))).toBeLessThan(60);
    const column = (panel: number) => Array.from({ length: 64 }, (_, i) => at(strip, panel, 0.5, i / 64));
    expect(column(4)).not.toEqual(column(3));
  });

  it('repeats the coarse overlay where there is no medium level, and is the same for the same result', async () => {
    const coarse = { ...head, levels: { coarse: head.levels.coarse } };
    const bytes = await renderPreview(coarse);
    const again = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    expect(at(again, 2, 0.5, 0.4)).toEqual(at(again, 1, 0.5, 0.4));
    expect(Buffer.compare(Buffer.from(await renderPreview(coarse)), Buffer.from(bytes))).toBe(0);
  });

  it('shows the expressions that the head has, from the front and turned', async () => {
    const path = join(folder, 'expressions.png');
    await head.preview(path, { show: 'expressions' });
    const sheet = await sharp(path).raw().toBuffer({ resolveWithObject: true });
    await rm(path);
    // This head's model can open its mouth, and neither smile nor blink.
    expect(sheet.info).toMatchObject({ width: 2 * PANEL + 6, height: 2 * PANEL + 6, channels: 3 });
    const grid = Array.from({ length: 64 * 64 }, (_, k) => [(k % 64) / 64, Math.floor(k / 64) / 64] as const);
    const changed = grid.filter(([x, y]) => {
      const [neutral, open] = [at(sheet, 0, x, y), at(sheet, 1, x, y)];
      return neutral.some((value, k) => Math.abs(value - open[k]!) > 6);
    });
    expect(changed.length).toBeGreaterThan(10);
    for (const [, y] of changed) expect(y).toBeGreaterThan(0.4);
    const wrong = head.preview(path, { show: 'profile' as 'fit' });
    await expect(wrong).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('show') });
  });

  it('stops when aborted and writes nothing', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const preview = head.preview(join(folder, 'aborted.png'), { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await expect(preview).rejects.toBe(reason);
    await expect(head.preview(join(folder, 'missing', 'x.png'))).rejects.toMatchObject({ code: 'OUTPUT_NOT_WRITABLE' });
    expect(await readdir(folder)).toEqual(['strip.png']);
    expect((await readFile(join(folder, 'strip.png'))).length).toBeGreaterThan(1000);
  });
});

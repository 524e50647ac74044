import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PersonCase } from '../bench/accuracy/views-cases.js';
import { modelPerson } from '../bench/accuracy/views-cases.js';
import { create, type Hrn } from '../lib/hrn.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import type { MorphableModel } from '../lib/morphable-model.js';
import type { Raster } from '../lib/result-data.js';
import type { ViewsProgressEvent } from '../lib/views/progress.js';
import type { ViewsReconstruction } from '../lib/views/result.js';

const nothing: Raster = { data: new Uint8Array(3 * 200 * 200).fill(128), width: 200, height: 200, channels: 3 };
const options = { textureSize: 256 } as const;
const shared = join(process.env.HRN_SHARED ?? fileURLToPath(new URL('../../shared', import.meta.url)), 'photos');
const photos = existsSync(shared) ? shared : undefined;

describe('fitViews', () => {
  let hrn: Hrn;
  let model: MorphableModel;
  let person: PersonCase;
  let face: ViewsReconstruction;
  const events: ViewsProgressEvent[] = [];

  beforeAll(async () => {
    hrn = await create({ device: 'cpu', threads: 2 });
    model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
    person = await modelPerson(model, 0, 3, 320);
    const [front, left] = person.images;
    face = await hrn.fitViews([front!, nothing, left!], {
      ...options,
      view: 0,
      onProgress: (event) => events.push(event),
    });
  });
  afterAll(() => hrn.dispose());

  it('fits the photos that show the person, and names the others', () => {
    expect(face.views.map(({ index }) => index)).toEqual([0, 2]);
    expect(face.leftOut).toMatchObject([{ index: 1, code: 'NO_FACE' }]);
    for (const { quality, textureShare } of face.views) {
      expect(quality.landmarkErrorPercent).toBeLessThan(3);
      expect(textureShare).toBeGreaterThanOrEqual(0);
    }
    expect(face.views.reduce((sum, { textureShare }) => sum + textureShare, 0)).toBeCloseTo(1, 5);
  });

  it('has one identity and, per view, a pose, a camera, an expression and a light', () => {
    const [front, left] = face.views;
    expect(front!.camera.projection).toEqual(face.camera.projection);
    expect(front!.expression).toEqual(face.coefficients.expression);
    // The second view's camera sees the head from its side, in the frame of the same mesh.
    const turn = (rotation: number[]) => (Math.atan2(rotation[2]!, -rotation[8]!) * 180) / Math.PI;
    const truth = person.cameras.map(({ rotation }) => turn(rotation));
    expect(Math.abs(turn(front!.pose.rotation) - truth[0]!)).toBeLessThan(5);
    expect(Math.abs(turn(left!.pose.rotation) - truth[1]!)).toBeLessThan(12);
    expect(left!.lighting).not.toEqual(front!.lighting);
  });

  it('reports progress that never goes back', () => {
    expect(events.at(-1)).toMatchObject({ stage: 'texture', fraction: 1 });
    for (const [i, { fraction }] of events.entries())
      expect(fraction).toBeGreaterThanOrEqual(events[i - 1]?.fraction ?? 0);
  });

  it('shows any view, and is written whole', async () => {
    const other = await face.withView(1);
    expect(other.view).toBe(1);
    expect(other.coefficients.identity).toEqual(face.coefficients.identity);
    expect(other.coefficients.expression).toEqual(face.views[1]!.expression);
    await expect(face.withView(2)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const folder = await mkdtemp(join(tmpdir(), 'hrn-views-'));
    try {
      await face.write(join(folder, 'person.glb'));
      expect(await readdir(folder)).toEqual(['person.glb']);
    } finally {
      await rm(folder, { recursive: true });
    }
    expect(JSON.parse(JSON.stringify(face))).toMatchObject({ view: 0, leftOut: [{ index: 1 }], views: [{}, {}] });
  });

  it('goes on with one more photo', async () => {
    const more = await face.addView(person.images[2]!);
    expect(more.views.map(({ index }) => index)).toEqual([0, 2, 3]);
    await expect(face.addView(nothing)).rejects.toMatchObject({ code: 'NO_FACE' });
  });

  it.skipIf(photos)('SKIPPED: strangers are not looked for, ../shared/photos is not here', () => {});

  it.skipIf(!photos)('leaves a stranger out', async () => {
    const files = ['mv_10078.jpg', '00437.png', 'mv_21650.jpg', 'mv_5932.jpg'].map((name) => join(photos!, name));
    const mixed = await hrn.fitViews(files, { ...options, detail: 'coarse' });
    expect(mixed.leftOut).toMatchObject([{ index: 1, code: 'VIEWS_DISAGREE' }]);
  });

  it('refuses too few photos, and what is no list of photos', async () => {
    await expect(hrn.fitViews([person.images[0]!])).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(hrn.fitViews('a.jpg' as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(hrn.fitViews([nothing, person.images[0]!], options)).rejects.toMatchObject({
      code: 'TOO_FEW_VIEWS',
      details: { leftOut: [{ index: 0, code: 'NO_FACE' }] },
    });
  });

  it('is aborted with the reason of the signal', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const fitting = hrn.fitViews(person.images.slice(0, 2), {
      ...options,
      signal: controller.signal,
      onProgress: ({ stage }) => {
        if (stage === 'refine') controller.abort(reason);
      },
    });
    await expect(fitting).rejects.toBe(reason);
  });
});

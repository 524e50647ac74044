import sharp from 'sharp';
import { expect, it } from 'vitest';
import { robustPicture } from '../bench/robust/pictures.js';
import { create } from '../lib/hrn.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import { native } from '../lib/native/load.js';
import { Random } from '../lib/sample/random.js';
import { measureFineDetail } from '../lib/stages/fine-detail.js';
import { PortraitPainter } from '../models/train/portrait.js';

const SIZE = 512;

/** A bright disc whose edge is `soft` pixels wide, in white noise; a person everywhere or nowhere. */
function disc(soft: number, noise: number, person: number) {
  const random = new Random(1);
  const rgb = new Float32Array(3 * SIZE * SIZE);
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const inside = 1 / (1 + Math.exp((Math.hypot(x - 256, y - 256) - 80) / (soft / 4)));
      for (let k = 0; k < 3; k++) rgb[3 * (y * SIZE + x) + k] = 0.2 + 0.5 * inside + noise * random.normal(0, 1);
    }
  }
  return { values: new Float32Array(SIZE * SIZE).fill(person), size: SIZE, toPhoto: [1, 0, 0, 0, 1, 0] as const, rgb };
}

it('the strongest edges tell blur under noise, which passes for fine detail', async () => {
  const [sharpDisc, softDisc] = await Promise.all(
    [disc(2, 0.03, 1), disc(40, 0.03, 1)].map((mask) => measureFineDetail(mask)),
  );
  expect(softDisc!.fine).toBeGreaterThan(0.3);
  expect(softDisc!.edges).toBeLessThan(0.45);
  expect(sharpDisc!.edges).toBeGreaterThan(0.6);
});

it('blur is measured where the person network sees nobody', async () => {
  const { fine, coarse, edges } = await measureFineDetail(disc(40, 0, 0));
  expect(await measureFineDetail(disc(40, 0, 1))).toEqual({ fine, coarse, edges });
  expect(coarse).toBeLessThan(0.2);
});

it('a round thing out of focus that passes for a face is refused or told', async () => {
  const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
  const context = new (native().Context)({ threads: 2 });
  const painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
  const hrn = await create({ device: 'cpu' });
  try {
    // The blob at its lower left passes both detectors, and nobody is a person to the person network there.
    const { image } = await robustPicture(810089, painter, model);
    const corner = await sharp(image as Buffer)
      .extract({ left: 0, top: 940, width: 520, height: 490 })
      .png()
      .toBuffer();
    const codes: string[][] = [];
    for await (const { face, error } of hrn.fitEach(corner, { textureSize: 256 }))
      codes.push(error ? [error.code] : face.warnings.map(({ code }) => code));
    expect(codes.flat()).toContain('LOW_RESOLUTION');
  } finally {
    await hrn.dispose();
    context.dispose();
  }
});

/** Draws docs/images/views.jpg: three synthetic portraits of one person, and the one head that was made of them. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import * as hrn from '../../lib/index.js';
import { loadHead } from '../../lib/models/head.js';
import { locateModels } from '../../lib/models/locate.js';
import { readModel } from '../../lib/models/manifest.js';
import { renderTurntable } from '../../lib/turntable.js';
import { modelPerson } from './views-cases.js';

const PERSON = 2;
const SIDE = 300;
/** Of the turntable's thirty: 60 and 36 degrees to either side, and from the front. */
const TURNS = [25, 27, 0, 3, 5];

const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
const { images } = await modelPerson(model, PERSON, 3, 512);
const reconstructor = await hrn.create({ device: 'cpu' });
try {
  const face = await reconstructor.fitViews(images, { view: 0 });
  const turntable = Buffer.from(await renderTurntable(face));
  const panels = await Promise.all([
    ...images.map(({ data, width, height }) =>
      sharp(data, { raw: { width, height, channels: 3 } })
        .resize(SIDE, SIDE)
        .png()
        .toBuffer(),
    ),
    ...TURNS.map((page) => sharp(turntable, { page }).resize(SIDE, SIDE).flatten().png().toBuffer()),
  ]);
  const target = path.join(import.meta.dirname, '..', '..', 'docs', 'images', 'views.jpg');
  await mkdir(path.dirname(target), { recursive: true });
  await sharp({ create: { width: SIDE * panels.length, height: SIDE, channels: 3, background: 'white' } })
    .composite(panels.map((input, i) => ({ input, left: i * SIDE, top: 0 })))
    .jpeg({ quality: 85 })
    .toFile(target);
} finally {
  await reconstructor.dispose();
}

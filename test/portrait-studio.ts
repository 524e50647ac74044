import { afterAll, beforeAll } from 'vitest';
import { create, type Hrn } from '../lib/hrn.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import type { MorphableModel } from '../lib/morphable-model.js';
import type { NativeContext } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';
import { PortraitPainter } from '../models/train/portrait.js';

/** What the generated pictures of `npm run bench:robust` are painted with; whoever opens it disposes of its context. */
export interface PortraitStudio {
  context: NativeContext;
  model: MorphableModel;
  painter: PortraitPainter;
}

export async function openStudio(): Promise<PortraitStudio> {
  const context = new (native().Context)({ threads: 2 });
  const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
  return { context, model, painter: new PortraitPainter(context, model, await native().buildModel(model).promise) };
}

/** For the tests of a file or a block: a studio, and who fits what it paints; there once they run. */
export function useStudio(): { studio: PortraitStudio; hrn: Hrn } {
  const used = {} as { studio: PortraitStudio; hrn: Hrn };
  beforeAll(async () => {
    used.studio = await openStudio();
    used.hrn = await create({ device: 'cpu' });
  });
  afterAll(async () => {
    await used.hrn.dispose();
    used.studio.context.dispose();
  });
  return used;
}

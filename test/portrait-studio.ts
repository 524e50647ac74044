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

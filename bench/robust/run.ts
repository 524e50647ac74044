/**
 * Fits generated pictures and counts right heads, refusals and wrong heads without a word:
 * `npm run bench:robust [-- --first SEED --count N --detail coarse|medium --out FILE]`.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeFilesAtomically } from '../../lib/atomic-write.js';
import { create } from '../../lib/hrn.js';
import { loadHead } from '../../lib/models/head.js';
import { locateModels } from '../../lib/models/locate.js';
import { readModel } from '../../lib/models/manifest.js';
import { native } from '../../lib/native/load.js';
import type { Detail } from '../../lib/options.js';
import { PortraitPainter } from '../../models/train/portrait.js';
import { judgePicture } from './picture-verdicts.js';
import { robustPicture } from './pictures.js';
import { type Judged, summary } from './summary.js';

const results = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'results', 'robust.md');
const { values: flags } = parseArgs({
  options: {
    first: { type: 'string', default: '100000' },
    count: { type: 'string', default: '1000' },
    detail: { type: 'string', default: 'medium' },
    out: { type: 'string', default: results },
  },
});
const [first, count] = [Number(flags.first), Number(flags.count)];
const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
const context = new (native().Context)({ threads: 2 });
const painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
const hrn = await create({ device: 'cpu' });
const judged: Judged[] = [];
const start = performance.now();
// A long run that is interrupted still writes what it has measured.
let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
});
try {
  for (let seed = first; seed < first + count && !interrupted; seed++) {
    const picture = await robustPicture(seed, painter, model);
    for (const verdict of await judgePicture(hrn, picture, flags.detail as Detail)) {
      judged.push(verdict);
      if (verdict.verdict !== 'right' && verdict.verdict !== 'honest refusal') {
        process.stdout.write(`${seed} ${picture.kind}: ${verdict.verdict}: ${verdict.why}\n`);
      }
    }
  }
} finally {
  await hrn.dispose();
  context.dispose();
}
const minutes = (performance.now() - start) / 60_000;
const text = summary(judged, { first, count, detail: flags.detail, minutes });
process.stdout.write(`\n${text}`);
await writeFilesAtomically([{ path: flags.out, bytes: Buffer.from(text) }]);

/**
 * Fits generated pictures and counts right heads, refusals and wrong heads without a word:
 * `npm run bench:robust [-- --first SEED --count N --detail coarse|medium --out FILE --look FOLDER]`.
 * Every picture's verdicts are appended to FILE.jsonl (`--state FILE`), and an interrupted run goes on from there: remove
 * that file to begin anew. `--look` keeps those that are not right, with their previews.
 */
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
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
import { keepForLooking } from './look.js';
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
    state: { type: 'string' },
    look: { type: 'string' },
  },
});
const [first, count] = [Number(flags.first), Number(flags.count)];
const detail = flags.detail as Detail;
const state = flags.state ?? path.join(path.dirname(results), '..', '..', '.cache', `robust-${first}-${detail}.jsonl`);

interface Line {
  seed: number;
  ms: number;
  judged: Judged[];
}

await mkdir(path.dirname(state), { recursive: true });
if (flags.look) await mkdir(flags.look, { recursive: true });
const lines = new Map<number, Line>();
if (existsSync(state)) {
  const text = await readFile(state, 'utf8');
  // What an interrupted run left half written is judged again.
  for (const line of text.split('\n').filter((one) => one.endsWith('}'))) {
    const read = JSON.parse(line) as Line;
    lines.set(read.seed, read);
  }
}
const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
const context = new (native().Context)({ threads: 2 });
const painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
const hrn = await create({ device: 'cpu' });
let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
});
const seeds = Array.from({ length: count }, (_, i) => first + i);
try {
  for (const seed of seeds) {
    if (lines.has(seed)) continue;
    if (interrupted) break;
    const start = performance.now();
    const picture = await robustPicture(seed, painter, model);
    const judged = await judgePicture(hrn, picture, detail);
    const line = { seed, ms: Math.round(performance.now() - start), judged };
    lines.set(seed, line);
    await appendFile(state, `${JSON.stringify(line)}\n`);
    const noted = judged.filter(({ verdict }) => verdict !== 'right' && verdict !== 'honest refusal');
    for (const { kind, verdict, why } of noted) process.stdout.write(`${seed} ${kind}: ${verdict}: ${why}\n`);
    if (flags.look && noted.length > 0) await keepForLooking(hrn, picture, path.join(flags.look, `${seed}`), detail);
  }
} finally {
  await hrn.dispose();
  context.dispose();
}
const done = seeds.map((seed) => lines.get(seed)).filter((line) => line !== undefined);
const minutes = done.reduce((sum, { ms }) => sum + ms, 0) / 60_000;
const text = summary(
  done.flatMap(({ judged }) => judged),
  { first, count: done.length, detail, minutes },
);
process.stdout.write(`\n${text}`);
await writeFilesAtomically([{ path: flags.out, bytes: Buffer.from(text) }]);

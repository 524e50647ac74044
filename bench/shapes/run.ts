/**
 * Looks at every expression: draws each at 0.5 and 1 from the front and from 45 degrees on three heads, and what occurs
 * together, and counts the triangles of lips, teeth, tongue and lids that pass through each other.
 * `npm run bench:shapes [-- --out FOLDER --seeds 3,8 --no-pictures]`
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ARKIT_ORDER } from '../../lib/exporters/arkit.js';
import { loadHead } from '../../lib/models/head.js';
import type { MorphableModel, PartName } from '../../lib/morphable-model.js';
import { native } from '../../lib/native/load.js';
import { crossingPairs } from './crossings.js';
import { COMBINATIONS, neutralHeads, posed, trianglesOf, type Weights } from './heads.js';
import { ballsSeen } from './lids.js';
import { drawSheet } from './sheet.js';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: flags } = parseArgs({
  options: {
    out: { type: 'string', default: path.join(root, 'build', 'shapes') },
    model: { type: 'string', default: path.join(root, 'models', 'head.safetensors') },
    seeds: { type: 'string', default: '3,8' },
    pictures: { type: 'boolean', default: true },
  },
  allowNegative: true,
});

const PAIRS: readonly [PartName, PartName][] = [
  ['skin', 'skin'],
  ['skin', 'upperTeeth'],
  ['skin', 'lowerTeeth'],
  ['skin', 'tongue'],
  ['upperTeeth', 'lowerTeeth'],
  ['upperTeeth', 'tongue'],
  ['lowerTeeth', 'tongue'],
];
/** Around the mouth, mm in the head frame. */
const MOUTH = { x: 40, top: -35, bottom: -125, back: -45 };

function aroundMouth(model: MorphableModel, triangles: Uint32Array): Uint32Array {
  const kept: number[] = [];
  for (let t = 0; t < triangles.length; t += 3) {
    const v = 3 * triangles[t]!;
    const [x, y, z] = [model.mean[v]!, model.mean[v + 1]!, model.mean[v + 2]!];
    if (Math.abs(x) < MOUTH.x && y < MOUTH.top && y > MOUTH.bottom && z > MOUTH.back) {
      kept.push(...triangles.subarray(t, t + 3));
    }
  }
  return Uint32Array.from(kept);
}

const model = await loadHead(await readFile(flags.model));
const parts = Object.fromEntries(
  model.parts.map(({ name }) => {
    const triangles = trianglesOf(model, name);
    return [name, name === 'skin' ? aroundMouth(model, triangles) : triangles];
  }),
) as Record<PartName, Uint32Array>;

const shapes: [string, Weights][] = [
  ['neutral', {}],
  ...ARKIT_ORDER.flatMap((name): [string, Weights][] => [
    [`${name} 0.5`, { [name]: 0.5 }],
    [name, { [name]: 1 }],
  ]),
  ...Object.entries(COMBINATIONS),
];
const heads = neutralHeads(model, flags.seeds.split(',').map(Number));
const rows = [`head,shape,${PAIRS.map((pair) => pair.join('-')).join(',')},eyeballs seen mm2`];
const context = new (native().Context)({ threads: 2 });
for (const head of heads) {
  const totals = PAIRS.map(() => 0);
  for (const [name, weights] of shapes) {
    const positions = posed(model, head, weights);
    const counts = PAIRS.map(([a, b]) => crossingPairs(positions, parts[a], parts[b]).length);
    counts.forEach((count, i) => {
      totals[i]! += count;
    });
    const seen = /eye|blink|neutral|look|Squint|smile/i.test(name)
      ? await ballsSeen(context, model, positions)
      : undefined;
    if (seen !== undefined && /blink/i.test(name))
      process.stdout.write(`${head.name}, ${name}: ${seen.toFixed(1)} mm2 of eyeballs seen\n`);
    rows.push([head.name, name.replaceAll(',', ''), ...counts, seen?.toFixed(1) ?? ''].join(','));
  }
  rows.push([head.name, 'all', ...totals, ''].join(','));
  process.stdout.write(`${head.name}: ${PAIRS.map((pair, i) => `${pair.join('-')} ${totals[i]}`).join(', ')}\n`);
}
await writeFile(path.join(root, 'bench', 'results', 'shapes.csv'), `${rows.join('\n')}\n`);

if (flags.pictures) {
  await mkdir(flags.out, { recursive: true });
  for (const head of heads) {
    const file = path.join(flags.out, `shapes-${head.name.replace(' ', '-')}.jpg`);
    await writeFile(file, await drawSheet(context, model, head, shapes));
    process.stdout.write(`${file}\n`);
  }
}
context.dispose();

/**
 * Fits portraits with scripted expressions and compares the weights with the true ones:
 * `npm run bench:expression [-- --first SEED --count N --out FILE]`.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeFilesAtomically } from '../../lib/atomic-write.js';
import { HrnError } from '../../lib/errors.js';
import { create } from '../../lib/hrn.js';
import { loadHead } from '../../lib/models/head.js';
import { locateModels } from '../../lib/models/locate.js';
import { readModel } from '../../lib/models/manifest.js';
import { native } from '../../lib/native/load.js';
import { OPPOSITES } from '../../lib/stages/expression-weights.js';
import { scriptedExpression } from '../../models/build/expression/scripted.js';
import { PORTRAIT_PX, PortraitPainter } from '../../models/train/portrait.js';
import { withoutExpression } from '../accuracy/model-face.js';
import { neutralShape, ShapeDistance } from '../accuracy/shape-agreement.js';

const results = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'results', 'expression.md');
const { values: flags } = parseArgs({
  options: {
    first: { type: 'string', default: '12000000' },
    count: { type: 'string', default: '100' },
    out: { type: 'string', default: results },
  },
});
/** Weights from here on are those of shut eyes. */
const SHUT = 0.75;
const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
const { names } = model.expression;
const context = new (native().Context)({ threads: 2 });
const painter = new PortraitPainter(context, model, await native().buildModel(model).promise);
const shapes = new ShapeDistance(model);
const hrn = await create({ device: 'cpu' });
const sums = { error: 0, zero: 0, neutral: 0, posed: 0, opposites: 0, fits: 0 };
const shut: number[] = [];
const open: number[] = [];
const byName = names.map(() => ({ error: 0, zero: 0 }));
try {
  for (let seed = Number(flags.first); seed < Number(flags.first) + Number(flags.count); seed++) {
    const truth = await painter.draw(seed, { expression: scriptedExpression });
    const image = { data: truth.pixels, width: PORTRAIT_PX, height: PORTRAIT_PX, channels: 3 } as const;
    try {
      const face = await hrn.fit(image, { minFacePx: 80, textureSize: 256 });
      const weights = names.map((name) => face.coefficients.expression[name]!);
      sums.fits++;
      weights.forEach((weight, k) => {
        const error = Math.abs(weight - truth.expression[k]!);
        sums.error += error / names.length;
        sums.zero += truth.expression[k]! / names.length;
        byName[k]!.error += error;
        byName[k]!.zero += truth.expression[k]!;
      });
      for (const side of ['Left', 'Right']) {
        const k = names.indexOf(`eyeBlink${side}`);
        if (truth.expression[k]! > SHUT) shut.push(weights[k]!);
        else if (truth.expression[k]! < 0.01) open.push(weights[k]!);
      }
      const value = (name: string) => weights[names.indexOf(name)]!;
      sums.opposites += OPPOSITES.some(([a, b]) => value(a) > 0.1 && value(b) > 0.1) ? 1 : 0;
      const neutral = withoutExpression(model, truth.skinPositions, truth.expression);
      sums.neutral += shapes.between(neutralShape(face), neutral, true);
      sums.posed += shapes.between(face.mesh.positions, truth.skinPositions, true);
    } catch (error) {
      if (!(error instanceof HrnError)) throw error;
    }
  }
} finally {
  await hrn.dispose();
  context.dispose();
}
const quantile = (values: number[], q: number) => [...values].sort((a, b) => a - b)[Math.floor(q * values.length)] ?? 0;
const mean = (sum: number) => (sum / sums.fits).toFixed(4);
const text = `# Expressions

\`npm run bench:expression\`: ${sums.fits} training portraits with scripted expressions from seed ${flags.first}, 240 px.

| | |
| --- | --- |
| mean absolute error of the 52 weights | ${mean(sums.error)} |
| of the answer "neutral" | ${mean(sums.zero)} |
| blink where eyes are shut: median, least decile | ${quantile(shut, 0.5).toFixed(2)}, ${quantile(shut, 0.1).toFixed(2)} of ${shut.length} |
| blink where eyes are open: median, highest decile | ${quantile(open, 0.5).toFixed(2)}, ${quantile(open, 0.9).toFixed(2)} of ${open.length} |
| fits with opposite weights both over 0.1 | ${sums.opposites} |
| face with its expression, mm | ${mean(sums.posed)} |
| face without its expression, mm | ${mean(sums.neutral)} |

| weight | mean absolute error | of "neutral" |
| --- | --- | --- |
${names.map((name, k) => `| ${name} | ${mean(byName[k]!.error)} | ${mean(byName[k]!.zero)} |`).join('\n')}
`;
process.stdout.write(text);
await writeFilesAtomically([{ path: flags.out, bytes: Buffer.from(text) }]);

import { Command } from 'commander';
import { parseNumber } from './arguments.js';
import { exitCodeOf, failureLine } from './failure.js';

interface SampleFlags {
  seed: number;
  out: string;
  size: number;
}

async function sampleToFolder({ seed, out, size }: SampleFlags): Promise<void> {
  try {
    const { sample, writeSample } = await import('../sample.js');
    const paths = await writeSample(await sample({ seed, size }), out);
    process.stdout.write(`${paths.join('\n')}\n`);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    process.stderr.write(`${failureLine(`sample ${seed}`, error)}\n`);
  }
}

export const sampleCommand = new Command('sample')
  .description('draw a synthetic portrait of a random head, with its ground truth')
  .option('--seed <number>', 'whole number; the same one gives the same portrait', parseNumber, 1)
  .option('--size <pixels>', 'side of the square picture', parseNumber, 1024)
  .requiredOption(
    '-o, --out <folder>',
    'where sample-SEED.png, .obj (mm) and .json (camera, pose, coefficients, light) go',
  )
  .action(sampleToFolder);

import { Command } from 'commander';
import type { FaceBox } from '../hrn.js';
import { resolveDetectOptions } from '../options.js';
import { parseNumber } from './arguments.js';
import { exitCodeOf, failureLine, failureRecord } from './failure.js';
import { readImages } from './inputs.js';
import { interruptible } from './interrupt.js';

interface DetectFlags {
  maxPixels?: number;
  maxSide?: number;
  minFacePx?: number;
  json?: boolean;
  jsonl?: boolean;
}

/** What `--jsonl` prints of each image, and `--json` of several. */
type Found = { image: string; faces: FaceBox[] } | { image: string; error: { code: string; message: string } };

function printText(image: string, faces: readonly FaceBox[]): void {
  process.stdout.write(`${image}: ${faces.length === 1 ? '1 face' : `${faces.length} faces`}\n`);
  for (const [i, face] of faces.entries()) {
    const [x, y, width, height] = [face.x, face.y, face.width, face.height].map(Math.round);
    process.stdout.write(
      `  ${i}: ${width} x ${height} px at (${x}, ${y}), score ${face.score.toFixed(2)}, presence ${face.presence.toFixed(2)}\n`,
    );
  }
}

async function detect(args: string[], flags: DetectFlags): Promise<void> {
  await interruptible(async (signal) => {
    const { maxPixels, maxSide, minFacePx } = flags;
    const found: Found[] = [];
    const fail = (image: string | undefined, error: unknown) => {
      signal.throwIfAborted();
      process.exitCode = exitCodeOf(error);
      process.stderr.write(`${failureLine(image, error)}\n`);
    };
    try {
      const hrn = await import('../index.js');
      resolveDetectOptions({ maxPixels, maxSide, minFacePx });
      for (const { name: image, source } of await readImages(args)) {
        try {
          found.push({ image, faces: await hrn.detect(source, { signal, maxPixels, maxSide, minFacePx }) });
        } catch (error) {
          found.push({ image, error: failureRecord(error) });
          fail(image, error);
        }
        const last = found.at(-1)!;
        if (flags.jsonl) process.stdout.write(`${JSON.stringify(last)}\n`);
        else if (!flags.json && 'faces' in last) printText(image, last.faces);
      }
    } catch (error) {
      fail(undefined, error);
    }
    if (flags.json) printJson(found);
  });
}

/** Of one image the faces alone. */
function printJson(found: readonly Found[]): void {
  const [first] = found;
  const value = found.length === 1 && first && 'faces' in first ? first.faces : found;
  if (found.length > 1 || value !== found) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export const detectCommand = new Command('detect')
  .description('list the faces in a photo: those surely seen first, each sort by size, largest first')
  .argument('<images...>', 'JPEG, PNG, WebP, TIFF, AVIF, HEIC or GIF; a pattern in quotes; - for stdin')
  .option(
    '--json',
    'print JSON: an array of { x, y, width, height, score, presence }, in pixels; of several images\n' +
      'an array of { image, faces } or { image, error }',
  )
  .option('--jsonl', 'print JSON: a line { image, faces } or { image, error } for each image')
  .option('--max-pixels <n>', 'refuse images of more pixels (default: 50000000)', parseNumber)
  .option('--max-side <px>', 'refuse images with a longer side (default: 16384)', parseNumber)
  .option(
    '--min-face-px <px>',
    'smallest face to look for (default: 100; smaller ones are found by chance)',
    parseNumber,
  )
  .addHelpText('after', '\nThe number of a face is what `hrn fit --face` takes.')
  .action(detect);

import { Command } from 'commander';
import { parseNumber } from './arguments.js';
import { failureLine } from './failure.js';
import { interruptible } from './interrupt.js';

interface DetectFlags {
  maxPixels?: number;
  maxSide?: number;
  minFacePx?: number;
  json?: boolean;
}

async function detect(image: string, flags: DetectFlags): Promise<void> {
  await interruptible(async (signal) => {
    try {
      const hrn = await import('../index.js');
      const { maxPixels, maxSide, minFacePx } = flags;
      const faces = await hrn.detect(image, { signal, maxPixels, maxSide, minFacePx });
      if (flags.json) {
        process.stdout.write(`${JSON.stringify(faces, null, 2)}\n`);
        return;
      }
      process.stdout.write(`${image}: ${faces.length === 1 ? '1 face' : `${faces.length} faces`}\n`);
      for (const [i, face] of faces.entries()) {
        const [x, y, width, height] = [face.x, face.y, face.width, face.height].map(Math.round);
        process.stdout.write(
          `  ${i}: ${width} x ${height} px at (${x}, ${y}), score ${face.score.toFixed(2)}, presence ${face.presence.toFixed(2)}\n`,
        );
      }
    } catch (error) {
      signal.throwIfAborted();
      process.exitCode = 1;
      process.stderr.write(`${failureLine(image, error)}\n`);
    }
  });
}

export const detectCommand = new Command('detect')
  .description('list the faces in a photo: those surely seen first, each sort by size, largest first')
  .argument('<image>', 'JPEG, PNG, WebP, TIFF, AVIF, HEIC or GIF')
  .option('--json', 'print JSON: an array of { x, y, width, height, score, presence }, in pixels')
  .option('--max-pixels <n>', 'refuse images of more pixels (default: 50000000)', parseNumber)
  .option('--max-side <px>', 'refuse images with a longer side (default: 16384)', parseNumber)
  .option('--min-face-px <px>', 'smallest face to look for (default: 100)', parseNumber)
  .addHelpText('after', '\nThe number of a face is what `hrn fit --face` takes.')
  .action(detect);

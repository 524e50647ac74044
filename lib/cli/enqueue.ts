import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { HrnError } from '../index.js';
import type { Entry } from '../queue/index.js';
import { parseList, parseNumber } from './arguments.js';
import { exitCodeOf, failureLine } from './failure.js';

interface EnqueueFlags {
  from?: string;
  redis?: string;
  queue?: string;
  root?: string;
  s3Endpoint?: string;
  detail?: string;
  textureSize?: number;
  outputs?: string[];
  priority?: number;
  attempts?: number;
  retryFailed?: boolean;
  quiet?: boolean;
}

/** The photos of a list, a JSON object or string a line, without holding the list in memory. */
async function* readList(file: string, defaults: Omit<Entry, 'photo'>): AsyncGenerator<Entry> {
  const { outputsOf, taskOptionsOf } = await import('../workers/task-options.js');
  const input = file === '-' ? process.stdin : createReadStream(file);
  let number = 0;
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++;
      if (line.trim() === '') continue;
      const given = JSON.parse(line) as unknown;
      const { photo, priority, outputs, ...options } = (typeof given === 'string' ? { photo: given } : given) as Record<
        string,
        unknown
      >;
      if (typeof photo !== 'string') throw new Error('expected a "photo" in it');
      yield {
        photo,
        options: { ...defaults.options, ...taskOptionsOf(options) },
        outputs: outputs === undefined ? defaults.outputs : outputsOf(outputs as unknown[]),
        priority: typeof priority === 'number' ? priority : defaults.priority,
      };
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new HrnError('FILE_NOT_FOUND', `there is no file ${file}; check the path`, { cause });
    throw new HrnError('INVALID_OPTION', `line ${number} of ${file}: ${message}`, { cause });
  }
}

async function* chain(images: readonly string[], defaults: Omit<Entry, 'photo'>, from: string | undefined) {
  for (const photo of images) yield { photo, ...defaults };
  if (from !== undefined) yield* readList(from, defaults);
}

async function enqueueImages(images: string[], flags: EnqueueFlags): Promise<void> {
  const counts: Record<string, number> = {};
  try {
    if (images.length === 0 && flags.from === undefined) {
      throw new HrnError('INVALID_OPTION', 'expected photos or --from, got neither');
    }
    const { outputsOf } = await import('../workers/task-options.js');
    const { enqueue } = await import('../queue/index.js');
    const defaults: Omit<Entry, 'photo'> = {
      options: {
        ...(flags.detail !== undefined && { detail: flags.detail as 'coarse' }),
        ...(flags.textureSize !== undefined && { textureSize: flags.textureSize }),
      },
      outputs: flags.outputs === undefined ? undefined : outputsOf(flags.outputs),
      priority: flags.priority,
    };
    const { redis, queue, root, s3Endpoint, attempts, retryFailed } = flags;
    const options = { redis, queue, root, s3Endpoint, attempts, retryFailed };
    for await (const { photo, id, state, error } of enqueue(chain(images, defaults, flags.from), options)) {
      counts[state] = (counts[state] ?? 0) + 1;
      if (error) process.stderr.write(`${failureLine(photo, error)}\n`);
      else if (!flags.quiet) process.stdout.write(`${id} ${state} ${photo}\n`);
    }
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    process.stderr.write(`${failureLine('enqueue', error)}\n`);
  }
  if (counts.refused) process.exitCode = 1;
  const summary = Object.entries(counts).map(([state, count]) => `${count} ${state}`);
  process.stderr.write(`hrn: ${summary.join(', ') || 'nothing was put into the queue'}\n`);
}

export const enqueueCommand = new Command('enqueue')
  .description('put photos into a queue in Redis, for hrn worker')
  .argument('[images...]', 'files under --root, or s3://BUCKET/KEY')
  .option('--from <list>', 'JSON lines, - for stdin: "PHOTO" or { "photo": ..., "priority": ..., "detail": ... }')
  .option('--redis <url>', 'Redis or Valkey (default: redis://127.0.0.1:6379)')
  .option('--queue <name>', 'name of the queue (default: hrn)')
  .option('--root <dir>', 'folder under which the files lie (default: .)')
  .option('--s3-endpoint <url>', 'an S3-compatible store other than Amazon; credentials as AWS tools take them')
  .option('--outputs <list>', 'what to make: glb, obj, ply, json, preview, levels, usdz, stl', parseList)
  .option('--detail <level>', 'level of detail, as of hrn fit')
  .option('--texture-size <px>', 'side of the square texture (default: 2048)', parseNumber)
  .option('--priority <n>', '0 (default) goes before 1, 1 before 2, ...', parseNumber)
  .option('--attempts <n>', 'how often a job is tried before it is set aside (default: 3)', parseNumber)
  .option('--retry-failed', 'try those again that were set aside')
  .option('--quiet', 'print refused photos and the summary only')
  .addHelpText('after', '\nA photo that is in the queue already, with the same options, is not put into it again.')
  .action(enqueueImages);

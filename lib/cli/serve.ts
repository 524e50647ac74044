import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { HrnError } from '../index.js';
import { parseList, parseNumber } from './arguments.js';
import { exitCodeOf, failureLine } from './failure.js';
import { drained } from './interrupt.js';

interface ServeFlags {
  host?: string;
  port?: number;
  results?: string;
  ttl?: number;
  quota?: number;
  body?: number;
  maxPixels?: number;
  maxSide?: number;
  maxTextureSize?: number;
  workers?: number;
  threads?: number;
  queue?: number;
  fitTimeout?: number;
  requestTimeout?: number;
  drainTimeout?: number;
  connections?: number;
  tokens?: string;
  hostname?: string[];
  allowUrls?: string[];
  device?: string;
  models?: string;
  logLevel?: string;
}

const MIB = 2 ** 20;

/** One token a line; lines that begin with # are comments. From a file, since every user of a machine sees arguments. */
async function readTokens(file: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new HrnError('FILE_UNREADABLE', `the file of tokens ${file} cannot be read`, { cause });
  }
  const tokens = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (tokens.length === 0) throw new HrnError('INVALID_OPTION', `expected a token on a line of ${file}, got none`);
  const short = tokens.find((token) => token.length < 16 || /\s/.test(token));
  if (short !== undefined) {
    throw new HrnError('INVALID_OPTION', `expected tokens of 16 characters or more without spaces in ${file}`);
  }
  return tokens;
}

async function serve(flags: ServeFlags): Promise<void> {
  try {
    const tokens = flags.tokens === undefined ? undefined : await readTokens(flags.tokens);
    const service = await (await import('../serve/index.js')).serve({
      host: flags.host,
      port: flags.port,
      results: flags.results,
      ttlS: flags.ttl,
      quotaBytes: flags.quota === undefined ? undefined : flags.quota * MIB,
      bodyBytes: flags.body === undefined ? undefined : flags.body * MIB,
      maxPixels: flags.maxPixels,
      maxSide: flags.maxSide,
      maxTextureSize: flags.maxTextureSize,
      workers: flags.workers,
      threads: flags.threads,
      queue: flags.queue,
      fitTimeoutS: flags.fitTimeout,
      requestTimeoutS: flags.requestTimeout,
      drainTimeoutS: flags.drainTimeout,
      connections: flags.connections,
      tokens,
      hostnames: flags.hostname,
      allowUrls: flags.allowUrls,
      device: flags.device,
      models: flags.models,
      logLevel: flags.logLevel,
    });
    process.stderr.write(`hrn: the page is at ${service.url}, the API at ${service.url}/openapi.json\n`);
    await drained(async () => {
      process.stderr.write('hrn: no more photos; finishing those that were accepted (again: end at once)\n');
      if (await service.drain()) return;
      process.exitCode = 1;
      process.stderr.write('hrn: some fits were not finished in time and were stopped\n');
    }, service.close);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    process.stderr.write(`${failureLine('serve', error)}\n`);
  }
}

export const serveCommand = new Command('serve')
  .description('serve a page and an HTTP API that fit heads to photos')
  .option('--host <address>', 'address to listen at (default: 127.0.0.1, this machine alone)')
  .option('--port <n>', '0 picks a free one (default: 3000)', parseNumber)
  .option('--tokens <file>', 'bearer tokens, one a line; a request must carry one of them (default: none)')
  .option('--hostname <list>', 'names by which browsers may reach it, separated by commas', parseList)
  .option('--allow-urls <list>', 'fetch photos from these hosts, separated by commas, or any public one', parseList)
  .option('--results <dir>', 'folder for results, kept over restarts (default: a temporary one)')
  .option('--ttl <s>', 'how long results are kept (default: 3600)', parseNumber)
  .option('--quota <MiB>', 'space for uploads and results (default: 4096)', parseNumber)
  .option('--body <MiB>', 'largest photo file (default: 25)', parseNumber)
  .option('--max-pixels <n>', 'refuse images of more pixels (default: 50000000)', parseNumber)
  .option('--max-side <px>', 'refuse images with a longer side (default: 16384)', parseNumber)
  .option('--max-texture-size <px>', 'largest texture that may be asked for (default: 4096)', parseNumber)
  .option(
    '--workers <n>',
    'processes that fit, a photo each at a time (default: one per 4 cores, at least 2)',
    parseNumber,
  )
  .option('--threads <n>', 'threads of each of them (default: the cores, divided)', parseNumber)
  .option('--queue <n>', 'fits that may wait (default: 64)', parseNumber)
  .option('--fit-timeout <s>', 'stop a fit that takes longer (default: 120)', parseNumber)
  .option('--request-timeout <s>', 'time to send a request (default: 60)', parseNumber)
  .option('--drain-timeout <s>', 'after SIGTERM, time to finish accepted fits (default: 60)', parseNumber)
  .option('--connections <n>', 'connections at a time (default: 512)', parseNumber)
  .option('--device <name>', 'auto, cpu, cuda or cuda:N (default: auto)')
  .option('--models <dir>', 'folder with the models (default: the embedded ones)')
  .option('--log-level <level>', 'info, warn, error or silent (default: info)')
  .addHelpText(
    'after',
    '\nSIGTERM and Ctrl-C finish the accepted fits first. The log goes to stdout, a JSON object a line.',
  )
  .action(serve);

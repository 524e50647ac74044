import { Command } from 'commander';
import type { RunningWorker, WorkerEvent, WorkerMetrics } from '../queue/index.js';
import { parseNumber } from './arguments.js';
import { exitCodeOf, failureLine } from './failure.js';
import { drained } from './interrupt.js';

interface WorkerFlags {
  redis?: string;
  queue?: string;
  root?: string;
  out: string;
  s3Endpoint?: string;
  processes?: number;
  threads?: number;
  fitTimeout?: number;
  rate?: number;
  lock?: number;
  metricsPort?: number;
  device?: string;
  models?: string;
}

/** A JSON object a line, as services log. */
function log(event: WorkerEvent | { type: string; message: string }): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
}

async function worker(flags: WorkerFlags): Promise<void> {
  let running: RunningWorker | undefined;
  let metrics: WorkerMetrics | undefined;
  try {
    const { startWorker, WorkerMetrics } = await import('../queue/index.js');
    running = await startWorker({
      redis: flags.redis,
      queue: flags.queue,
      root: flags.root,
      out: flags.out,
      s3Endpoint: flags.s3Endpoint,
      processes: flags.processes,
      threads: flags.threads,
      fitTimeoutS: flags.fitTimeout,
      ratePerS: flags.rate,
      lockS: flags.lock,
      device: flags.device,
      models: flags.models,
      onEvent: (event) => {
        log(event);
        metrics?.observe(event);
      },
    });
    if (flags.metricsPort !== undefined) metrics = await WorkerMetrics.listen(flags.metricsPort, running);
    log({ type: 'ready', message: `${running.pool.counts.ready} of the processes can fit` });
    await drained(
      () => {
        process.stderr.write('hrn: no more jobs; finishing those begun (again: end at once)\n');
        return running!.drain();
      },
      () => running!.close(),
    );
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    process.stderr.write(`${failureLine('worker', error)}\n`);
    await running?.close();
  } finally {
    metrics?.close();
  }
}

export const workerCommand = new Command('worker')
  .description('fit the photos of a queue in Redis, beside other workers on this and other machines')
  .requiredOption('--out <place>', 'folder or s3://BUCKET/PREFIX for results, shared by all workers')
  .option('--redis <url>', 'Redis or Valkey (default: redis://127.0.0.1:6379)')
  .option('--queue <name>', 'name of the queue (default: hrn)')
  .option('--root <dir>', 'folder under which the files of the jobs lie (default: .)')
  .option('--s3-endpoint <url>', 'an S3-compatible store other than Amazon; credentials as AWS tools take them')
  .option('--processes <n>', 'processes that fit, a photo each at a time (default: one per 2 cores)', parseNumber)
  .option('--threads <n>', 'threads of each of them (default: the cores, divided)', parseNumber)
  .option('--fit-timeout <s>', 'stop a fit that takes longer (default: 300)', parseNumber)
  .option('--rate <n>', 'jobs begun per second by all workers together (default: no limit)', parseNumber)
  .option('--lock <s>', 'give the jobs of a worker that is silent for so long to others (default: 30)', parseNumber)
  .option('--metrics-port <n>', 'figures for Prometheus at 127.0.0.1:N/metrics', parseNumber)
  .option('--device <name>', 'auto, cpu, cuda or cuda:N (default: auto)')
  .option('--models <dir>', 'folder with the models (default: the embedded ones)')
  .addHelpText(
    'after',
    '\nSIGTERM and Ctrl-C finish the jobs begun first. The log goes to stdout, a JSON object a line.',
  )
  .action(worker);

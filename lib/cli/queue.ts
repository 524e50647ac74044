import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { QueueStatus } from '../queue/index.js';
import { parseNumber } from './arguments.js';
import { exitCodeOf, failureLine } from './failure.js';
import { interruptible } from './interrupt.js';

interface QueueFlags {
  redis?: string;
  queue?: string;
  failures?: number;
  wait?: boolean;
  json?: boolean;
}

const open = ({ waiting, delayed, active }: QueueStatus): number => waiting + delayed + active;

function print(found: QueueStatus): void {
  const { failures, ...counts } = found;
  const names = Object.entries(counts).map(([state, count]) => `${count} ${state}`);
  process.stdout.write(`${names.join(', ')}\n`);
  for (const { id, photo, error, attempts } of failures) {
    process.stdout.write(`${id} ${photo}: ${error} (tried ${attempts === 1 ? 'once' : `${attempts} times`})\n`);
  }
}

async function queue({ json, wait, ...options }: QueueFlags): Promise<void> {
  await interruptible(async (signal) => {
    try {
      const { status } = await import('../queue/index.js');
      let found = await status(options);
      while (wait && open(found) > 0) {
        await sleep(1000, undefined, { signal });
        found = await status(options);
      }
      if (json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
      else print(found);
      if (wait && found.failed > 0) process.exitCode = 1;
    } catch (error) {
      signal.throwIfAborted();
      process.exitCode = exitCodeOf(error);
      process.stderr.write(`${failureLine('queue', error)}\n`);
    }
  });
}

export const queueCommand = new Command('queue')
  .description('how many jobs a queue holds, and those that were set aside with their errors')
  .option('--redis <url>', 'Redis or Valkey (default: redis://127.0.0.1:6379)')
  .option('--queue <name>', 'name of the queue (default: hrn)')
  .option('--failures <n>', 'list so many failures at most (default: 100)', parseNumber)
  .option('--wait', 'wait until nothing is left to do; exit code 1 if something was set aside')
  .option('--json', 'print JSON')
  .action(queue);

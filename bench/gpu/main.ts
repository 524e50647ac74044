/**
 * The program behind .ci/gpu (see there): runs the steps of steps.ts in the time given, and keeps what they measured.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Schedule } from './schedule.js';
import { steps } from './steps.js';

const { values: given } = parseArgs({
  options: {
    minutes: { type: 'string', default: '8' },
    since: { type: 'string' },
    resume: { type: 'boolean', default: false },
    copy: { type: 'string' },
    'dry-run': { type: 'boolean', default: false },
    programs: { type: 'string', default: join('build-cmake', 'bin') },
    results: { type: 'string', default: join('out', 'gpu') },
  },
});
const minutes = Number(given.minutes);
if (!(minutes > 0)) throw new Error(`expected a number of minutes above 0 for --minutes, got '${given.minutes}'`);

const script = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const root = fileURLToPath(new URL('../..', import.meta.url));
const results = resolve(given.results);
const schedule = new Schedule(results, machine(), { resume: given.resume, copy: given.copy });
const todo = steps({ root, programs: resolve(given.programs), results, script, dry: given['dry-run'] });
/** For the end: files are copied, and a step stopped has still to be reaped. */
const RESERVE_S = 5;
/** Of the time given, what went before: unpacking. `--since`: seconds of the epoch. */
const spent = given.since === undefined ? performance.now() / 1000 : Date.now() / 1000 - Number(given.since);
await schedule.run(todo, 60 * minutes - spent - RESERVE_S);

const all = schedule.document.results;
const count = (state: string) => all.filter((result) => result.state === state).length;
const states = ['done', 'failed', 'stopped', 'skipped', 'not reached'].map((state) => `${count(state)} ${state}`);
console.log(`${states.join(', ')}; kept in ${given.results}`);
process.exitCode = count('failed') > 0 ? 1 : 0;

function machine(): Record<string, string | number> {
  const asked = 'name,driver_version,memory.total,clocks.max.sm,power.limit';
  const smi = spawnSync('nvidia-smi', [`--query-gpu=${asked}`, '--format=csv,noheader'], { encoding: 'utf8' });
  const version = join(root, 'version');
  return {
    gpu: smi.status === 0 ? smi.stdout.trim() : 'none',
    processor: (cpus()[0]?.model ?? 'unknown processor').trim(),
    threads: availableParallelism(),
    node: process.version,
    source: existsSync(version) ? readFileSync(version, 'utf8').trim() : 'this checkout',
    started: new Date().toISOString(),
  };
}

// npm run bench:queue -- --jobs 1000 --workers 3: jobs through workers that are killed at random and a Redis that restarts, then
// how fast the same processes are with a queue and without. Fails where a result is missing, doubled or broken.
// --folder DIR keeps everything there, and the same command goes on: in pieces of --for-minutes N, if given.
import { appendFileSync, copyFileSync, existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { FitPool } from '../../dist/workers/pool.js';
import { runCli } from '../../test/cli-process.js';
import { startWorkerProcess, type WorkerProcess } from '../../test/queue-worker.js';
import { REDIS, RedisServer } from '../../test/redis-server.js';
import { childrenOf } from '../../test/service-process.js';
import { numberArgument, randomNumbers, textArgument } from './arguments.js';

const jobs = numberArgument('jobs', 1000);
const workers = numberArgument('workers', 3);
/** Jobs of the comparison of throughputs. */
const timed = numberArgument('timed', 60);
const killEveryS = numberArgument('kill-every', 20);
const restarts = numberArgument('restarts', 3);
const forMinutes = numberArgument('for-minutes', Number.POSITIVE_INFINITY);
const random = randomNumbers(numberArgument('seed', 1));
if (!REDIS) throw new Error('neither redis-server nor valkey-server is installed');

const astronaut = fileURLToPath(new URL('../../examples/astronaut.png', import.meta.url));
const OPTIONS = { detail: 'coarse', textureSize: 256 } as const;
const QUICK = ['--detail', OPTIONS.detail, '--texture-size', `${OPTIONS.textureSize}`, '--outputs', 'json'];
const kept = textArgument('folder');
const folder = kept ?? (await mkdtemp(join(tmpdir(), 'hrn-bench-queue-')));
const at = (...names: string[]) => join(folder, ...names);
await Promise.all(['redis', 'in'].map((name) => mkdir(at(name), { recursive: true })));
const redis = await RedisServer.start(at('redis'));

async function photos(from: number, count: number): Promise<string[]> {
  const paths: string[] = [];
  for (let i = from; i < from + count; i++) {
    const path = at('in', `${i}.png`);
    copyFileSync(astronaut, path);
    // Bytes after the end of a PNG are no part of the picture, but make it another file.
    await appendFile(path, `${i}`);
    paths.push(path);
  }
  return paths;
}

const start = (out: string, queue: string) =>
  startWorkerProcess([
    ...['--redis', redis.url, '--queue', queue, '--root', at('in'), '--out', at(out)],
    ...['--processes', '1', '--threads', '1', '--lock', '5'],
  ]);

async function enqueue(paths: readonly string[], queue: string): Promise<void> {
  for (let i = 0; i < paths.length; i += 500) {
    const some = paths.slice(i, i + 500);
    const run = await runCli([
      'enqueue',
      ...some,
      '--redis',
      redis.url,
      '--queue',
      queue,
      '--root',
      at('in'),
      ...QUICK,
    ]);
    if (run.code !== 0) throw new Error(run.stderr);
  }
}

interface Counts {
  waiting: number;
  delayed: number;
  active: number;
  completed: number;
  failed: number;
}
async function counts(queue: string): Promise<Counts | undefined> {
  const run = await runCli(['queue', '--redis', redis.url, '--queue', queue, '--json', '--failures', '0']);
  return run.code === 0 ? (JSON.parse(run.stdout) as Counts) : undefined; // Redis restarts
}

/** What happened in this and earlier runs into the same folder: a line each. */
const journal = at('journal.jsonl');
interface Happening {
  type: 'kill' | 'restart' | 'piece' | 'done';
  id?: string;
  seconds?: number;
}
const note = (happening: Happening) => appendFileSync(journal, `${JSON.stringify(happening)}\n`);
function happenings(type: Happening['type']): Happening[] {
  if (!existsSync(journal)) return [];
  const all = readFileSync(journal, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Happening);
  return all.filter((one) => one.type === type);
}

/** Workers that are killed at random until no job is left or the time is over; returns how the last ones ended. */
async function killAtRandom(): Promise<(number | string)[]> {
  const begun = performance.now();
  await enqueue(await photos(0, jobs), 'killed');
  const begin = () => start('killed', 'killed');
  const end = (worker: WorkerProcess) => {
    for (const { type, id, known } of worker.lines) if (type === 'done' && !known) note({ type, id: id! });
  };
  const running: WorkerProcess[] = Array.from({ length: workers }, begin);
  let left = jobs;
  while (left > 0 && performance.now() - begun < 60_000 * forMinutes) {
    await sleep(1000 * killEveryS * (0.5 + random()));
    const victim = Math.floor(random() * workers);
    running[victim]!.child.kill('SIGKILL');
    await running[victim]!.ended;
    end(running[victim]!);
    running[victim] = begin();
    note({ type: 'kill' });
    const now = await counts('killed');
    if (now) left = now.waiting + now.delayed + now.active;
    const redisRestarts = happenings('restart').length;
    const seconds = Math.round((performance.now() - begun) / 1000);
    console.log(JSON.stringify({ seconds, kills: happenings('kill').length, redisRestarts, ...now }));
    if (redisRestarts < restarts && left < (jobs * (restarts - redisRestarts)) / (restarts + 1)) {
      await redis.stop();
      await redis.start();
      note({ type: 'restart' });
    }
  }
  for (const { child } of running) child.kill('SIGTERM');
  const exits = await Promise.all(running.map(({ ended }) => ended));
  for (const worker of running) end(worker);
  note({ type: 'piece', seconds: Math.round((performance.now() - begun) / 1000) });
  return exits;
}

async function killed(): Promise<Record<string, unknown>> {
  const exits = await killAtRandom();
  // What a killed worker was making lies apart, in a folder whose name begins with a dot.
  const records = (await readdir(at('killed'), { recursive: true })).filter((name) => /^[^.].*fit\.json$/.test(name));
  const seen = new Set<string>();
  for (const name of records) {
    const { photo, files } = JSON.parse(await readFile(at('killed', name), 'utf8')) as {
      photo: string;
      files: string[];
    };
    JSON.parse(await readFile(at('killed', name, '..', files[0]!), 'utf8')); // throws where it is not whole
    seen.add(photo);
  }
  return {
    jobs,
    workers,
    kills: happenings('kill').length,
    redisRestarts: happenings('restart').length,
    seconds: happenings('piece').reduce((sum, { seconds }) => sum + seconds!, 0),
    results: records.length,
    photos: seen.size,
    fitted: happenings('done').length,
    exits,
  };
}

/** Processor time of a process and its children that live, seconds (Linux). */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  const own = (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
  return childrenOf(pid).reduce((sum, child) => sum + processorSeconds(child), own);
}
const CLOCK_TICKS = 100;

interface Rate {
  jobsPerS: number;
  /** Of all processes that take part, which a busy machine does not change. */
  processorSPerJob: number;
}

/** Between the first few jobs, which find caches cold, and the last few, which find processes idle. */
async function rateOf(finished: () => number, processors: () => number): Promise<Rate> {
  const until = async (jobsDone: number) => {
    while (finished() < jobsDone) await sleep(10);
    return { jobs: finished(), wall: performance.now() / 1000, processor: processors() };
  };
  const first = await until(2 * workers);
  const last = await until(timed - workers);
  const count = last.jobs - first.jobs;
  return {
    jobsPerS: count / (last.wall - first.wall),
    processorSPerJob: (last.processor - first.processor) / count,
  };
}

/** The same jobs by the same number of processes: through the queue, and handed out directly. */
async function throughput(): Promise<Record<string, unknown>> {
  const paths = await photos(jobs, timed);
  const queued: WorkerProcess[] = Array.from({ length: workers }, () => start('timed', 'timed'));
  await Promise.all(queued.map((worker) => worker.has('ready')));
  const finished = () => queued.reduce((sum, { lines }) => sum + lines.filter(({ type }) => type === 'done').length, 0);
  const processors = () =>
    [redis.pid, ...queued.map(({ child }) => child.pid!)].reduce((sum, pid) => sum + processorSeconds(pid), 0);
  const [queue] = await Promise.all([rateOf(finished, processors), enqueue(paths, 'timed')]);
  for (const { child } of queued) child.kill('SIGTERM');
  await Promise.all(queued.map(({ ended }) => ended));

  const pool = new FitPool({
    processes: workers,
    threads: 1,
    device: undefined,
    models: undefined,
    timeoutMs: 300_000,
  });
  await pool.ready();
  while (pool.counts.ready < workers) await sleep(20);
  let done = 0;
  const fits = paths.map(async (image, i) => {
    const out = at('direct', `${i}`);
    await mkdir(out, { recursive: true });
    await pool.run({ image, name: image, folder: out, options: OPTIONS, outputs: ['json'] });
    done++;
  });
  const direct = await rateOf(
    () => done,
    () => processorSeconds(process.pid),
  );
  await Promise.all(fits);
  await pool.close();
  return {
    ...{ jobs: timed, workers, queue, direct },
    throughputRatio: queue.jobsPerS / direct.jobsPerS,
    processorRatio: queue.processorSPerJob / direct.processorSPerJob,
  };
}

let good = true;
try {
  if (jobs > 0) {
    const report = await killed();
    console.log(JSON.stringify(report, null, 2));
    good = report.results === jobs && report.photos === jobs;
  }
  if (timed > 0) {
    const report = await throughput();
    console.log(JSON.stringify(report, null, 2));
    good &&= (report.throughputRatio as number) > 0.9;
  }
} finally {
  await redis.stop();
  if (kept === undefined) await rm(folder, { recursive: true, force: true });
}
process.exitCode = good ? 0 : 1;

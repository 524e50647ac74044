// npm run bench:soak -- --minutes 120 --in-flight 4 [--samples FILE] [-- OPTIONS OF hrn serve]: keeps `hrn serve` busy and says
// what becomes of its memory, its files and its answers. Fails where memory of the service grows by 1 MB an hour or more
// after the warm-up, where a request fails, or where a file is left. SIGTERM and Ctrl-C end it early, with a report.
import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf, startService } from '../../test/service-process.js';
import { argumentsAfterDashes, numberArgument, textArgument } from './arguments.js';

const minutes = numberArgument('minutes', 120);
const inFlight = numberArgument('in-flight', 4);
const samplesFile = textArgument('samples');
/** Share of the time that is not looked at: caches fill, V8 finds its size. */
const WARM_UP = 0.25;
const QUERY = 'wait=1&outputs=glb,json,preview';

const photo = readFileSync(new URL('../../examples/astronaut.png', import.meta.url));
const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('hrn-serve-'));
const before = left();
const running = await startService(['--queue', '64', '--log-level', 'warn', ...argumentsAfterDashes()]);
const pid = running.child.pid!;
const begun = Date.now();
let end = begun + 60_000 * minutes;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    end = Date.now();
  });
}
const seconds: number[] = [];
const failures = new Map<string, number>();

interface Memory {
  /** All that is resident, MB. */
  rss: number;
  /** What was allocated: pages of files come and go as the machine pleases. */
  allocated: number;
}
interface Sample {
  hours: number;
  fits: number;
  service: Memory;
  /** By process id; a worker is replaced after its share of fits. */
  workers: Record<number, Memory>;
}
const samples: Sample[] = [];

function memoryOf(process: number): Memory | undefined {
  try {
    const status = readFileSync(`/proc/${process}/status`, 'utf8');
    const megabytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)![1]) / 1024;
    return { rss: megabytes('VmRSS'), allocated: megabytes('RssAnon') };
  } catch {
    return undefined; // it has just been replaced
  }
}

const agent = new Agent({ keepAlive: true });

/** Waits as long as it takes: fetch gives up after five minutes, which a fit may wait on a machine with other work. */
async function ask(method: string, path: string, body?: Buffer): Promise<Buffer> {
  const headers = body && { 'content-type': 'image/png', 'content-length': body.length };
  const asked = request(running.url + path, { method, agent, ...(headers && { headers }) }).end(body);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return buffer(answer);
}

async function client(): Promise<void> {
  while (Date.now() < end) {
    const start = performance.now();
    const { links, files, error } = JSON.parse(`${await ask('POST', `/v1/fits?${QUERY}`, photo)}`) as {
      links?: { self: string };
      files?: Record<string, string>;
      error?: { code: string };
    };
    if (!links || !files) {
      failures.set(error!.code, (failures.get(error!.code) ?? 0) + 1);
      continue;
    }
    seconds.push((performance.now() - start) / 1000);
    const glb = await ask('GET', files['head.glb']!);
    if (glb.length < 1e6) failures.set('SHORT_GLB', (failures.get('SHORT_GLB') ?? 0) + 1);
    await ask('DELETE', links.self);
  }
}

async function watch(): Promise<void> {
  if (samplesFile) writeFileSync(samplesFile, '');
  while (Date.now() < end) {
    await sleep(Math.min(5000, Math.max(0, end - Date.now())));
    const memories = childrenOf(pid).map((child) => [child, memoryOf(child)] as const);
    const service = memoryOf(pid);
    if (!service) throw new Error(`hrn serve ended: ${running.log}`);
    const workers = Object.fromEntries(memories.filter(([, memory]) => memory)) as Sample['workers'];
    const sample = { hours: (Date.now() - begun) / 3.6e6, fits: seconds.length, service, workers };
    samples.push(sample);
    if (samplesFile) appendFileSync(samplesFile, `${JSON.stringify(sample)}\n`);
  }
}

/** Of a straight line through the points, per unit of x. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (k: 0 | 1) => points.reduce((sum, point) => sum + point[k], 0) / points.length;
  const [mx, my] = [mean(0), mean(1)];
  const xy = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  return xy / points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
}

await Promise.all([watch(), ...Array.from({ length: inFlight }, client)]);
const code = await running.stop('SIGTERM');
seconds.sort((a, b) => a - b);
const steady = samples.filter(({ hours }) => hours > (WARM_UP * (end - begun)) / 3.6e6);
const percentile = (share: number) => Number(seconds[Math.floor(share * (seconds.length - 1))]?.toFixed(2));
const rounded = (value: number) => Number(value.toFixed(2));
const sumOf = (workers: Sample['workers'], name: keyof Memory) =>
  Object.values(workers).reduce((sum, memory) => sum + memory[name], 0);

/** Growth of the workers while they live, MB per thousand fits of all: a line through each one's samples. */
function growthOfWorkers(): number {
  const slopes: number[] = [];
  for (const id of new Set(steady.flatMap(({ workers }) => Object.keys(workers)))) {
    const points = steady
      .filter(({ workers }) => workers[Number(id)])
      .map(({ fits, workers }) => [fits, workers[Number(id)]!.allocated] as const);
    if (points.length >= 20) slopes.push(1000 * slope(points));
  }
  return slopes.reduce((sum, one) => sum + one, 0) / slopes.length;
}

const report = {
  minutes: rounded((end - begun) / 60_000),
  inFlight,
  fits: seconds.length,
  failures: Object.fromEntries(failures),
  p50S: percentile(0.5),
  p95S: percentile(0.95),
  serviceMb: rounded(steady.at(-1)!.service.rss),
  serviceMbPerHour: rounded(slope(steady.map(({ hours, service }) => [hours, service.allocated]))),
  serviceRssMbPerHour: rounded(slope(steady.map(({ hours, service }) => [hours, service.rss]))),
  workersMb: rounded(sumOf(steady.at(-1)!.workers, 'rss')),
  workersMbPerHour: rounded(slope(steady.map(({ hours, workers }) => [hours, sumOf(workers, 'allocated')]))),
  workerMbPerThousandFits: rounded(growthOfWorkers()),
  workersSeen: new Set(samples.flatMap(({ workers }) => Object.keys(workers))).size,
  exitCode: code,
  filesLeft: left().filter((name) => !before.includes(name)).length,
};
console.log(JSON.stringify(report, null, 2));
const good = failures.size === 0 && report.filesLeft === 0 && code === 0 && report.serviceMbPerHour < 1;
process.exitCode = good ? 0 : 1;

// npm run bench:soak -- --minutes 120 --in-flight 4: keeps `hrn serve` busy and says what becomes of its memory, its files
// and its answers. Fails where memory of the service grows by 1 MB an hour or more after the warm-up, where a request fails, or where a file is left.
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf, startService } from '../../test/service-process.js';
import { numberArgument } from './arguments.js';

const minutes = numberArgument('minutes', 120);
const inFlight = numberArgument('in-flight', 4);
/** Share of the time that is not looked at: caches fill, V8 finds its size. */
const WARM_UP = 0.25;
const QUERY = 'wait=1&outputs=glb,json,preview';

const photo = readFileSync(new URL('../../examples/astronaut.png', import.meta.url));
const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('hrn-serve-'));
const before = left();
const service = await startService(['--queue', '64', '--log-level', 'warn']);
const pid = service.child.pid!;
const end = Date.now() + 60_000 * minutes;
const seconds: number[] = [];
const failures = new Map<string, number>();
const samples: { hours: number; serviceMb: number; workersMb: number }[] = [];

function megabytes(process: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${process}/status`, 'utf8'))![1]) / 1024;
  } catch {
    return 0; // it has just been replaced
  }
}

async function client(): Promise<void> {
  while (Date.now() < end) {
    const start = performance.now();
    const response = await fetch(`${service.url}/v1/fits?${QUERY}`, {
      method: 'POST',
      body: photo,
      headers: { 'content-type': 'image/png' },
    });
    const { links, files, error } = (await response.json()) as {
      links?: { self: string };
      files?: Record<string, string>;
      error?: { code: string };
    };
    if (!links || !files) {
      failures.set(error!.code, (failures.get(error!.code) ?? 0) + 1);
      continue;
    }
    seconds.push((performance.now() - start) / 1000);
    const glb = await (await fetch(service.url + files['head.glb'])).arrayBuffer();
    if (glb.byteLength < 1e6) failures.set('SHORT_GLB', (failures.get('SHORT_GLB') ?? 0) + 1);
    await fetch(service.url + links.self, { method: 'DELETE' });
  }
}

async function watch(): Promise<void> {
  const start = Date.now();
  while (Date.now() < end) {
    await sleep(5000);
    const workersMb = childrenOf(pid).reduce((sum, child) => sum + megabytes(child), 0);
    samples.push({ hours: (Date.now() - start) / 3.6e6, serviceMb: megabytes(pid), workersMb });
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
const code = await service.stop('SIGTERM');
seconds.sort((a, b) => a - b);
const steady = samples.slice(Math.floor(WARM_UP * samples.length));
const percentile = (share: number) => Number(seconds[Math.floor(share * (seconds.length - 1))]?.toFixed(2));
const perHour = (name: 'serviceMb' | 'workersMb') =>
  Number(slope(steady.map((sample) => [sample.hours, sample[name]] as const)).toFixed(2));
const report = {
  minutes,
  inFlight,
  fits: seconds.length,
  failures: Object.fromEntries(failures),
  p50S: percentile(0.5),
  p95S: percentile(0.95),
  serviceMb: Math.round(steady.at(-1)!.serviceMb),
  serviceMbPerHour: perHour('serviceMb'),
  workersMb: Math.round(steady.at(-1)!.workersMb),
  workersMbPerHour: perHour('workersMb'),
  exitCode: code,
  filesLeft: left().filter((name) => !before.includes(name)).length,
};
console.log(JSON.stringify(report, null, 2));
const good = failures.size === 0 && report.filesLeft === 0 && code === 0 && report.serviceMbPerHour < 1;
process.exitCode = good ? 0 : 1;

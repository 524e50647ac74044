/**
 * `npm run bench:jobs [-- --device cuda] [--fits N] [--coarse | --high] [PHOTO]`: what each native job of a warm medium fit (or coarse, or high) takes
 * by the wall clock, from its start to its end, in the order of their starts; jobs of a name are added. Jobs run beside
 * each other, so that they add up to more than the fit. Prints a line of JSON a job, medians over the fits. `--spans FILE`
 * keeps the start and end of each too; `--network-threads N` runs each network on as many threads, in place of one.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as hrn from '../lib/index.js';
import type { NativeJob, NativeSession } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';
import { type JobSpan, WHOLE_FIT } from './gpu/gpu-time.js';

const { values: given, positionals } = parseArgs({
  options: {
    device: { type: 'string', default: 'auto' },
    fits: { type: 'string', default: '9' },
    spans: { type: 'string' },
    'network-threads': { type: 'string' },
    coarse: { type: 'boolean', default: false },
    high: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const photo = positionals[0] ?? fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
const options: hrn.FitOptions = {
  device: given.device as hrn.DeviceRequest,
  ...(given.coarse && { detail: 'coarse', textureSize: 256 }),
  ...(given.high && { detail: 'high' }),
};

interface Span {
  startMs: number;
  ms: number;
  times: number;
}
/** Of the fit that runs. */
let spans = new Map<string, Span>();
let began = 0;
/** Of all fits but the first. */
const kept: JobSpan[] = [];
/** As performance.now(), by the clock of what happens on a GPU. */
const clockNs = () => Number(process.hrtime.bigint());

/** Every function of the addon that starts a job says when the job ended. */
function watch(): void {
  const binding = native() as unknown as Record<string, unknown>;
  const threads = Number(given['network-threads'] ?? 1);
  const { Session } = native();
  binding.Session = class extends Session {
    override open(options: Parameters<NativeSession['open']>[0]): NativeJob<string> {
      return super.open({ ...options, threads });
    }
  };
  for (const [name, start] of Object.entries(binding)) {
    if (typeof start !== 'function' || /^[A-Z]/.test(name)) continue; // classes
    binding[name] = (...args: unknown[]) => {
      const [from, fromNs] = [performance.now(), clockNs()];
      const job = start(...args) as { promise?: Promise<unknown> } | undefined;
      const note = () => {
        const span = spans.get(name) ?? { startMs: from - began, ms: 0, times: 0 };
        spans.set(name, { ...span, ms: span.ms + performance.now() - from, times: span.times + 1 });
        kept.push({ fit: fits.length, job: name, startNs: fromNs, endNs: clockNs() });
      };
      if (job?.promise instanceof Promise) job.promise.then(note, note);
      return job;
    };
  }
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

const fits: { total: number; spans: Map<string, Span> }[] = [];
watch();
await using instance = await hrn.create();
await instance.fit(photo, options);
kept.length = 0;
let device = '';
for (let i = 0; i < Number(given.fits); i++) {
  spans = new Map();
  began = performance.now();
  const startNs = clockNs();
  ({ device } = await instance.fit(photo, options));
  kept.push({ fit: i, job: WHOLE_FIT, startNs, endNs: clockNs() });
  fits.push({ total: performance.now() - began, spans });
}
if (given.spans) writeFileSync(given.spans, JSON.stringify(kept));
console.log(
  JSON.stringify({ device, job: 'whole fit', ms: median(fits.map(({ total }) => total)), startMs: 0, times: 1 }),
);
const names = [...fits.at(-1)!.spans].sort(([, a], [, b]) => a.startMs - b.startMs).map(([name]) => name);
for (const job of names) {
  const of = fits.flatMap((fit) => fit.spans.get(job) ?? []);
  const [ms, startMs] = [median(of.map((span) => span.ms)), median(of.map((span) => span.startMs))];
  console.log(JSON.stringify({ device, job, ms, startMs, times: of.at(-1)!.times }));
}

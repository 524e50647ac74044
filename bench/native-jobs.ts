/**
 * `npm run bench:jobs [-- --device cuda] [--fits N] [--coarse] [PHOTO]`: what each native job of a warm medium fit takes
 * by the wall clock, from its start to its end, in the order of their starts; jobs of a name are added. Jobs run beside
 * each other, so that they add up to more than the fit. Prints a line of JSON a job, medians over the fits.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as hrn from '../lib/index.js';
import { native } from '../lib/native/load.js';

const { values: given, positionals } = parseArgs({
  options: {
    device: { type: 'string', default: 'auto' },
    fits: { type: 'string', default: '9' },
    coarse: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const photo = positionals[0] ?? fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
const options: hrn.FitOptions = {
  device: given.device as hrn.DeviceRequest,
  ...(given.coarse && { detail: 'coarse', textureSize: 256 }),
};

interface Span {
  startMs: number;
  ms: number;
  times: number;
}
/** Of the fit that runs. */
let spans = new Map<string, Span>();
let began = 0;

/** Every function of the addon that starts a job says when the job ended. */
function watch(): void {
  const binding = native() as unknown as Record<string, unknown>;
  for (const [name, start] of Object.entries(binding)) {
    if (typeof start !== 'function' || /^[A-Z]/.test(name)) continue; // classes
    binding[name] = (...args: unknown[]) => {
      const from = performance.now();
      const job = start(...args) as { promise?: Promise<unknown> } | undefined;
      const note = () => {
        const span = spans.get(name) ?? { startMs: from - began, ms: 0, times: 0 };
        spans.set(name, { ...span, ms: span.ms + performance.now() - from, times: span.times + 1 });
      };
      if (job?.promise instanceof Promise) job.promise.then(note, note);
      return job;
    };
  }
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

watch();
await using instance = await hrn.create();
await instance.fit(photo, options);
const fits: { total: number; spans: Map<string, Span> }[] = [];
let device = '';
for (let i = 0; i < Number(given.fits); i++) {
  spans = new Map();
  began = performance.now();
  ({ device } = await instance.fit(photo, options));
  fits.push({ total: performance.now() - began, spans });
}
console.log(
  JSON.stringify({ device, job: 'whole fit', ms: median(fits.map(({ total }) => total)), startMs: 0, times: 1 }),
);
const names = [...fits.at(-1)!.spans].sort(([, a], [, b]) => a.startMs - b.startMs).map(([name]) => name);
for (const job of names) {
  const of = fits.flatMap((fit) => fit.spans.get(job) ?? []);
  const [ms, startMs] = [median(of.map((span) => span.ms)), median(of.map((span) => span.startMs))];
  console.log(JSON.stringify({ device, job, ms, startMs, times: of.at(-1)!.times }));
}

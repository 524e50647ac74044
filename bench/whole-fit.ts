/**
 * `npm run bench:fit`: what a user meets. Each trial runs in a process of its own: `import 'hrn'`, a warm medium fit of
 * a 1024 px portrait per stage, a cold run of the command line from photo to GLB, and the peak memory of each; on a GPU
 * also how many faces a second with one and with 16 in flight. Kept in bench/results/fit-<device>.json, the device being
 * the one that `auto` picks. Builds nothing: run `npm run build:all` first.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const root = fileURLToPath(new URL('..', import.meta.url));
const index = new URL('../dist/index.js', import.meta.url).href;
const main = join(root, 'dist', 'cli', 'main.js');
const astronaut = join(root, 'examples', 'astronaut.png');
const TRIALS = 5;

/** Faces at a time, where fits run on a GPU. */
const IN_FLIGHT = 16;

/** Limits that the project has set itself, on two cores. */
const CPU_LIMITS: Record<string, number> = {
  'import, ms': 150,
  'warm medium fit, 1024 px, ms': 3000,
  'cold command line, 512 px, ms': 8000,
  'cold command line, 1024 px, ms': 8000,
  'peak memory of the command line, 512 px, MB': 700,
  'peak memory of the command line, 1024 px, MB': 700,
  'peak memory of the command line, 12 megapixels, MB': 700,
};

/** The same on an H100, the fitting loops being the stages coarse and refine. */
const GPU_LIMITS: Record<string, number> = { 'warm medium fit, 1024 px, ms': 120, 'fitting loops of it, ms': 40 };

const folder = mkdtempSync(join(tmpdir(), 'hrn-bench-'));
const figures: Record<string, number> = {};
let stages: Record<string, number> = {};
let device = '';
try {
  figures['import, ms'] = median(repeat(TRIALS, () => evaluate(`await import('${index}');`).ms));

  const portrait = join(folder, 'portrait.png');
  await sharp(astronaut).resize(1024).toFile(portrait);
  const warm = evaluate(
    `const hrn = await import('${index}');
     await hrn.fit('${portrait}');
     const runs = [];
     for (let i = 0; i < ${TRIALS}; ++i) {
       const start = performance.now();
       const face = await hrn.fit('${portrait}');
       runs.push({ total: performance.now() - start, ...face.timingsMs });
     }
     console.log(JSON.stringify({ device: (await hrn.fit('${portrait}')).device, runs }));`,
  );
  const parsed = JSON.parse(warm.stdout) as { device: string; runs: Record<string, number>[] };
  const { runs } = parsed;
  device = parsed.device;
  const names = Object.keys(runs[0]!).filter((name) => name !== 'total');
  stages = Object.fromEntries(names.map((name) => [name, median(runs.map((run) => run[name]!))]));
  figures['warm medium fit, 1024 px, ms'] = median(runs.map(({ total }) => total!));
  figures['fitting loops of it, ms'] = median(runs.map(({ coarse, refine }) => coarse! + refine!));
  if (device.startsWith('cuda')) {
    const rates = evaluate(
      `const hrn = await import('${index}');
       const one = () => hrn.fit('${portrait}');
       const rate = async (run) => {
         const start = performance.now();
         await run();
         return (${IN_FLIGHT} * 1000) / (performance.now() - start);
       };
       const together = () => Promise.all(Array.from({ length: ${IN_FLIGHT} }, one));
       await together();
       const alone = await rate(async () => { for (let i = 0; i < ${IN_FLIGHT}; ++i) await one(); });
       console.log(JSON.stringify({ alone, together: await rate(together) }));`,
    );
    const { alone, together } = JSON.parse(rates.stdout) as { alone: number; together: number };
    figures['one face at a time, faces per second'] = alone;
    figures[`${IN_FLIGHT} faces in flight, faces per second`] = together;
  }

  const large = join(folder, 'large.jpg');
  const background = '#808080';
  await sharp(astronaut).resize(3000).extend({ left: 500, right: 500, background }).jpeg().toFile(large);
  for (const [size, image] of [
    ['512 px', astronaut],
    ['1024 px', portrait],
    ['12 megapixels', large],
  ] as const) {
    const cold = repeat(size === '12 megapixels' ? 1 : 3, () =>
      commandLine(['fit', image, '--out', join(folder, 'out')]),
    );
    figures[`cold command line, ${size}, ms`] = median(cold.map(({ ms }) => ms));
    figures[`peak memory of the command line, ${size}, MB`] = median(cold.map(({ megabytes }) => megabytes));
  }
} finally {
  rmSync(folder, { recursive: true });
}

const processor = (cpus()[0]?.model ?? 'unknown processor').trim();
const limits = device.startsWith('cuda') ? GPU_LIMITS : CPU_LIMITS;
console.log(`${device}; ${processor}, ${availableParallelism()} threads, node ${process.version}`);
for (const [name, value] of Object.entries(figures)) {
  const limit = limits[name];
  const verdict = limit === undefined ? '' : `  (at most ${limit}${value > limit ? ': MISSED' : ''})`;
  console.log(`${name.padEnd(52)} ${value.toFixed(0).padStart(6)}${verdict}`);
}
for (const [name, value] of Object.entries(stages)) console.log(`  ${name.padEnd(50)} ${value.toFixed(0).padStart(6)}`);
const results = join(root, 'bench', 'results');
mkdirSync(results, { recursive: true });
const gpu = /^cuda:\d+ \((.*)\)$/.exec(device)?.[1];
const slug = (gpu ?? processor)
  .toLowerCase()
  .replace(/[^a-z0-9]+/g, '-')
  .replace(/^-|-$/g, '');
const document = {
  device,
  processor,
  threads: availableParallelism(),
  node: process.version,
  figures,
  stagesMs: stages,
};
writeFileSync(join(results, `fit-${slug}.json`), `${JSON.stringify(document, null, 1)}\n`);

interface Trial {
  /** Of the program alone: node's own start-up is not counted. */
  ms: number;
  megabytes: number;
  stdout: string;
}

/** Runs a module in a fresh process. */
function evaluate(source: string): Trial {
  return trial(['--input-type=module', '-e', source]);
}

/** Runs the command line in a fresh process; here node's start-up counts, as the user waits for it. */
function commandLine(args: string[]): Trial {
  const start = performance.now();
  const run = trial([main, ...args]);
  return { ...run, ms: performance.now() - start };
}

function trial(args: string[]): Trial {
  // process.on('exit') runs last, so it sees the peak.
  const meter = `data:text/javascript,const start = performance.now(); process.on('exit', () => {
    const { maxRSS } = process.resourceUsage();
    process.stderr.write('METER ' + JSON.stringify({ ms: performance.now() - start, megabytes: maxRSS / 1024 }) + String.fromCharCode(10));
  });`;
  const run = spawnSync(process.execPath, ['--import', meter.replace(/\s+/g, ' '), ...args], { encoding: 'utf8' });
  const measured = /METER (.*)/.exec(run.stderr)?.[1];
  if (run.status !== 0 || !measured) throw new Error(run.stderr || String(run.error));
  return { ...(JSON.parse(measured) as { ms: number; megabytes: number }), stdout: run.stdout };
}

function repeat<T>(count: number, run: () => T): T[] {
  return Array.from({ length: count }, run);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

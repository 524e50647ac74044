/**
 * `npm run bench:fit`: what a user meets. Each trial runs in a process of its own: `import 'hrn-face'`, a warm medium fit of
 * a 1024 px portrait per stage, what it takes of processors and of JavaScript's thread, how many faces a minute with one
 * and with 16 in flight, a cold run of the command line from photo to GLB, and the peak memory of each. Kept in
 * bench/results/fit-<device>.json, the device being the one that `auto` picks. Builds nothing: run `npm run build:all`
 * first. `-- --json FILE` keeps them there instead, and what was measured before something failed; `--device cuda` refuses
 * to measure another one; `--quick` does as little as shows that it runs (coarse fits, once, no cold runs).
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';

const root = fileURLToPath(new URL('..', import.meta.url));
const index = new URL('../dist/index.js', import.meta.url).href;
const main = join(root, 'dist', 'cli', 'main.js');
const astronaut = join(root, 'examples', 'astronaut.png');
const { values: given } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'string' }, device: { type: 'string', default: 'auto' } },
});
const TRIALS = given.quick ? 1 : 5;
const OPTIONS = JSON.stringify({ device: given.device, ...(given.quick && { detail: 'coarse', textureSize: 256 }) });

/** Faces at a time. */
const IN_FLIGHT = given.quick ? 1 : 16;

/** Limits that the project has set itself, on two cores. */
const CPU_LIMITS: Record<string, number> = {
  'import, ms': 150,
  'warm medium fit, 1024 px, ms': 3000,
  'longest block of the event loop, ms': 50,
  'cold command line, 512 px, ms': 8000,
  'cold command line, 1024 px, ms': 8000,
  'peak memory of the command line, 512 px, MB': 700,
  'peak memory of the command line, 1024 px, MB': 700,
  'peak memory of the command line, 12 megapixels, MB': 700,
};

/** The same on an H100, the fitting loops being the stages coarse and refine. */
const GPU_LIMITS: Record<string, number> = {
  'warm medium fit, 1024 px, ms': 100,
  'fitting loops of it, ms': 35,
  'longest block of the event loop, ms': 50,
};
const GPU_LEAST: Record<string, number> = {
  '16 faces in flight, faces per minute': 1800,
  '16 faces in flight, times as many as one at a time': 3.5,
};

const folder = mkdtempSync(join(tmpdir(), 'hrn-bench-'));
const figures: Record<string, number> = {};
let stages: Record<string, number> = {};
let device = '';
try {
  figures['import, ms'] = median(repeat(TRIALS, () => evaluate(`await import('${index}');`).ms));

  const portrait = join(folder, 'portrait.png');
  await sharp(astronaut).resize(1024).toFile(portrait);
  const warm = evaluate(
    `import { existsSync, readFileSync } from 'node:fs';
     const hrn = await import('${index}');
     const { device } = await hrn.fit('${portrait}', ${OPTIONS});
     const runs = [];
     for (let i = 0; i < ${TRIALS}; ++i) {
       const start = performance.now();
       const face = await hrn.fit('${portrait}', ${OPTIONS});
       runs.push({ total: performance.now() - start, ...face.timingsMs });
     }
     // Known on Linux alone.
     const times = '/proc/thread-self/schedstat';
     const ofThread = () => existsSync(times) ? Number(readFileSync(times, 'utf8').split(' ')[0]) / 1e6 : NaN;
     const ofProcess = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
     const before = { javascript: ofThread(), all: ofProcess() };
     for (let i = 0; i < ${TRIALS}; ++i) await hrn.fit('${portrait}', ${OPTIONS});
     const javascript = (ofThread() - before.javascript) / ${TRIALS};
     const all = (ofProcess() - before.all) / ${TRIALS};
     const blocks = [];
     for (let i = 0; i < ${TRIALS}; ++i) {
       let [last, longest] = [ofThread(), 0];
       const watch = setInterval(() => {
         const now = ofThread();
         [last, longest] = [now, Math.max(longest, now - last)];
       }, 1);
       await hrn.fit('${portrait}', ${OPTIONS});
       clearInterval(watch);
       blocks.push(longest);
     }
     console.log(JSON.stringify({ device, runs, javascript, all, blocks }));`,
  );
  const parsed = JSON.parse(warm.stdout) as {
    device: string;
    runs: Record<string, number>[];
    javascript: number;
    all: number;
    blocks: number[];
  };
  const { runs } = parsed;
  device = parsed.device;
  const names = Object.keys(runs[0]!).filter((name) => name !== 'total');
  stages = Object.fromEntries(names.map((name) => [name, median(runs.map((run) => run[name]!))]));
  figures['warm medium fit, 1024 px, ms'] = median(runs.map(({ total }) => total!));
  figures['fitting loops of it, ms'] = median(runs.map(({ coarse, refine }) => coarse! + refine!));
  figures['processor time of it, ms'] = parsed.all;
  // Of processor time, so that other programs' load does not count.
  figures["of that on JavaScript's thread, ms"] = parsed.javascript;
  figures['longest block of the event loop, ms'] = median(parsed.blocks);
  const rates = evaluate(
    `const hrn = await import('${index}');
     const one = () => hrn.fit('${portrait}', ${OPTIONS});
     const measure = async (run) => {
       const [start, before] = [performance.now(), process.cpuUsage()];
       await run();
       const { user, system } = process.cpuUsage(before);
       const facesPerSecond = (${IN_FLIGHT} * 1000) / (performance.now() - start);
       return { facesPerSecond, processorMs: (user + system) / 1000 / ${IN_FLIGHT} };
     };
     const together = () => Promise.all(Array.from({ length: ${IN_FLIGHT} }, one));
     await together();
     const alone = await measure(async () => { for (let i = 0; i < ${IN_FLIGHT}; ++i) await one(); });
     console.log(JSON.stringify({ alone, together: await measure(together) }));`,
  );
  type Rate = { facesPerSecond: number; processorMs: number };
  const { alone, together } = JSON.parse(rates.stdout) as { alone: Rate; together: Rate };
  figures['one face at a time, faces per minute'] = 60 * alone.facesPerSecond;
  figures[`${IN_FLIGHT} faces in flight, faces per minute`] = 60 * together.facesPerSecond;
  figures[`${IN_FLIGHT} faces in flight, times as many as one at a time`] =
    together.facesPerSecond / alone.facesPerSecond;
  figures[`${IN_FLIGHT} faces in flight, processor time a face, ms`] = together.processorMs;

  const large = join(folder, 'large.jpg');
  const background = '#808080';
  await sharp(astronaut).resize(3000).extend({ left: 500, right: 500, background }).jpeg().toFile(large);
  const pictures = [
    ['512 px', astronaut],
    ['1024 px', portrait],
    ['12 megapixels', large],
  ] as const;
  for (const [size, image] of given.quick ? [] : pictures) {
    const cold = repeat(size === '12 megapixels' ? 1 : 3, () =>
      commandLine(['fit', image, '--device', given.device, '--out', join(folder, 'out')]),
    );
    figures[`cold command line, ${size}, ms`] = median(cold.map(({ ms }) => ms));
    figures[`peak memory of the command line, ${size}, MB`] = median(cold.map(({ megabytes }) => megabytes));
  }
} finally {
  rmSync(folder, { recursive: true });
  if (device !== '') keep();
}

function keep(): void {
  const processor = (cpus()[0]?.model ?? 'unknown processor').trim();
  const onGpu = device.startsWith('cuda');
  /** What is wanted of them, where something is. */
  const limits = { most: onGpu ? GPU_LIMITS : CPU_LIMITS, least: onGpu ? GPU_LEAST : {} };
  console.log(`${device}; ${processor}, ${availableParallelism()} threads, node ${process.version}`);
  for (const [name, value] of Object.entries(figures)) {
    const [most, least] = [limits.most[name], limits.least[name]];
    const verdict =
      most !== undefined
        ? `  (at most ${most}${value > most ? ': MISSED' : ''})`
        : least !== undefined
          ? `  (at least ${least}${value < least ? ': MISSED' : ''})`
          : '';
    console.log(`${name.padEnd(52)} ${value.toFixed(value < 10 ? 2 : 0).padStart(6)}${verdict}`);
  }
  for (const [name, value] of Object.entries(stages))
    console.log(`  ${name.padEnd(50)} ${value.toFixed(0).padStart(6)}`);
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
    limits,
    stagesMs: stages,
  };
  const file = given.json ?? join(root, 'bench', 'results', `fit-${slug}.json`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(document, null, 1)}\n`);
}

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

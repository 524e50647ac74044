/**
 * `npm run bench [-- FILTER]`: builds and runs hrn_bench, prints tables for the processor (best of many runs) and, where
 * there is one, the NVIDIA GPU (medians), and keeps the figures of a whole run in bench/results/<processor>.json and
 * .csv and bench/results/<gpu>.csv.
 *
 * `npm run bench -- --from PATH`: the same from what hrn_bench printed on another machine, or from what .ci/gpu kept there
 * in a folder, whose figures of whole fits go to bench/results/fit-<gpu>.json and which are all printed.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Document, print as printResult } from './gpu/schedule.js';

interface Measurement {
  name: string;
  size: string;
  device: 'cpu' | 'cuda';
  /** 0 on a GPU. */
  threads: number;
  medianMs: number;
  minMs: number;
  /** Processor time of all threads, least of all runs: hardly disturbed by other programs. */
  cpuMs: number;
  /** What one run must at least read and write; 0: not counted. */
  bytes: number;
  runs: number;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const given = process.argv[2] === '--from' ? process.argv[3] : undefined;
const filter = given === undefined ? process.argv[2] : undefined;
const folder = given !== undefined && statSync(given).isDirectory() ? given : undefined;
const from = folder === undefined ? given : join(folder, 'kernels.jsonl');

const lines = (from === undefined ? runHere() : readFileSync(from, 'utf8'))
  .split('\n')
  .filter((line) => line.startsWith('{'))
  .map((line) => JSON.parse(line) as Measurement | { isa: string; threads: number } | { gpu: string; reason?: string });
const machine = lines.find((line) => 'isa' in line)!;
const gpu = lines.find((line) => 'gpu' in line);
const all = lines.filter((line): line is Measurement => 'name' in line);
const measurements = all.filter(({ device }) => device === 'cpu');
const onGpu = all.filter(({ device }) => device === 'cuda');
// The best run is the one that other programs disturbed least; medians are in the file.
const gigabytesPerSecond = ({ bytes, minMs }: Measurement) => bytes / minMs / 1e6;
const copy = new Map(measurements.filter((m) => m.name === 'copy').map((m) => [m.threads, gigabytesPerSecond(m)]));

const processor = from === undefined ? (cpus()[0]?.model ?? 'unknown processor').trim() : `host of ${gpu?.gpu}`;
console.log(`${processor}, ${machine.threads} threads, ${machine.isa}`);
for (const [threads, rate] of copy) console.log(`copy with ${threads} thread(s): ${rate.toFixed(1)} GB/s`);
print(table());
if (onGpu.length > 0) {
  console.log(`\n${gpu!.gpu}`);
  print(gpuTable());
} else {
  console.log(`\nno GPU: ${gpu?.reason ?? 'hrn_bench did not look for one'}`);
}
if (folder !== undefined) {
  const { machine: where, results } = JSON.parse(readFileSync(join(folder, 'gpu.json'), 'utf8')) as Document;
  console.log(`\n${Object.values(where).join('; ')}`);
  for (const result of results) printResult(result);
  const fits = join(folder, 'fit.json');
  if (existsSync(fits)) copyFileSync(fits, join(root, 'bench', 'results', `fit-${slug(gpu!.gpu)}.json`));
}
if (!filter) {
  if (from === undefined) store();
  if (onGpu.length > 0) storeGpu();
  if (from === undefined) await import('./whole-fit.js');
}

function runHere(): string {
  const { stdout, status } = spawnSync(
    process.execPath,
    ['scripts/build-native.mjs', '--run=hrn_bench', ...(filter ? ['--', filter] : [])],
    { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 },
  );
  if (status !== 0) {
    console.error(stdout);
    process.exit(status ?? 1);
  }
  return stdout;
}

/** One row per op and size: time, bytes by count, share of the GPU's own copy, and how much faster than all threads. */
function gpuTable(): string[][] {
  const rate = ({ bytes, medianMs }: Measurement) => bytes / medianMs / 1e6;
  const copyRate = rate(onGpu.find(({ name }) => name === 'copy')!);
  const threads = Math.max(...measurements.map((m) => m.threads));
  const rows = onGpu.map((m) => {
    const cpu = measurements.find((c) => c.name === m.name && c.size === m.size && c.threads === threads);
    return [
      m.name,
      m.size,
      (1e3 * m.medianMs).toFixed(2),
      m.bytes ? m.bytes.toFixed(0) : '',
      m.bytes ? rate(m).toFixed(0) : '',
      m.bytes ? `${Math.round((100 * rate(m)) / copyRate)} %` : '',
      cpu && m.name !== 'copy' ? (cpu.medianMs / m.medianMs).toFixed(1) : '',
    ];
  });
  return [['op', 'size', 'us', 'bytes', 'GB/s', 'of copy', `times CPU (${threads} threads)`], ...rows];
}

function storeGpu(): void {
  const file = join(root, 'bench', 'results', `${slug(gpu!.gpu)}.csv`);
  writeFileSync(
    file,
    gpuTable()
      .map((row) => `${row.map((cell) => JSON.stringify(cell)).join(',')}\n`)
      .join(''),
  );
  console.log(`kept in ${file}`);
}

function slug(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

/** One row per op and size, thread counts side by side. */
function table(): string[][] {
  const counts = [...copy.keys()];
  const header = ['op', 'size', ...counts.flatMap((n) => [`ms (${n})`, `GB/s (${n})`, `of copy (${n})`])];
  const rows = new Map<string, string[]>();
  for (const m of measurements.filter(({ name }) => name !== 'copy')) {
    const key = `${m.name}|${m.size}`;
    const row = rows.get(key) ?? [m.name, m.size];
    const rate = gigabytesPerSecond(m);
    const share = rate / copy.get(m.threads)!;
    row.push(m.minMs.toFixed(3), m.bytes ? rate.toFixed(1) : '', m.bytes ? `${Math.round(100 * share)} %` : '');
    rows.set(key, row);
  }
  return [header, ...rows.values()];
}

function print(rows: string[][]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    console.log(row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '));
  }
}

function store(): void {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const stem = join(folder, slug(processor));
  const copyGBs = Object.fromEntries(copy);
  const document = { processor, ...machine, node: process.version, copyGigabytesPerSecond: copyGBs, measurements };
  writeFileSync(`${stem}.json`, `${JSON.stringify(document, null, 1)}\n`);
  const fields = ['name', 'size', 'threads', 'medianMs', 'minMs', 'cpuMs', 'bytes', 'runs'] as const;
  const csv = [fields.join(','), ...measurements.map((m) => fields.map((f) => JSON.stringify(m[f])).join(','))];
  writeFileSync(`${stem}.csv`, `${csv.join('\n')}\n`);
  console.log(`kept in bench/results/${stem.split(/[\\/]/).pop()}.json and .csv`);
}

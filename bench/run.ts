/**
 * `npm run bench [-- FILTER]`: builds and runs hrn_bench, prints a table (best of many runs), and keeps the figures of a whole run in
 * bench/results/<processor>.json and .csv.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Measurement {
  name: string;
  size: string;
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
const filter = process.argv[2];

const { stdout, status } = spawnSync(
  process.execPath,
  ['scripts/build-native.mjs', '--run=hrn_bench', ...(filter ? ['--', filter] : [])],
  { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 },
);
if (status !== 0) {
  console.error(stdout);
  process.exit(status ?? 1);
}
const lines = stdout
  .split('\n')
  .filter((line) => line.startsWith('{'))
  .map((line) => JSON.parse(line) as Measurement | { isa: string; threads: number });
const machine = lines.find((line) => 'isa' in line)!;
const measurements = lines.filter((line): line is Measurement => 'name' in line);
// The best run is the one that other programs disturbed least; medians are in the file.
const gigabytesPerSecond = ({ bytes, minMs }: Measurement) => bytes / minMs / 1e6;
const copy = new Map(measurements.filter((m) => m.name === 'copy').map((m) => [m.threads, gigabytesPerSecond(m)]));

const processor = (cpus()[0]?.model ?? 'unknown processor').trim();
console.log(`${processor}, ${machine.threads} threads, ${machine.isa}`);
for (const [threads, rate] of copy) console.log(`copy with ${threads} thread(s): ${rate.toFixed(1)} GB/s`);
print(table());
if (!filter) {
  store();
  await import('./whole-fit.js');
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
  const stem = join(
    folder,
    processor
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, ''),
  );
  const copyGBs = Object.fromEntries(copy);
  const document = { processor, ...machine, node: process.version, copyGigabytesPerSecond: copyGBs, measurements };
  writeFileSync(`${stem}.json`, `${JSON.stringify(document, null, 1)}\n`);
  const fields = ['name', 'size', 'threads', 'medianMs', 'minMs', 'cpuMs', 'bytes', 'runs'] as const;
  const csv = [fields.join(','), ...measurements.map((m) => fields.map((f) => JSON.stringify(m[f])).join(','))];
  writeFileSync(`${stem}.csv`, `${csv.join('\n')}\n`);
  console.log(`kept in bench/results/${stem.split(/[\\/]/).pop()}.json and .csv`);
}

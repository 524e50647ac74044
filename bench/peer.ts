/**
 * `npx tsx bench/peer.ts`: one whole iteration of the reference's fitting loop, ours (bench/kernels/reference_bench.cpp)
 * against PyTorch on the CPU (prototypes/peer-loop of the folder shared by the developers), in turns on the same machine,
 * and their ratio. Says so and stops where PyTorch or that folder is absent. HRN_PEER_PYTHON: the Python that has torch.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROUNDS = 3;
const root = fileURLToPath(new URL('..', import.meta.url));
const shared = process.env.HRN_SHARED ?? join(root, '..', 'shared');
const loop = join(shared, 'prototypes', 'peer-loop');
const python = process.env.HRN_PEER_PYTHON ?? 'python3';

function run(command: string, args: string[], cwd: string): string {
  const { stdout, status, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error || status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? status}`);
  return stdout;
}

function missing(): string | undefined {
  if (!existsSync(join(loop, 'loop.py'))) return `no peer loop at ${loop} (set HRN_SHARED)`;
  const { status } = spawnSync(python, ['-c', 'import torch, numpy'], { stdio: 'ignore' });
  return status === 0 ? undefined : `${python} has no PyTorch and NumPy (set HRN_PEER_PYTHON)`;
}

interface Times {
  median: number;
  min: number;
}

function peer(folder: string, threads: number): Times {
  const found = /median ([\d.]+) min ([\d.]+)/.exec(run(python, ['loop.py', String(threads)], folder));
  if (!found) throw new Error('the peer loop printed no times');
  return { median: Number(found[1]), min: Number(found[2]) };
}

function ours(threads: number): Times {
  const output = run(
    process.execPath,
    ['scripts/build-native.mjs', '--run=hrn_bench', '--', 'reference_iteration'],
    root,
  );
  for (const line of output.split('\n').filter((text) => text.startsWith('{'))) {
    const m = JSON.parse(line) as { name?: string; threads: number; medianMs: number; minMs: number };
    if (m.name === 'reference_iteration' && m.threads === threads) return { median: m.medianMs, min: m.minMs };
  }
  throw new Error('hrn_bench measured no reference_iteration');
}

/** The round that other programs disturbed least. */
const best = (rounds: Times[]): Times => ({
  median: Math.min(...rounds.map(({ median }) => median)),
  min: Math.min(...rounds.map(({ min }) => min)),
});

const reason = missing();
if (reason) {
  console.log(`peer comparison skipped: ${reason}`);
} else {
  const threads = availableParallelism();
  const folder = mkdtempSync(join(tmpdir(), 'hrn-peer-'));
  try {
    for (const file of ['loop.py', 'vis.cpp']) copyFileSync(join(loop, file), join(folder, file));
    run('g++', ['-O3', '-march=native', '-shared', '-fPIC', 'vis.cpp', '-o', 'vis.so'], folder);
    const rounds = Array.from({ length: ROUNDS }, () => ({ peer: peer(folder, threads), ours: ours(threads) }));
    const theirs = best(rounds.map((round) => round.peer));
    const own = best(rounds.map((round) => round.ours));
    const row = (name: string, { median, min }: Times) =>
      console.log(`${name.padEnd(8)} median ${median.toFixed(1)} ms  best ${min.toFixed(1)} ms`);
    console.log(`one iteration at the reference's sizes, ${threads} threads, best of ${ROUNDS} rounds`);
    row('PyTorch', theirs);
    row('hrn', own);
    const ratio = (key: keyof Times) => (theirs[key] / own[key]).toFixed(1);
    console.log(`ratio: median ${ratio('median')}, best ${ratio('min')}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

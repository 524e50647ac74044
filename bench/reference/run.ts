/**
 * `npm run bench:reference`: the reference's method at its own sizes, with random weights, beside PyTorch on the same
 * machine, in turns: 100 iterations of its fitting loop (35,721 vertices, 224 px, two maps of 300 x 300), and the four
 * networks of the other method. Prints times, ratios and what the project wants, and keeps them in
 * bench/results/reference.json. HRN_PEER_PYTHON: a Python that has PyTorch; without one only our times are printed. Its
 * loop is prototypes/peer-loop of the folder shared by the developers (HRN_SHARED).
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runJob } from '../../lib/native/job.js';
import { native } from '../../lib/native/load.js';
import { onnxRuntime } from '../../lib/native/onnx-runtime.js';
import { coefficientNetwork, deRetouchingNetwork, mapNetwork, type Tensors } from '../../lib/reference/networks.js';
import { randoms, randomTensors } from '../../test/reference/random-tensors.js';

const ROUNDS = 2;
const ITERATIONS = 100;
/** Wanted: of the loop, of the networks together, ms; and of both ratios. */
const LOOP_LIMIT_MS = 800;
const NETWORKS_LIMIT_MS = 1500;
const RATIO_LEAST = 30;

const root = fileURLToPath(new URL('../..', import.meta.url));
const shapesFile = join(root, 'test', 'reference', 'fixtures', 'network-shapes.json');
const shared = process.env.HRN_SHARED ?? join(root, '..', 'shared');
const peerLoop = join(shared, 'prototypes', 'peer-loop');
const python = process.env.HRN_PEER_PYTHON ?? 'python3';
const threads = availableParallelism();

/** A curved grid of 189 x 189 vertices, about as many as the reference's face has, looked at by its camera. */
function loopProblem() {
  const G = 189;
  const V = G * G;
  const mean = new Float32Array(3 * V);
  const uvs = new Float32Array(2 * V);
  for (let v = 0; v < V; v++) {
    const [x, y] = [((v % G) / (G - 1)) * 2 - 1, (Math.floor(v / G) / (G - 1)) * 2 - 1];
    mean.set([x * 0.75, -y * 0.95, 0.6 * Math.sqrt(Math.max(0, 1 - 0.5 * (x * x + y * y)))], 3 * v);
    uvs.set([(x + 1) / 2, 1 - (y + 1) / 2], 2 * v);
  }
  const triangles: number[] = [];
  for (let y = 0; y + 1 < G; y++)
    for (let x = 0; x + 1 < G; x++) {
      const a = y * G + x;
      triangles.push(a, a + G, a + 1, a + 1, a + G, a + G + 1);
    }
  const [identityCount, expressionCount, albedoCount, side] = [80, 64, 80, 224];
  const model = {
    ...{ identityCount, expressionCount, albedoCount, mean, uvs },
    shapeBasis: randoms('shape', 3 * V * (identityCount + expressionCount), 0.002),
    meanAlbedo: new Float32Array(3 * V).fill(0.6),
    albedoBasis: randoms('albedo', 3 * V * albedoCount, 0.01),
    triangles: Uint32Array.from(triangles),
    keypoints: Uint32Array.from({ length: 68 }, (_, i) => (i * 523 + 7) % V),
  };
  const problem = {
    side,
    mapSize: 300,
    focal: 1015,
    cameraDistance: 10,
    picture: randoms('picture', 3 * side * side, 0.5, 0.5),
    landmarks: randoms('landmarks', 136, 60, side / 2),
    rows: Float32Array.from({ length: 2 * side }, (_, i) => (i % 2 === 0 ? 40 : 184)),
    coefficients: new Float32Array(257),
    iterations: ITERATIONS,
  };
  return { model, problem };
}

const timed = async (run: () => Promise<unknown>) => {
  const start = performance.now();
  await run();
  return performance.now() - start;
};

const NETWORKS: readonly [name: string, build: (tensors: Tensors) => Uint8Array, inputs: number][] = [
  ['coefficients', (tensors) => coefficientNetwork(tensors), 3 * 224 * 224],
  ['mid', (tensors) => mapNetwork(tensors, 'mid_net.', 64), 6 * 64 * 64],
  ['high', (tensors) => mapNetwork(tensors, 'high_net.', 256), 9 * 256 * 256],
  ['retouch', (tensors) => deRetouchingNetwork(tensors), 3 * 256 * 256],
];

/** Runs each network once and again; ms of the second. */
async function ourNetworks(): Promise<Record<string, number>> {
  const shapes = JSON.parse(readFileSync(shapesFile, 'utf8')) as Record<string, Record<string, number[]>>;
  const times: Record<string, number> = {};
  for (const [name, build, inputs] of NETWORKS) {
    const session = new (native().Session)();
    const model = build(randomTensors(shapes[name]!));
    await session.open({ library: onnxRuntime('cpu').library, model, threads }).promise;
    const input = randoms(`input ${name}`, inputs, 1);
    await runJob(() => session.run(input));
    times[name] = await timed(() => runJob(() => session.run(input)));
    session.dispose();
  }
  return times;
}

function command(program: string, args: string[], cwd: string): string {
  const { stdout, status, error } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (error || status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? `status ${status}`}`);
  return stdout;
}

function theirLoop(): number {
  const folder = mkdtempSync(join(tmpdir(), 'hrn-peer-'));
  try {
    for (const file of ['loop.py', 'vis.cpp']) copyFileSync(join(peerLoop, file), join(folder, file));
    command('g++', ['-O3', '-march=native', '-shared', '-fPIC', 'vis.cpp', '-o', 'vis.so'], folder);
    const found = /median ([\d.]+)/.exec(command(python, ['loop.py', String(threads)], folder));
    if (!found) throw new Error('the peer loop printed no time');
    return ITERATIONS * Number(found[1]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function theirNetworks(): Record<string, number> {
  const printed = command(python, [join(root, 'bench/reference/networks.py'), shapesFile, String(threads)], root);
  const lines = printed.trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => JSON.parse(line) as { network: string; ms: number }).map(({ network, ms }) => [network, ms]),
  );
}

function missing(): string | undefined {
  if (!existsSync(join(peerLoop, 'loop.py'))) return `no peer loop at ${peerLoop} (HRN_SHARED)`;
  const { status } = spawnSync(python, ['-c', 'import torch, numpy'], { stdio: 'ignore' });
  return status === 0 ? undefined : `${python} has no PyTorch and NumPy (HRN_PEER_PYTHON)`;
}

/** Of each key the round that other programs disturbed least. */
const least = (rounds: readonly Record<string, number>[]): Record<string, number> =>
  Object.fromEntries(Object.keys(rounds[0]!).map((key) => [key, Math.min(...rounds.map((round) => round[key]!))]));

const reason = missing();
const context = new (native().Context)({ threads });
const { model, problem } = loopProblem();
// Once for all faces, as the peer's time is that of its iterations alone.
const prepared = await native().buildReferenceModel(model).promise;
const own: Record<string, number>[] = [];
const theirs: Record<string, number>[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const loop = await timed(() => runJob(() => native().referenceFit(context, prepared, problem)));
  own.push({ loop, ...(await ourNetworks()) });
  if (!reason) theirs.push({ loop: theirLoop(), ...theirNetworks() });
}
context.dispose();

const sums = (rounds: readonly Record<string, number>[]) => {
  const { loop = 0, ...networks } = least(rounds);
  return { loop, ...networks, networks: Object.values(networks).reduce((sum, ms) => sum + ms, 0) };
};
const ours: Record<string, number> = sums(own);
const peer: Record<string, number> | undefined = reason ? undefined : sums(theirs);
console.log(`${cpus()[0]?.model.trim()}, ${threads} threads, least of ${ROUNDS} rounds in turns`);
const wanted: Record<string, number> = { loop: LOOP_LIMIT_MS, networks: NETWORKS_LIMIT_MS };
for (const [name, ms] of Object.entries(ours)) {
  const what = name === 'loop' ? `${ITERATIONS} iterations` : name === 'networks' ? 'all four' : `network ${name}`;
  const limit = wanted[name];
  const verdict = limit ? `  (at most ${limit}${ms > limit ? ': MISSED' : ''})` : '';
  const ratio = peer ? peer[name]! / ms : Number.NaN;
  const missed = name === 'loop' && ratio < RATIO_LEAST ? `, at least ${RATIO_LEAST}: MISSED` : '';
  const beside = peer ? `; PyTorch ${peer[name]!.toFixed(0)} ms, ratio ${ratio.toFixed(1)}${missed}` : '';
  console.log(`${what.padEnd(22)} ${ms.toFixed(0).padStart(6)} ms${verdict}${beside}`);
}
if (reason) console.log(`not compared with PyTorch: ${reason}`);
const document = { processor: cpus()[0]?.model.trim(), threads, hrn: ours, ...(peer && { pytorch: peer }) };
writeFileSync(join(root, 'bench', 'results', 'reference.json'), `${JSON.stringify(document, null, 1)}\n`);

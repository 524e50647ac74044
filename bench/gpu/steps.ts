// What .ci/gpu does, the most telling first.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { gpuTime, type JobSpan, readTrace } from './gpu-time.js';
import { type Figure, jsonLines, type Outcome, type Output, type Step } from './step.js';

export interface Surroundings {
  /** Folder with package.json, bench and node_modules. */
  root: string;
  /** Folder with hrn_native_tests and hrn_bench. */
  programs: string;
  /** Where results are kept. */
  results: string;
  /** Extension of this program's own files: as they are, or compiled. */
  script: '.ts' | '.js';
  /** Everything small: shows that it runs, measures nothing. */
  dry: boolean;
}

interface Measurement {
  name: string;
  size: string;
  device: string;
  medianMs: number;
}

/** What the project wants of a GPU like an H100, us. */
const KERNEL_LIMITS: Record<string, number> = {
  'deformation/iteration, 21k vertices, 224 px': 60,
  'refine_iteration, 21k vertices, 224 px, all coefficients': 90,
  'rasterize, 512 px': 15,
};
const PARITY_LIMIT_MM = 0.05;
const PEER_RATIO = 30;

export function steps(at: Surroundings): Step[] {
  const { dry } = at;
  const node = (path: string, ...args: string[]) => {
    const file = join(at.root, `${path}${at.script}`);
    return [process.execPath, ...(at.script === '.ts' ? ['--import', 'tsx'] : []), file, ...args];
  };
  const quick = (flag: string) => (dry ? [flag] : []);
  const photo = join(at.root, 'examples', 'astronaut.png');
  const fits = join(at.results, 'fit.json');

  return [
    {
      name: 'whole fits',
      command: node('bench/whole-fit', '--device', 'cuda', '--json', fits, ...quick('--quick')),
      limitS: dry ? 240 : 100,
      leastS: 25,
      read: (output) => readWholeFit(fits, output),
    },
    {
      name: 'CPU against GPU',
      command: node('bench/parity/run', '--devices', ...(dry ? ['--coarse', photo] : [])),
      limitS: dry ? 120 : 75,
      leastS: 15,
      read: readParity,
    },
    {
      name: 'native jobs',
      command: node('bench/native-jobs', '--device', 'cuda', ...(dry ? ['--coarse', '--fits', '1'] : [])),
      limitS: dry ? 120 : 30,
      leastS: 10,
      read: readJobs,
    },
    {
      name: 'native jobs, networks on 4 threads',
      command: node(
        'bench/native-jobs',
        ...['--device', 'cuda', '--network-threads', '4'],
        ...(dry ? ['--coarse', '--fits', '1'] : []),
      ),
      limitS: dry ? 120 : 30,
      leastS: 10,
      read: readJobs,
    },
    timeOnDevice(at, 'medium', node('bench/native-jobs', '--device', 'cuda', '--fits', '5')),
    {
      name: 'kernels',
      ...program(at, 'hrn_bench', '--gpu', ...quick('pose_project/backward pose')),
      limitS: 60,
      leastS: 15,
      read: (output) => readKernels(join(at.results, 'kernels.jsonl'), output),
    },
    {
      name: 'high detail and a track',
      command: node('bench/gpu/other-fits', '--device', 'cuda', ...quick('--quick')),
      limitS: dry ? 240 : 45,
      leastS: 20,
      read: readOtherFits,
    },
    timeOnDevice(at, 'high', node('bench/native-jobs', '--device', 'cuda', '--high', '--fits', '3')),
    {
      name: 'tests',
      ...tests(at, dry ? 'pose_project/1' : 'cuda'),
      limitS: 75,
      leastS: 15,
      read: readTests,
    },
    peer(at),
    hostParts(at),
    {
      name: 'networks by threads',
      command: node('bench/gpu/network-threads', ...quick('--quick')),
      limitS: 20,
      leastS: 8,
      read: readNetworks,
    },
    lostDevice(at, node('bench/gpu/lost-device', ...quick('--quick'))),
    sanitizer(at, 'memcheck', 'cuda', 110),
    // Minutes for all: those whose threads meet in shared memory and atomics.
    sanitizer(at, 'racecheck', 'rasterize', 45),
    sanitizer(at, 'racecheck', 'morphable_model', 45),
    sanitizer(at, 'initcheck', 'parity/cuda', 60),
    sanitizer(at, 'synccheck', 'cuda', 60),
    {
      name: 'batches',
      command: node('bench/gpu/batches', ...quick('--quick')),
      limitS: dry ? 120 : 90,
      leastS: 20,
      read: readBatches,
    },
    sanitizer(at, 'racecheck', 'fit/cuda', 300),
  ];
}

/** Runs one of the native programs, where it was built. */
function program({ programs }: Surroundings, name: string, ...args: string[]): Pick<Step, 'command' | 'reason'> {
  const path = join(programs, name);
  return existsSync(path) ? { command: [path, ...args] } : { reason: `${name} is not in ${programs}` };
}

/** A test asks for device 987, which is an error of the API and meant to be. */
const SANITIZER_FLAGS = ['--report-api-errors', 'no'];

function computeSanitizer(): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .concat('/usr/local/cuda/bin')
    .map((folder) => join(folder, 'compute-sanitizer'))
    .find(existsSync);
}

/**
 * The native tests with `filter` in their names. A kernel that fails breaks all that follow it in the process, so those
 * that failed run once more each on its own, under memcheck where it is here: what they say is in the log.
 */
function tests(at: Surroundings, filter: string): Pick<Step, 'command' | 'reason'> {
  const { command, reason } = program(at, 'hrn_native_tests');
  if (!command) return { reason: reason! };
  const script = [
    'set -o pipefail; program=$1 filter=$2 said=$(mktemp); shift 2',
    '"$program" "$filter" 2>&1 | tee "$said"; status=$?',
    '[ $status -le 1 ] || echo "not ok - $filter: ended with status $status" | tee -a "$said"',
    'sed -n "s/^not ok - \\([^:]*\\):.*/\\1/p" "$said" | head -n 8 | while read -r name; do',
    '  timeout 15 "$@" "$program" "$name" 2>&1 | head -n 60 | sed "s/^/alone: /"',
    'done',
    'rm "$said"; exit $status',
  ].join('\n');
  const sanitizer = computeSanitizer();
  const alone = sanitizer ? [sanitizer, '--tool', 'memcheck', ...SANITIZER_FLAGS] : [];
  return { command: ['bash', '-c', script, 'tests', command[0]!, filter, ...alone] };
}

/** What bench/whole-fit.ts keeps. */
interface WholeFit {
  device: string;
  figures: Record<string, number>;
  limits: { most: Record<string, number>; least: Record<string, number> };
  stagesMs: Record<string, number>;
}

/** What a program that gave up said of it. */
function lastWords(text: string): string {
  const lines = text.trim().split('\n');
  return lines.findLast((line) => /\w*Error: |terminate called|what\(\)/.test(line)) ?? lines.at(-1)!;
}

function readWholeFit(file: string, { text }: Output): Outcome {
  if (!existsSync(file)) return { figures: [], failure: lastWords(text) };
  const { device, figures, limits, stagesMs } = JSON.parse(readFileSync(file, 'utf8')) as WholeFit;
  const measured = Object.entries(figures).map(([full, value]): Figure => {
    const [, name, unit] = /^(.*?)(?:, (ms|MB|faces per minute))?$/.exec(full)!;
    const [most, least] = [limits.most[full], limits.least[full]];
    return {
      ...{ name: name!, value, unit: unit ?? '' },
      ...(most !== undefined && { limit: most, at: 'most' }),
      ...(least !== undefined && { limit: least, at: 'least' }),
    };
  });
  const stages = Object.entries(stagesMs).map(
    ([name, value]): Figure => ({ name: `stage ${name}`, value, unit: 'ms' }),
  );
  return {
    figures: [...measured, ...stages],
    ...(!device.startsWith('cuda') && { failure: `measured on ${device}` }),
  };
}

function readParity({ text }: Output): Outcome {
  const photos = jsonLines(text) as unknown as { name: string; meanMm: number; cpuMs: number; gpuMs: number }[];
  const figures = photos.flatMap(({ name, meanMm, cpuMs, gpuMs }): Figure[] => [
    { name: `${name}: apart`, value: meanMm, unit: 'mm', limit: PARITY_LIMIT_MM, at: 'most' },
    { name: `${name}: on the CPU`, value: cpuMs, unit: 'ms' },
    { name: `${name}: on the GPU`, value: gpuMs, unit: 'ms' },
  ]);
  return { figures, ...(photos.length === 0 && { failure: lastWords(text) }) };
}

function readJobs({ text }: Output): Outcome {
  const jobs = jsonLines(text) as unknown as { job: string; ms: number }[];
  return {
    figures: jobs.map(({ job, ms }): Figure => ({ name: job, value: ms, unit: 'ms' })),
    ...(jobs.length === 0 && { failure: lastWords(text) }),
  };
}

/** What of a fit's jobs is the GPU's work, what is waiting, launching, copying, allocating, and what the host's own. */
function timeOnDevice(at: Surroundings, detail: string, jobs: readonly string[]): Step {
  const library = join(at.programs, 'gpu_trace.so');
  const [trace, spans] = ['trace', 'spans'].map((what) =>
    join(tmpdir(), `hrn-gpu-${what}-${detail}-${process.pid}`),
  ) as [string, string];
  const rest = {
    name: `where the time of a ${detail} fit goes`,
    limitS: 40,
    leastS: 15,
    read: (output: Output) => readTimeOnDevice(trace, spans, output),
  };
  if (!existsSync(library))
    return { ...rest, reason: `gpu_trace.so is not in ${at.programs}: scripts/pack-gpu.mjs makes it` };
  return {
    ...rest,
    command: [...jobs, '--spans', spans],
    env: { CUDA_INJECTION64_PATH: library, HRN_GPU_TRACE: trace },
  };
}

function readTimeOnDevice(trace: string, spans: string, { text }: Output): Outcome {
  try {
    if (!existsSync(trace) || !existsSync(spans)) return { figures: [], failure: `no trace: ${lastWords(text)}` };
    const figures = gpuTime(
      readTrace(readFileSync(trace, 'utf8')),
      JSON.parse(readFileSync(spans, 'utf8')) as JobSpan[],
    );
    return { figures, ...(figures.length === 0 && { failure: 'the trace holds nothing of the fits' }) };
  } finally {
    for (const file of [trace, spans]) rmSync(file, { force: true });
  }
}

function readKernels(file: string, { text }: Output): Outcome {
  // As `npm run bench -- --from` takes it.
  writeFileSync(file, text);
  const lines = jsonLines(text);
  const missing = lines.map(({ reason, failure }) => (failure ?? reason) as string | undefined).find(Boolean);
  const figures = lines
    .filter((line) => line.device === 'cuda')
    .map((line): Figure => {
      const { name, size, medianMs } = line as unknown as Measurement;
      const limit = KERNEL_LIMITS[`${name}, ${size}`];
      const figure = { name: `${name}, ${size}`, value: 1e3 * medianMs, unit: 'us' };
      return limit === undefined ? figure : { ...figure, limit, at: 'most' };
    });
  return { figures, ...(missing && { failure: missing }) };
}

/** One iteration of the reference's loop in PyTorch on the GPU, and ours. */
function peer(at: Surroundings): Step {
  const loop = join(process.env.HRN_SHARED ?? join(at.root, '..', 'shared'), 'prototypes', 'peer-loop');
  const name = 'PyTorch on this GPU';
  const rest = { name, limitS: 75, leastS: 25 };
  const skipped = (reason: string): Step => ({ ...rest, reason, read: () => ({ figures: [] }) });
  if (at.dry) return skipped('a dry run');
  if (!existsSync(join(loop, 'loop.py'))) return skipped('its loop is not here (HRN_SHARED)');
  const script = '"$3" --gpu reference_iteration && python3 "$2" "$1"';
  const python = join(at.root, 'bench', 'gpu', 'peer_loop.py');
  return {
    ...rest,
    command: ['bash', '-c', script, 'peer', loop, python, join(at.programs, 'hrn_bench')],
    read({ text }) {
      const lines = jsonLines(text);
      const theirs = (lines.find((line) => 'peer' in line)?.peer as { medianMs: number } | undefined)?.medianMs;
      const ours = lines.find(({ name: of, device }) => of === 'reference_iteration' && device === 'cuda')?.medianMs;
      const figures: Figure[] = [];
      if (theirs) figures.push({ name: "reference's iteration, PyTorch", value: theirs, unit: 'ms' });
      if (ours) figures.push({ name: "reference's iteration, hrn", value: ours as number, unit: 'ms' });
      if (!theirs || !ours) return { figures, failure: lastWords(text) };
      const value = theirs / (ours as number);
      return { figures: [...figures, { name: 'ratio', value, unit: 'x', limit: PEER_RATIO, at: 'least' }] };
    },
  };
}

/** On the host's threads: what handing them work takes, and what the dense fits leave to them. */
function hostParts(at: Surroundings): Step {
  const { command, reason } = program(at, 'hrn_bench');
  const rest = { name: 'the host', limitS: at.dry ? 60 : 20, leastS: 8, read: readHostParts };
  const script = at.dry ? '"$1" parallel_for' : '"$1" parallel_for && "$1" solver/';
  return command ? { ...rest, command: ['bash', '-c', script, 'host', command[0]!] } : { ...rest, reason: reason! };
}

function readHostParts({ text }: Output): Outcome {
  const lines = jsonLines(text).filter(({ device, name }) => device === 'cpu' && name !== 'copy');
  const figures = (lines as unknown as (Measurement & { threads: number })[]).map(
    ({ name, size, threads, medianMs }): Figure => ({
      name: `${name}, ${size}, ${threads} thread${threads > 1 ? 's' : ''}`,
      value: 1e3 * medianMs,
      unit: 'us',
    }),
  );
  return { figures, ...(figures.length === 0 && { failure: lastWords(text) }) };
}

function readNetworks({ text }: Output): Outcome {
  const lines = jsonLines(text) as unknown as { network: string; threads: number; medianMs: number }[];
  const figures = lines.map(
    ({ network, threads, medianMs }): Figure => ({
      name: `${network}, ${threads} thread${threads > 1 ? 's' : ''}`,
      value: medianMs,
      unit: 'ms',
    }),
  );
  return { figures, ...(figures.length === 0 && { failure: lastWords(text) }) };
}

/** A GPU that fails in mid-fit: a fault of its own in a kit's process, one that is told to the emulated GPU. */
function lostDevice(at: Surroundings, command: string[]): Step {
  const fault = join(at.programs, 'gpu_fault.so');
  const rest = { name: 'a device lost in mid-fit', limitS: at.dry ? 120 : 30, leastS: 12, read: readLostDevice };
  if (at.dry) return { ...rest, command, env: { HRN_EMULATED_GPU: 'fail=100' } };
  if (!existsSync(fault))
    return { ...rest, reason: `gpu_fault.so is not in ${at.programs}: scripts/pack-gpu.mjs makes it` };
  const signal = join(at.results, 'lose-the-device');
  rmSync(signal, { force: true });
  return { ...rest, command, env: { LD_PRELOAD: fault, HRN_GPU_FAULT: signal } };
}

function readLostDevice({ text }: Output): Outcome {
  const told = jsonLines(text).at(-1) as { device: string; lost: string; next: string } | undefined;
  if (!told) return { figures: [], failure: lastWords(text) };
  const isRight =
    told.device.startsWith('cuda') && told.lost === 'DEVICE_FAILED' && /^(cpu|cuda:\d+) \(/.test(told.next);
  const figures: Figure[] = [
    { name: 'told, and the next fit is well', value: isRight ? 1 : 0, unit: '', limit: 1, at: 'least' },
  ];
  return { figures, ...(!isRight && { failure: `on ${told.device}: ${told.lost}, then ${told.next}` }) };
}

function readOtherFits({ text }: Output): Outcome {
  const lines = jsonLines(text) as {
    device: string;
    highMs?: number;
    framesPerSecond?: number;
    stagesMs?: Record<string, number>;
  }[];
  const figures = lines.flatMap(({ highMs, framesPerSecond, stagesMs = {} }): Figure[] => [
    ...(highMs === undefined
      ? []
      : [{ name: 'warm fit at high detail', value: highMs, unit: 'ms', limit: 140, at: 'most' } as const]),
    ...Object.entries(stagesMs).map(([name, value]) => ({ name: `stage ${name} at high detail`, value, unit: 'ms' })),
    ...(framesPerSecond === undefined
      ? []
      : [{ name: 'track', value: framesPerSecond, unit: 'frames/s', limit: 100, at: 'least' } as const]),
  ]);
  const elsewhere = lines.find(({ device }) => !device.startsWith('cuda'))?.device;
  const failure = lines.length < 2 ? lastWords(text) : elsewhere && `measured on ${elsewhere}`;
  return { figures, ...(failure && { failure }) };
}

function readTests({ text }: Output): Outcome {
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
  const failed = [...text.matchAll(/^not ok - .*$/gm)].map(([line]) => line);
  const figures: Figure[] = [
    { name: 'passed', value: count(/^ok - (?!.* # SKIP)/gm), unit: '' },
    { name: 'failed', value: failed.length, unit: '', limit: 0, at: 'most' },
    { name: 'skipped', value: count(/^ok - .* # SKIP/gm), unit: '', limit: 0, at: 'most' },
  ];
  return { figures, ...(failed[0] && { failure: failed[0] }) };
}

function sanitizer(at: Surroundings, tool: string, filter: string, limitS: number): Step {
  const name = `${tool} of ${filter}`;
  const program = computeSanitizer();
  const rest = { name, limitS, leastS: 15 };
  if (!program) return { ...rest, reason: 'compute-sanitizer is not here', read: () => ({ figures: [] }) };
  const flags = ['--tool', tool, ...SANITIZER_FLAGS, '--error-exitcode', '9'];
  return {
    ...rest,
    command: [program, ...flags, join(at.programs, 'hrn_native_tests'), filter],
    read(output) {
      const { figures, failure } = readTests(output);
      const found = [
        ...output.text.matchAll(/^========= (?!COMPUTE-SANITIZER|ERROR SUMMARY|RACECHECK SUMMARY)(\S.*)$/gm),
      ];
      const summary = /^========= (?:ERROR|RACECHECK) SUMMARY: (\d+)/m.exec(output.text)?.[1];
      const errors = summary ? Number(summary) : found.length;
      const wrong = failure ?? (errors > 0 ? (found[0]?.[1] ?? `${errors} errors`) : undefined);
      figures.push({ name: 'errors', value: errors, unit: '', limit: 0, at: 'most' });
      return { figures, ...(wrong && { failure: wrong }) };
    },
  };
}

function readBatches({ text }: Output): { figures: Figure[] } {
  type Batch = { processes: number; inFlight: number; facesPerSecond: number };
  return {
    figures: (jsonLines(text) as unknown as Batch[]).map(({ processes, inFlight, facesPerSecond }): Figure => {
      const name = `${processes} processes, ${inFlight} in flight in each`;
      const figure = { name, value: facesPerSecond, unit: 'faces/s' };
      return processes === 1 && inFlight === 16 ? { ...figure, limit: 30, at: 'least' } : figure;
    }),
  };
}

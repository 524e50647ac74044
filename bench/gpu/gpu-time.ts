// Where a fit's time goes on a GPU: what gpu_trace.cpp wrote of a process, by the native jobs that ran meanwhile.
import type { Figure } from './step.js';

/** A native job, or a whole fit, of fit number `fit`; nanoseconds of CLOCK_MONOTONIC. */
export interface JobSpan {
  fit: number;
  job: string;
  startNs: number;
  endNs: number;
}

interface Interval {
  startNs: number;
  endNs: number;
}
interface Call extends Interval {
  sort: CallSort;
}
interface Work extends Interval {
  /** What of the program it is. */
  name: string;
}

/** What calls of the runtime are for. */
const CALL_SORTS = ['waiting', 'launching', 'copying', 'memory', 'other calls'] as const;
type CallSort = (typeof CALL_SORTS)[number];
/** Who waits asks again and again, with so much time between two questions at most. */
const BETWEEN_QUESTIONS_NS = 30_000;
/** So many kernels are named. */
const KERNELS = 20;

export interface Trace {
  calls: Call[];
  works: Work[];
}

export function readTrace(text: string): Trace {
  const [calls, works]: [Call[], Work[]] = [[], []];
  for (const line of text.split('\n')) {
    const [, what, name, start, end, rest = ''] = /^(api|gpu) (\S+) (\d+) (\d+) ?(.*)$/.exec(line) ?? [];
    if (!what) continue;
    const interval = { startNs: Number(start), endNs: Number(end) };
    if (what === 'api') calls.push({ ...interval, sort: sortOf(name!) });
    else works.push({ ...interval, name: name === 'kernel' ? kernelName(rest) : `${name} ${rest}`.trim() });
  }
  calls.sort((a, b) => a.startNs - b.startNs);
  works.sort((a, b) => a.startNs - b.startNs);
  return { calls, works };
}

function sortOf(call: string): CallSort {
  if (/Synchronize|Query/.test(call)) return 'waiting';
  if (/Launch/.test(call)) return 'launching';
  if (/Memcpy|Memset/.test(call)) return 'copying';
  return /Malloc|Free|Alloc|MemPool/.test(call) ? 'memory' : 'other calls';
}

/** `void hrn::cuda::each_kernel<hrn::fit::Fused::Place, ...>(...)`: `fit::Fused::Place`. */
export function kernelName(full: string): string {
  const name = full
    .replace(/^void /, '')
    .replaceAll('(anonymous namespace)::', '')
    .replaceAll('hrn::', '');
  const [, first] = /kernel<([^,>]+)/.exec(name) ?? [];
  return first ?? name.replace(/[<(].*$/, '');
}

/** Figures of every job that uses the GPU, and of its kernels: medians over the fits. */
export function gpuTime({ calls, works }: Trace, spans: readonly JobSpan[]): Figure[] {
  const jobs = [...new Set(spans.map(({ job }) => job))];
  const figures = jobs.flatMap((job): Figure[] => {
    const runs = spans.filter((span) => span.job === job).map((span) => oneRun(calls, works, span));
    if (runs.every(({ launches }) => launches === 0)) return [];
    return Object.keys(runs[0]!).map((name) => ({
      name: `${job}: ${name}`,
      value: median(runs.map((run) => run[name as keyof Run])),
      unit: name === 'launches' || name === 'kernels' ? '' : 'ms',
    }));
  });
  const fits = spans.filter(({ job }) => job === WHOLE_FIT);
  const byName = new Map<string, { ms: number; times: number }>();
  for (const fit of fits)
    for (const { name, startNs, endNs } of within(works, fit)) {
      const sum = byName.get(name) ?? { ms: 0, times: 0 };
      byName.set(name, { ms: sum.ms + (endNs - startNs) / 1e6, times: sum.times + 1 });
    }
  const longest = [...byName].sort(([, a], [, b]) => b.ms - a.ms).slice(0, KERNELS);
  const kernels = longest.map(([name, { ms, times }]) => ({
    name: `${name}, ${Math.round(times / fits.length)} times a fit`,
    value: ms / fits.length,
    unit: 'ms',
  }));
  return [...figures, ...kernels];
}

export const WHOLE_FIT = 'whole fit';

type Run = Record<'wall' | 'GPU at work' | CallSort | 'host alone' | 'launches' | 'kernels', number>;

function oneRun(calls: readonly Call[], works: readonly Work[], span: JobSpan): Run {
  const [ours, theirs] = [within(calls, span), within(works, span)];
  const inCalls = Object.fromEntries(CALL_SORTS.map((sort) => [sort, 0])) as Record<CallSort, number>;
  for (const [i, { sort, startNs, endNs }] of ours.entries()) {
    const before = ours[i - 1];
    const isSameWait =
      sort === 'waiting' && before?.sort === 'waiting' && startNs - before.endNs < BETWEEN_QUESTIONS_NS;
    inCalls[sort] += (endNs - (isSameWait ? before.endNs : startNs)) / 1e6;
  }
  const wall = (span.endNs - span.startNs) / 1e6;
  return {
    wall,
    'GPU at work': unionNs(theirs) / 1e6,
    ...inCalls,
    'host alone': wall - CALL_SORTS.reduce((sum, sort) => sum + inCalls[sort], 0),
    launches: ours.filter(({ sort }) => sort === 'launching').length,
    kernels: theirs.length,
  };
}

function within<T extends Interval>(sorted: readonly T[], { startNs, endNs }: Interval): T[] {
  return sorted.filter((each) => each.startNs >= startNs && each.startNs < endNs);
}

/** Of intervals in the order of their starts, which may overlap. */
function unionNs(sorted: readonly Interval[]): number {
  let [sum, last] = [0, Number.NEGATIVE_INFINITY];
  for (const { startNs, endNs } of sorted) {
    sum += Math.max(0, endNs - Math.max(startNs, last));
    last = Math.max(last, endNs);
  }
  return sum;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
